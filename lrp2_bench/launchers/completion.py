"""Shell completion: ``eval "$(lrp2-bench -sc install=bash)"``; Hydra completes a command's groups and settings.

Hydra's script asks ``lrp2-bench -sc query=SHELL`` with the line typed so far in the environment. It knows of one
program, not of one with commands: the command is read from the line, and the rest is Hydra's.
"""

from __future__ import annotations

import glob
import io
import os
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any, get_type_hints

from lrp2_bench.config.arguments import TAKES_FOLDERS
from lrp2_bench.config.extensions import NAMES
from lrp2_bench.core import settings
from lrp2_bench.core.errors import BenchError, UnknownNameError
from lrp2_bench.core.languages import GROUPS, LANGUAGES
from lrp2_bench.launchers.plugin import shared_repository

FLAGS = ("-sc", "--shell-completion")
SHELLS = ("bash", "fish", "zsh")
_VERBS = ("install", "query", "uninstall")
#: Hydra's zsh script completes as bash does.
_LINE = "COMP_LINE"
_HELP = f'eval "$(lrp2-bench {FLAGS[0]} install=bash)" makes bash complete commands, groups and settings.'


def complete(arguments: Sequence[str], commands: Collection[str], run: Callable[[str, list[str]], object]) -> None:
    """``-sc install=bash`` and the like; ``run`` runs a command of Hydra's with arguments.

    Raises :class:`BenchError` for what is no verb and shell. A query never fails: what cannot be completed is nothing.
    """
    asked = [argument for argument in arguments if argument not in FLAGS]
    verb, _, shell = asked[0].partition("=") if len(asked) == 1 else ("", "", "")
    if verb not in _VERBS or not shell:
        raise BenchError(f"{FLAGS[0]} takes one of install=SHELL and uninstall=SHELL, of {', '.join(SHELLS)}.\n{_HELP}")
    if shell not in SHELLS:
        raise UnknownNameError("shell", shell, SHELLS, _HELP)
    if verb == "query":
        print(*_choices(commands, run, shell), sep="\n" if shell == "fish" else " ")
        return
    if verb == "uninstall" and shell != "fish":  # Hydra forgets the function, and leaves the shell calling it
        print("complete -r lrp2-bench")
    run(next(iter(commands)), [FLAGS[0], f"{verb}={shell}"])


def _choices(commands: Collection[str], run: Callable[[str, list[str]], object], shell: str) -> list[str]:
    line = os.environ.get(_LINE, "")
    words = line.split()
    word = "" if line.endswith(" ") or not words else words[-1]
    if len(words) < 2 or (len(words) == 2 and word):
        return [*sorted(commands), "--help", "--version"]
    command = words[1]
    if command not in commands:
        return []
    key, equals, value = word.partition("=")
    if equals and (values := _values(command, key)):
        *before, _ = value.split(",")  # of several, the last is completed
        start = "".join(f"{one}," for one in before)
        return [f"{key}={start}{one}" for one in values]
    said = io.StringIO()
    typed = line.partition(command)[2].lstrip()
    with _line(f"lrp2-bench {typed}"), redirect_stdout(said), redirect_stderr(io.StringIO()), shared_repository():
        try:
            run(command, [FLAGS[0], f"query={shell}"])
        except (Exception, SystemExit):  # what is half typed, or wrong, cannot be composed
            return []
    found = said.getvalue().split()
    if command in TAKES_FOLDERS and "=" not in word:
        begun = glob.glob(f"{glob.escape(word)}*")  # noqa: PTH207, as it was typed
        found += [f"{path}{os.sep}" for path in begun if Path(path).is_dir()]
    return found


def _values(command: str, key: str) -> Sequence[str]:
    """What a setting takes, where that is a list: languages, options of the settings classes, true and false."""
    if key == "language":
        return (*GROUPS, *LANGUAGES)
    if key in NAMES:
        return NAMES[key].names()
    kind: Any = getattr(settings, f"{command.capitalize()}Command")
    for part in key.split("."):
        if not is_dataclass(kind):
            return ()
        kind = get_type_hints(kind).get(part)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return [member.name for member in kind]
    return ("true", "false") if kind is bool else ()


@contextmanager
def _line(text: str) -> Iterator[None]:
    """The line that Hydra's plugin reads, without our command."""
    before = os.environ.get(_LINE)
    os.environ[_LINE] = text
    try:
        yield
    finally:
        if before is None:
            del os.environ[_LINE]
        else:
            os.environ[_LINE] = before
