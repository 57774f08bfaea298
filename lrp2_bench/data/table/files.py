"""The files of a table of facts, as entries with their places: columns found and mapped, cells read as text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from lrp2_bench.core.errors import BenchError, UnknownNameError
from lrp2_bench.core.files import require_reachable
from lrp2_bench.core.languages import GROUPS
from lrp2_bench.core.types import WORDING
from lrp2_bench.data.filetree import open_tree
from lrp2_bench.data.language_table import usual_code
from lrp2_bench.data.rows import ENDINGS, Faults, Row, Rows, read_rows, text_of

#: The columns of ``facts``; the first five are needed, but for ``subject`` where no template has ``[X]``.
COLUMNS = ("fact", "relation", "language", "subject", "object", "subject_id", "object_id", "template")

_NEEDED = {
    "facts": ("fact", "relation", "language", "object"),
    "templates": ("relation", "language", "template"),
    "candidates": ("relation", "language", "object"),
}
_EXPECTED = (
    "A table is a folder with facts.csv (fact,relation,language,subject,object) and templates.csv "
    "(relation,language,template), or one file of facts with a column template; .tsv, .jsonl and .parquet do as well."
)
_LANGUAGE = re.compile(r"[^\W_][\w-]*")


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of any of the files: ``""`` for what it does not say."""

    place: str
    fact: str
    relation: str
    language: str
    subject: str
    object: str
    subject_id: str
    object_id: str
    template: str


@dataclass
class TableFiles:
    """Entries by language in file order; ``codes`` are the languages that were written otherwise."""

    facts: dict[str, list[Entry]] = field(default_factory=dict)
    templates: dict[str, list[Entry]] = field(default_factory=dict)
    candidates: dict[str, list[Entry]] = field(default_factory=dict)
    codes: dict[str, str] = field(default_factory=dict)


def read_table(path: Path, columns: Mapping[str, str] | None, faults: Faults) -> TableFiles:
    """A folder, a zip of one, or a file of facts. Raises :class:`BenchError` for what cannot be read as a whole; the
    rest is ``faults``."""
    mapping = _mapping(columns)
    table = TableFiles()
    for kind, (source, read) in _sources(path).items():
        rows = read_rows(read(), source, list(mapping.values()), faults)
        _require_columns(rows, kind, mapping, columns or {})
        into: dict[str, list[Entry]] = getattr(table, kind)
        for entry in _entries(rows, kind, mapping, faults, table.codes):
            into.setdefault(entry.language, []).append(entry)
    return table


def _mapping(columns: Mapping[str, str] | None) -> dict[str, str]:
    """The names of our columns in the files. Raises :class:`UnknownNameError` for one that is none of ours."""
    for name, theirs in (columns or {}).items():
        if name not in COLUMNS:
            raise UnknownNameError(
                "column in dataset.columns:", str(name), COLUMNS, "Give dataset.columns={subject:head}, say."
            )
        if not isinstance(theirs, str) or not theirs.strip():
            raise BenchError(
                f"dataset.columns gives {name} as {theirs!r}: give the name that the column has in your file."
            )
    return {name: (columns or {}).get(name, name).strip().casefold() for name in COLUMNS}


def _sources(path: Path) -> dict[str, tuple[str, Callable[[], bytes]]]:
    """Where each kind of file is, and how to read it."""
    require_reachable(path, "dataset.path")
    if path.is_file() and path.suffix.lower() in ENDINGS:
        return {"facts": (str(path), lambda: open_tree(path.parent).read(PurePosixPath(path.name)))}
    if path.is_file() and path.suffix.lower() != ".zip":
        raise BenchError(f"'{path}' is none of {', '.join('*' + each for each in ENDINGS)} and no folder.\n{_EXPECTED}")
    tree = open_tree(path)
    files = [each for each in tree.paths() if each.suffix.lower() in ENDINGS]
    found: dict[str, PurePosixPath] = {}
    for kind in _NEEDED:
        named = [each for each in files if each.stem.lower() == kind]
        top = [each for each in named if len(each.parts) == 1] or named
        if len(top) > 1:
            raise BenchError(
                f"'{path}' holds {' and '.join(str(each) for each in top)}: which are the {kind}? Leave one there."
            )
        if top:
            found[kind] = top[0]
    if "facts" not in found:
        there = ", ".join(sorted(str(each) for each in tree.paths())[:10]) or "nothing"
        raise BenchError(f"'{path}' holds no facts.csv (or .tsv, .jsonl, .parquet), but {there}.\n{_EXPECTED}")

    def reader(inside: PurePosixPath) -> Callable[[], bytes]:
        return lambda: tree.read(inside)

    return {kind: (tree.source(inside), reader(inside)) for kind, inside in found.items()}


def _require_columns(rows: Rows, kind: str, mapping: Mapping[str, str], given: Mapping[str, str]) -> None:
    # A mapping is meant for the facts; other files may have it or our own names.
    missing = [name for name in _NEEDED[kind] if _column(rows, name, mapping, kind) is None]
    if kind == "facts":
        missing += [name for name in given if mapping[name] not in rows.columns and name not in missing]
    if not missing or not rows.rows:
        return
    named = [f"'{mapping[name]}'" + (f" ({name})" if mapping[name] != name else "") for name in missing]
    raise BenchError(
        f"'{rows.source}' has no column {' and no column '.join(named)}. It has: {', '.join(rows.columns)}.\n"
        f"Rename columns there, or say which are which: 'dataset.columns={{{missing[0]}: NAME}}'.\n{_EXPECTED}"
    )


def _column(rows: Rows, name: str, mapping: Mapping[str, str], kind: str) -> str | None:
    names = [mapping[name]] if kind == "facts" else [mapping[name], name]
    return next((each for each in names if each in rows.columns), None)


def _entries(
    rows: Rows, kind: str, mapping: Mapping[str, str], faults: Faults, codes: dict[str, str]
) -> Iterator[Entry]:
    there = {name: _column(rows, name, mapping, kind) for name in COLUMNS}
    for row in rows.rows:
        cells = {}
        for name, column in there.items():
            value = row.cells.get(column) if column is not None else None
            text = text_of(value)
            if text is None:
                faults.add(row.place, f"{column}={str(value)[:40]!r} is {type(value).__name__}, not text")
            cells[name] = text or ""
        if _is_sound(row, kind, cells, there, faults):
            code = usual_code(cells["language"])
            if code != cells["language"]:
                codes[cells["language"]] = code
            yield Entry(row.place, **{**cells, "language": code})


def _is_sound(row: Row, kind: str, cells: Mapping[str, str], columns: Mapping[str, str | None], faults: Faults) -> bool:
    before = len(faults.found)
    empty = [columns[name] or name for name in _NEEDED[kind] if not cells[name]]
    if empty:
        faults.add(row.place, f"no {' and no '.join(empty)}: the cell is empty; fill it in, or leave the row out")
    language = cells["language"]
    if language and not _LANGUAGE.fullmatch(language):
        faults.add(row.place, f"language '{language[:40]}' is no code such as de, zh or pt-BR")
    elif usual_code(language) in GROUPS:
        faults.add(row.place, f"language '{language}' is the name of a group of languages; give another code")
    if re.search(rf"{WORDING}\d+$", cells["fact"]):
        faults.add(row.place, f"fact '{cells['fact']}' ends as further wordings of a fact do ({WORDING}2); rename it")
    return len(faults.found) == before
