"""Which command a command line means, and what to say where it names none."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Sequence

from lrp2_bench.errors import BenchError, UnknownNameError

_HELP = {"help", "-h", "--help"}
_EXPLAINED = "`lrp2-bench` alone explains them."


def in_order(arguments: Sequence[str], commands: Collection[str]) -> list[str]:
    """``help search`` and ``--help search`` as ``search --help``; all else as it is."""
    given = list(arguments)
    if len(given) == 2 and given[0] in _HELP:
        return [given[1], "--help"]
    if len(given) == 2 and given[1] == "help" and given[0] in commands:
        return [given[0], "--help"]
    return given


def unknown_command(given: Sequence[str], commands: Collection[str]) -> BenchError:
    """The error for a command line that does not begin with a command, naming the one that was meant where it can."""
    first = given[0]
    if first.startswith("-") or "=" in first:
        named = next((argument for argument in given if argument in commands), None)
        if named is not None:
            rest = list(given)
            rest.remove(named)
            return BenchError(f"The command comes first: {shlex.join(['lrp2-bench', named, *rest])}")
        if "=" in first and not first.startswith("-"):
            return BenchError(
                f"'{first}' is a setting, and no command is named.\n"
                f"Known: {', '.join(sorted(commands))}. For example: {shlex.join(['lrp2-bench', 'search', *given])}"
            )
    return UnknownNameError("command", first, commands, _EXPLAINED)
