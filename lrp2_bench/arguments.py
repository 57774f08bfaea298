"""What Hydra cannot do with a command line: positionals, and names for groups of languages."""

from __future__ import annotations

from collections.abc import Sequence

from lrp2_bench.errors import BenchError
from lrp2_bench.languages import GROUPS

_MULTIRUN = {"-m", "--multirun"}
_QUIET = {"-q", "--quiet"}
_PRINTING = {"-c", "--cfg", "-i", "--info"}
# Hydra's own flags that are followed by a value.
_VALUED = _PRINTING | {
    "-p", "--package", "-cp", "--config-path", "-cn", "--config-name", "-cd", "--config-dir", "--experimental-rerun",
}  # fmt: skip


def expand(command: str, arguments: Sequence[str]) -> list[str]:
    """Arguments as Hydra takes them: ``report outputs/X`` becomes ``inputs=[...]``, ``language=high`` its members.

    Flags come last, since Hydra takes none between settings. Raises :class:`BenchError` for a positional no command
    knows, for several languages without ``-m``, and for flags that exclude each other.
    """
    flags = set(arguments)
    if flags & _MULTIRUN and flags & _PRINTING:
        raise BenchError("--cfg and --info print the configuration of one job: leave -m out and give one value a key.")
    hydra_flags, expanded, positionals = [], [], []
    if command == "report":
        arguments = ["quiet=true" if argument in _QUIET else argument for argument in arguments]
    takes_value = False
    for argument in arguments:
        if takes_value or argument.startswith("-"):
            hydra_flags.append(argument)
            takes_value = not takes_value and argument in _VALUED
        elif "=" not in argument and not argument.startswith("~"):
            positionals.append(argument)
        elif argument.startswith("language="):
            expanded.append(_languages(argument, multirun=bool(flags & _MULTIRUN)))
        else:
            expanded.append(argument)
    if positionals and command != "report":
        raise BenchError(
            f"'{positionals[0]}' is no setting. Settings of `lrp2-bench {command}` are given as key=value, "
            f"such as language=de; `lrp2-bench {command} --help` lists them."
        )
    if positionals:
        expanded.append(f"inputs=[{','.join(quoted(path) for path in positionals)}]")
    return [*expanded, *hydra_flags]


def _languages(argument: str, *, multirun: bool) -> str:
    codes: list[str] = []
    for name in argument.removeprefix("language=").split(","):
        codes += [code for code in GROUPS.get(name, (name,)) if code not in codes]
    if len(codes) > 1 and not multirun:
        raise BenchError(f"'{argument}' is {len(codes)} languages, one job each: add -m for a multirun.")
    return f"language={','.join(codes)}"


def quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
