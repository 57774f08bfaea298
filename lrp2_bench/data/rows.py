"""Tables in whatever form people have them, as rows of cells: CSV, TSV, JSON lines and Parquet.

A CSV's cells are cut at the comma, semicolon or tab with which its header has the columns looked for. Text is UTF-8, or
UTF-16 or UTF-32 with a byte order mark, as spreadsheets write it. What is wrong is collected with file and line, so
that all of it is told at once.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from lrp2_bench.core.errors import BenchError
from lrp2_bench.data.encoding import decode_text

#: The forms there are, by a file's ending.
ENDINGS = (".csv", ".tsv", ".jsonl", ".parquet")

#: Characters a cell may have; more is a quotation mark that was never closed, or no label.
LONGEST = 100_000

_SHOWN = 10
_AGAIN = "Correct them, and check again."
_DELIMITERS = (",", ";", "\t")
_LINE_END = re.compile(r"\r\n|\r|\n")  # a lone \r is how old Macs, and spreadsheets on request, end lines
_BLANK_LINES = re.compile(r"(?:[ ]*(?:\r\n|\r|\n))+")
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32", codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}  # fmt: skip


class FaultyTableError(BenchError):
    """A table that is wrong in places, of which the text tells the first and ``everything`` all."""

    def __init__(self, text: str, everything: str) -> None:
        super().__init__(text)
        self.everything = everything


@dataclass
class Faults:
    """What is wrong with a table, each with its place. A table with any is not used."""

    found: list[str] = field(default_factory=list)

    def add(self, where: str, what: str) -> None:
        self.found.append(f"{where}: {what}")

    def require_none(self, next_step: str) -> None:
        """Raises :class:`FaultyTableError` where there are any."""
        if self.found:
            raise self.error(next_step)

    def error(self, next_step: str) -> FaultyTableError:
        more = len(self.found) - _SHOWN
        count = "1 fault:" if len(self.found) == 1 else f"{len(self.found):,} faults:"
        everything = [count, *(f"  {fault}" for fault in self.found)]
        some = everything[: 1 + _SHOWN] + ([f"  and {more:,} more"] if more > 0 else [])
        told, all_told = ("\n".join([*lines, end]) for lines, end in ((some, next_step), (everything, _AGAIN)))
        return FaultyTableError(told, all_told)


@dataclass(frozen=True, slots=True)
class Row:
    """``cells`` by the names of columns, as lower case as they are looked for; ``place`` is ``FILE line N``."""

    place: str
    cells: Mapping[str, object]


@dataclass(frozen=True)
class Rows:
    source: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]


def read_rows_at(path: Path, setting: str, columns: Sequence[str], expected: str, faults: Faults) -> Rows:
    """The rows of the file that ``setting`` names, which has all of ``columns``; single rows are ``faults``. Raises
    :class:`BenchError`, which ends with what is ``expected``."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BenchError(f"{setting}: cannot read '{path}': {error.strerror}. {expected}") from error
    table = read_rows(data, str(path), columns, faults)
    missing = [name for name in columns if name not in table.columns]
    if missing and table.rows:
        raise BenchError(
            f"{setting}: '{path}' has no column {' and no column '.join(missing)}, but {', '.join(table.columns)}. "
            f"{expected}"
        )
    return table


def read_rows(data: bytes, source: str, columns: Sequence[str], faults: Faults) -> Rows:
    """The rows of a file whose name ends in one of :data:`ENDINGS`; ``columns`` are the names looked for. What cannot
    be read as a whole raises :class:`BenchError`; single rows are ``faults``."""
    ending = PurePosixPath(source).suffix.lower()
    if ending not in ENDINGS:
        raise BenchError(f"'{source}' is none of {', '.join('*' + each for each in ENDINGS)}: save it as one of these.")
    if not data:
        raise BenchError(f"'{source}' is empty (0 bytes). Write it again, or give another file.")
    if ending == ".parquet":
        return _parquet(data, source)
    text = _text(data, source)
    rows = _json_lines(text, source, faults) if ending == ".jsonl" else _csv(text, source, ending, columns, faults)
    if not rows.rows and not faults.found:
        raise BenchError(f"'{source}' has no row{'' if ending == '.jsonl' else ' below its header'}. Fill it in.")
    return rows


def text_of(value: object) -> str | None:
    """A cell as text, "" for an empty one; whole numbers (12 and 12.0) are the same text. None for what is none."""
    if isinstance(value, str):
        return value.strip()
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8").strip()
        except UnicodeDecodeError:
            return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return str(int(value)) if isinstance(value, int) or value.is_integer() else None


def _text(data: bytes, source: str) -> str:
    for mark, name in _MARKS.items():
        if data.startswith(mark):
            try:
                return data.decode(name)
            except UnicodeDecodeError as error:
                raise BenchError(
                    f"'{source}' begins as {name.upper()} and is not: byte {error.start + 1}. Save it as UTF-8."
                ) from error
    return decode_text(data, source)


def _csv(text: str, source: str, ending: str, columns: Sequence[str], faults: Faults) -> Rows:
    blank = _BLANK_LINES.match(text)
    skipped = len(_LINE_END.findall(blank[0])) if blank else 0
    text = text[blank.end() :] if blank else text
    first, rest = _first_line(text)
    delimiter = "\t" if ending == ".tsv" else None
    if first.lower().startswith("sep=") and len(first.strip()) in (4, 5):  # how Excel is told; "sep=\t" strips to 4
        delimiter, text, skipped = first[4:5] or "\t", rest, skipped + 1
        first, _ = _first_line(text)
    csv.field_size_limit(LONGEST)
    if delimiter is None:
        known = {name.casefold() for name in columns}
        delimiter = max(_DELIMITERS, key=lambda each: len(known & set(_cut(first, each))))
    # Unquoted quotation marks inside a cell are text; a cell that opens with one ends with one.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header: list[str] = []
    found = []
    line = 1
    try:
        for cells in reader:
            place, line = f"{source} line {line + skipped}", reader.line_num + 1
            if not header:
                header = _header(cells)
                _require_distinct(header, place)
            elif not any(cell.strip() for cell in cells):
                continue
            elif len(cells) != len(header):
                faults.add(place, f"{len(cells)} cells, but the header has {len(header)}: {','.join(header)}")
            else:
                found.append(Row(place, dict(zip(header, cells, strict=True))))
    except csv.Error as error:
        why = (
            f"a cell of more than {LONGEST:,} characters; is its quotation mark closed?"
            if "limit" in str(error)
            else f'not CSV ({error}); is a quotation mark doubled ("") and closed?'
        )
        faults.add(f"{source} line {line + skipped}", why)
    return Rows(source, tuple(header), tuple(found))


def _first_line(text: str) -> tuple[str, str]:
    """The first line and the rest, without the line end between them."""
    first, *rest = _LINE_END.split(text, maxsplit=1)
    return first, "".join(rest)


def _cut(line: str, delimiter: str) -> list[str]:
    """A header as it would be with ``delimiter``; nothing where that makes a cell too long for the reader."""
    try:
        return _header(next(csv.reader([line], delimiter=delimiter), []))
    except csv.Error:
        return []


def _header(cells: Sequence[str]) -> list[str]:
    return [cell.strip().casefold() for cell in cells]


def _require_distinct(header: Sequence[str], place: str) -> None:
    twice = sorted(name for name, count in Counter(header).items() if count > 1)
    if "" in twice:
        raise BenchError(
            f"{place}: the header has {header.count('')} columns without a name, as spreadsheets leave behind a table. "
            "Delete these columns."
        )
    if twice:
        raise BenchError(f"{place}: the header names {', '.join(map(repr, twice))} more than once. Rename one of each.")


def _json_lines(text: str, source: str, faults: Faults) -> Rows:
    columns: dict[str, None] = {}
    found = []
    for number, line in enumerate(_LINE_END.split(text), start=1):
        if not line.strip():
            continue
        place = f"{source} line {number}"
        try:
            value = json.loads(line)
            json.dumps(value, ensure_ascii=False).encode("utf-8")
        except (ValueError, RecursionError) as error:
            faults.add(
                place, f'not JSON ({str(error).partition(":")[0]}); each line is an object such as {{"fact": 1}}'
            )
            continue
        if not isinstance(value, dict):
            faults.add(place, f"no JSON object, but {type(value).__name__}; a list is cut into lines by jq -c '.[]'")
            continue
        cells = {str(name).strip().casefold(): cell for name, cell in value.items()}
        columns.update(dict.fromkeys(cells))
        found.append(Row(place, cells))
    return Rows(source, tuple(columns), tuple(found))


def _parquet(data: bytes, source: str) -> Rows:
    import pyarrow as pa  # only those who have such a file wait for it
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(io.BytesIO(data))
        columns = [column.to_pylist() for column in table.columns]
    except (OSError, ValueError, pa.ArrowException) as error:
        raise BenchError(f"'{source}' cannot be read as Parquet ({error}). Write it again.") from error
    header = _header(table.column_names)
    _require_distinct(header, source)
    if not len(table):
        raise BenchError(f"'{source}' has no row. Fill it in.")
    return Rows(source, tuple(header), tuple(_numbered(header, columns, source)))


def _numbered(header: Sequence[str], columns: Sequence[Sequence[Any]], source: str) -> Iterator[Row]:
    for number, cells in enumerate(zip(*columns, strict=True), start=1):
        yield Row(f"{source} row {number}", dict(zip(header, cells, strict=True)))
