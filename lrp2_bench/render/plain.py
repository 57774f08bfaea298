"""Writes a :class:`~lrp2_bench.render.table.Table` as Markdown or CSV; LaTeX is in ``latex.py``.

Texts may come from data (folder names, messages): each form escapes them, and all replace control characters and
marks that reverse the direction of writing.
"""

from __future__ import annotations

import csv
import io
import math
import re

from lrp2_bench.core.types import Interval, LayerPair
from lrp2_bench.render.cells import show
from lrp2_bench.render.table import WORDS, Cell, Column, Table
from lrp2_bench.render.text import one_line


def to_markdown(table: Table) -> str:
    """A heading, a GitHub table and the notes as a list."""
    table = table.for_readers()
    header = [escaped(column.title) for column in table.columns]
    rule = ["---" if column.kind in WORDS else "---:" for column in table.columns]
    body = [
        [escaped(show(cell, column)) for cell, column in zip(row, table.columns, strict=True)] for row in table.rows
    ]
    lines = ["| " + " | ".join(cells) + " |" for cells in (header, rule, *body)]
    notes = [f"- {escaped(note)}" for note in table.notes]
    return "\n".join([f"## {escaped(table.title)}", "", *lines, *([""] if notes else []), *notes]) + "\n"


def to_csv(table: Table) -> str:
    """Full precision for programs: six decimals, nothing where there is no value; the parts of pairs and shares, and
    bounds (``KEY_low``, ``KEY_high``), in columns of their own."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    columns = [(column, any(_has_strength(row[at]) for row in table.rows)) for at, column in enumerate(table.columns)]
    writer.writerow([name for column, strengths in columns for name in _csv_names(column, strengths)])
    for row in table.rows:
        parts = (_csv(cell, column, strengths) for cell, (column, strengths) in zip(row, columns, strict=True))
        writer.writerow([text for part in parts for text in part])
    return buffer.getvalue()


def escaped(text: str) -> str:
    """``text`` on one line of Markdown, as it is."""
    return re.sub(r"([\\`*_\[\]<>|&#~$])", r"\\\1", one_line(text))


def _has_strength(cell: Cell) -> bool:
    return isinstance(cell, LayerPair) and cell.strength is not None


def _csv_names(column: Column, strengths: bool) -> tuple[str, ...]:
    if column.kind == "pair":
        return f"{column.key}_lirp", f"{column.key}_lsrp", *((f"{column.key}_strength",) if strengths else ())
    if column.kind.endswith("interval"):
        return column.key, f"{column.key}_low", f"{column.key}_high"
    return (column.key, f"{column.key}_of") if column.kind == "share" else (column.key,)


def _csv(cell: Cell, column: Column, strengths: bool) -> tuple[str, ...]:
    if column.kind in ("pair", "share"):
        if isinstance(cell, LayerPair):
            return str(cell.lirp), str(cell.lsrp), *((cell.strengths,) if strengths else ())
        there = (str(cell[0]), str(cell[1])) if isinstance(cell, tuple) else ("", "")
        return (*there, "") if strengths else there
    if column.kind.endswith("interval"):
        if isinstance(cell, Interval):
            return _csv_number(cell.value), _csv_number(cell.low), _csv_number(cell.high)
        return _csv_number(cell) if isinstance(cell, float | int) else "", "", ""  # a mean may have no bounds
    if column.kind == "p" and isinstance(cell, float | int):
        return (f"{cell:.6g}" if not math.isnan(cell) else "",)  # six decimals would be nothing of a small one
    if cell is None or isinstance(cell, float):
        return (_csv_number(cell),)
    return (one_line(str(cell)),)


def _csv_number(number: float | None) -> str:
    if number is None or math.isnan(number):
        return ""
    text = f"{number:.6f}"
    return "0.000000" if text == "-0.000000" else text
