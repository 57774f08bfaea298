"""Configuration files of the user's own (``--config-dir DIR``): what is wrong with those that a command line chooses.

Hydra puts ``DIR/GROUP/NAME.yaml`` under the key GROUP, unless a first line says ``# @package _global_``. A sweep needs
that line, other groups do without it; with the wrong one of the two, Hydra complains of settings nobody has typed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import yaml

from lrp2_bench.config.compose import SWEEP, options
from lrp2_bench.core.errors import BenchError, UnknownNameError
from lrp2_bench.core.settings import AnalyzeCommand, BenchCommand, SearchCommand, VectorsCommand

_FLAGS = ("--config-dir", "-cd")
_HEADER = "# @package _global_"
_HELP = "docs/sweeps.md shows one of each kind."
#: Groups whose files describe an object to be made.
_MADE = ("analysis", "corpus", "dataset", "tracking")


def check_own_files(arguments: Sequence[str]) -> None:
    """Raises :class:`BenchError` for a chosen file in ``--config-dir`` that cannot be what its group needs, naming the
    file, what is wrong and what to write instead. Files that are not chosen are not looked at."""
    folder = _config_dir(arguments)
    if folder is None or not folder.is_dir():
        return  # Hydra says so itself
    for group, path in _chosen(folder, arguments):
        _check(folder, group, path)


def _config_dir(arguments: Sequence[str]) -> Path | None:
    for place, argument in enumerate(arguments):
        name, equals, value = argument.partition("=")
        if name in _FLAGS:
            value = value if equals else next(iter(arguments[place + 1 :]), "")
            return Path(value).expanduser() if value else None
    return None


def _chosen(folder: Path, arguments: Sequence[str]) -> Iterator[tuple[str, Path]]:
    """``GROUP=NAME`` and ``GROUP=NAME,NAME``, each with the file in ``folder`` where there is one."""
    for argument in arguments:
        group, equals, names = argument.lstrip("+").partition("=")
        for name in names.split(",") if equals else ():
            path = folder / group / f"{name.strip()}.yaml"
            if re.fullmatch(r"[a-z_]+", group) and path.is_file():
                yield group, path


def _check(folder: Path, group: str, path: Path) -> None:
    try:
        text = path.read_text("utf-8")
        found = yaml.safe_load(text)
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise BenchError(f"Cannot read '{path}': {' '.join(str(error).split())}.") from error
    if not isinstance(found, Mapping) or not found:
        raise BenchError(f"'{path}' holds no settings (key: value). {_HELP}")
    keys = [str(key) for key in found if key != "defaults"]
    header = re.match(r"(?:\s*(?:#[^\n]*)?\n)*?\s*#\s*@package\s+(\S+)", text)
    if group == SWEEP and header is None:
        raise BenchError(
            f"'{path}' lacks the line '{_HEADER}' at its top, so that its settings ({', '.join(keys)}) are not the "
            f"command's. Put it above all others. {_HELP}"
        )
    if group != SWEEP and header is None and isinstance(found.get(group), Mapping):
        inside = ", ".join(str(key) for key in found[group])
        raise BenchError(
            f"'{path}' is an option of the group '{group}', and its '{group}:' would become {group}.{group}. Leave "
            f"that line out and write what is below it ({inside}) without the indent. {_HELP}"
        )
    if group != SWEEP and header is not None and header[1] == "_global_" and (lost := set(keys) - _top()):
        raise BenchError(
            f"'{path}' begins with '{_HEADER}', so that {', '.join(sorted(lost))} would not be of the {group}. Delete "
            f"that line: only sweeps need it. {_HELP}"
        )
    if group in _MADE and header is None and "_target_" not in found and not found.get("defaults"):
        raise BenchError(
            f"'{path}' names no _target_ of {group}. Begin with one that is there and change what "
            f"differs: 'defaults: [{options(group)[0]}]'. {_HELP}"
        )
    for entry in found.get("defaults") or ():
        _check_default(folder, group, path, entry)


def _check_default(folder: Path, group: str, path: Path, entry: Any) -> None:
    """An entry of the defaults list: ``override /GROUP: NAME`` in a sweep, ``NAME`` of the same group elsewhere."""
    where = f"in the defaults list of '{path}':"
    if isinstance(entry, str) and entry != "_self_" and group != SWEEP and "/" not in entry:
        known = {*options(group), *(each.stem for each in (folder / group).glob("*.yaml"))}
        if known and entry not in known:
            raise UnknownNameError(f"{group} {where}", entry, known, _HELP)
    if not isinstance(entry, Mapping) or group != SWEEP:
        return
    for key, name in entry.items():
        words = str(key).split()
        of = words[-1].lstrip("/")
        if words != ["override", f"/{of}"] and options(of):
            raise BenchError(
                f"'{key}: {name}' {where} the command has chosen a {of} already. Write 'override /{of}: {name}'. "
                f"{_HELP}"
            )
        if "/" not in of and "@" not in of and of in _top():
            known = {*options(of), *(each.stem for each in (folder / of).glob("*.yaml"))}
            if isinstance(name, str) and known and name not in known:
                raise UnknownNameError(f"{of} {where}", name, known, _HELP)


def _top() -> set[str]:
    """The settings and groups at the top of the commands' configurations."""
    commands = (SearchCommand, AnalyzeCommand, VectorsCommand, BenchCommand)
    return {"hydra"} | {field.name for command in commands for field in fields(command)}
