"""What Hydra cannot do with a command line: positionals, and names for groups of languages."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lrp2_bench.core.errors import BenchError, UnknownNameError, nearest
from lrp2_bench.core.languages import GROUPS, LANGUAGES
from lrp2_bench.core.quoting import quoted
from lrp2_bench.data.language_table import is_language_code

__all__ = ["expand", "expand_groups", "manifest_argument", "quoted"]

Groups = Mapping[str, Sequence[str]]

_MULTIRUN = {"-m", "--multirun"}
_QUIET = {"-q", "--quiet"}
_PRINTING = {"-c", "--cfg", "-i", "--info"}
_FROM_MANIFEST = "--from-manifest"
#: Commands that are given folders of runs as they are.
TAKES_FOLDERS = {"report", "workspace", "regret", "dashboard"}
#: Commands that look at several languages in one job.
_TAKES_LANGUAGES = {"analyze", "check"}
#: Commands that are given a dataset's path as it is.
_TAKES_PATH = {"check"}
# Hydra's own flags that are followed by a value.
_VALUED = _PRINTING | {
    "-p", "--package", "-cp", "--config-path", "-cn", "--config-name", "-cd", "--config-dir", "--experimental-rerun",
}  # fmt: skip


def expand(command: str, arguments: Sequence[str]) -> list[str]:
    """Arguments as Hydra takes them: ``report outputs/X`` becomes ``inputs=[...]``, ``language=high`` its members.

    Flags come last, since Hydra takes none between settings. Raises :class:`BenchError` for a positional no command
    knows, for several languages without ``-m``, and for flags that exclude each other.
    """
    if command in _TAKES_LANGUAGES:  # whose setting languages= is the list itself
        arguments = [argument.replace("languages.path=", "languages_path=", 1) if argument.startswith("languages.path=")
                     else argument for argument in arguments]  # fmt: skip
    flags = set(arguments)
    if flags & _MULTIRUN and flags & _PRINTING:
        raise BenchError("--cfg and --info print the configuration of one job: leave -m out and give one value a key.")
    hydra_flags, expanded, positionals = [], [], []
    if command == "report":
        arguments = ["quiet=true" if argument in _QUIET else argument for argument in arguments]
    takes_value = False

    def find_groups() -> Groups:
        from lrp2_bench.config.group_members import groups_for  # composes a configuration, which most starts need not

        return groups_for(command, arguments)

    for argument in arguments:
        if takes_value or argument.startswith("-"):
            hydra_flags.append(argument)
            takes_value = not takes_value and argument in _VALUED
        elif _is_positional(command, argument):
            positionals.append(argument)
        elif argument.startswith("language=") and command in _TAKES_PATH:  # which expands groups once it has the path
            expanded.append(f"languages=[{_members(argument)}]")
        elif argument.startswith("language=") and command in _TAKES_LANGUAGES:
            asked = expand_groups(f"language={_members(argument)}", find_groups)
            expanded.append(f"languages=[{asked.removeprefix('language=')}]")
        elif argument.startswith("language="):
            expanded.append(_languages(argument, find_groups, multirun=bool(flags & _MULTIRUN)))
        else:
            expanded.append(argument)
    if len(positionals) == 1 and command in _TAKES_PATH:
        expanded.append(f"dataset.path={quoted(positionals.pop())}")
    if positionals and command not in TAKES_FOLDERS:
        raise BenchError(
            f"'{positionals[0]}' is not a setting. Settings of `lrp2-bench {command}` are given as key=value, "
            f"such as language=de; `lrp2-bench {command} --help` lists them."
        )
    if positionals:
        expanded.append(f"inputs=[{','.join(quoted(path) for path in positionals)}]")
    return [*expanded, *hydra_flags]


def manifest_argument(command: str, arguments: Sequence[str]) -> tuple[str | None, list[str]]:
    """The path behind ``--from-manifest`` (None without it), and the other arguments."""
    paths, others = [], []
    takes_value = False
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if takes_value or (name == _FROM_MANIFEST and equals):
            paths.append(argument if takes_value else value)
            takes_value = False
        elif name == _FROM_MANIFEST:
            takes_value = True
        else:
            others.append(argument)
    if takes_value or "" in paths or len(paths) > 1:
        raise BenchError(f"{_FROM_MANIFEST} takes one path: {_FROM_MANIFEST} outputs/.../manifest.json.")
    if paths and command != "search":
        raise BenchError(
            f"{_FROM_MANIFEST} is for `lrp2-bench search`, which makes runs; '{command}' has none to repeat."
        )
    return (paths[0] if paths else None), others


def _is_positional(command: str, argument: str) -> bool:
    """Also a path that holds a =, as folders of Hydra's multiruns do."""
    if "=" not in argument:
        return not argument.startswith("~")
    return command in _TAKES_PATH | TAKES_FOLDERS and "/" in argument.partition("=")[0] and Path(argument).exists()


def _members(argument: str) -> str:
    """Of ``language=de,en`` or ``language=[de,en]``, which means the same."""
    value = argument.removeprefix("language=").strip()
    return value[1:-1] if value[:1] + value[-1:] == "[]" else value


def expand_groups(setting: str, find_groups: Callable[[], Groups] = lambda: GROUPS) -> str:
    """``language=high,de`` with the codes of ``high``, each once; other settings as they are.

    ``find_groups`` gives the groups of the dataset at hand, and is asked only where one is named. Raises
    :class:`UnknownNameError` for what is no language and nearly a group, :class:`BenchError` for a group of which the
    dataset holds none.
    """
    if not setting.startswith("language="):
        return setting
    codes: list[str] = []
    for name in setting.removeprefix("language=").split(","):
        if name not in GROUPS and name not in LANGUAGES and nearest(name, GROUPS) and not is_language_code(name):
            raise UnknownNameError("group of languages", name, GROUPS, "Languages are given by their codes.")
        members = find_groups() if name in GROUPS else {name: (name,)}
        if not members[name]:
            raise BenchError(
                f"language={name}: the dataset holds no language of this group. It holds "
                f"{', '.join(members['all']) or 'none but the pivot'}; languages.path=FILE.csv gives the families and "
                "sizes of those that the benchmark does not know."
            )
        codes += [code for code in members[name] if code not in codes]
    return f"language={','.join(codes)}"


def _languages(argument: str, find_groups: Callable[[], Groups], *, multirun: bool) -> str:
    expanded = expand_groups(argument, find_groups)
    if "," in expanded and not multirun:
        raise BenchError(f"'{argument}' is {expanded.count(',') + 1} languages, one job each: add -m for a multirun.")
    return expanded


def as_value(value: Any) -> str:
    """``value`` as an override writes it."""
    if isinstance(value, str | Path):
        return quoted(str(value))
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{key}:{as_value(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return f"[{','.join(as_value(item) for item in value)}]"
    if getattr(value, "shape", None) == ():  # a number of NumPy's or PyTorch's
        value = value.item()
    try:
        return json.dumps(value)
    except TypeError as error:
        raise BenchError(
            f"{value!r} is a {type(value).__name__}: give a setting as a text, a number, True, False, None, a list, "
            "or a mapping of these."
        ) from error
