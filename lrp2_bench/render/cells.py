"""What stands in a cell of a table, as every form of it shows it."""

from __future__ import annotations

import math
from itertools import groupby

from lrp2_bench.core.types import Interval
from lrp2_bench.render.table import SECTIONS, Cell, Column, Table
from lrp2_bench.render.text import one_line

#: Shown where there is no value.
NOTHING = "–"
#: Kinds of columns whose cells are numbers with decimals.
NUMBERS = (
    "percent", "change", "interval", "change_interval", "p", "nats", "ratio", "ratio_interval", "ratio_change_interval",
)  # fmt: skip


def show(cell: Cell, column: Column) -> str:
    """The cell on one line, bounds in brackets."""
    value, *bounds = parts(cell, column)
    return f"{value} [{', '.join(bounds)}]" if bounds else value


def parts(cell: Cell, column: Column) -> tuple[str, ...]:
    """The cell's text, and behind it those of its bounds if it has any."""
    if isinstance(cell, Interval):
        if math.isnan(cell.value):
            return (NOTHING,)
        value, *bounds = (_number(number, column) for number in (cell.value, cell.low, cell.high))
        return (value,) if math.isnan(cell.low) else (value, *(bound.removeprefix("+") for bound in bounds))
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return (NOTHING,)
    if isinstance(cell, tuple):
        return (f"{cell[0]}/{cell[1]}",)
    if isinstance(cell, float | int) and column.kind in ("p", "nats"):
        return ("<0.001" if cell < 0.001 else f"{cell:.3f}",)
    if isinstance(cell, float | int) and column.kind in NUMBERS:
        return (_number(cell, column),)
    return (one_line(str(cell)),)


def _number(number: float, column: Column) -> str:
    """With the sign of a change, but nothing is -0.0."""
    text = f"{number:+.{2 if column.kind.startswith('ratio') else 1}f}"
    return text if float(text) and (number < 0 or "change" in column.kind) else text[1:]


def sections(table: Table) -> tuple[list[tuple[str, list[tuple[Cell, ...]]]], tuple[Column, ...]]:
    """The rows under their section, with the columns left, if the first column is one's; else all under ''."""
    if table.columns[0].key not in SECTIONS:
        return [("", list(table.rows))], table.columns
    titled = [(str(name), [row[1:] for row in rows]) for name, rows in groupby(table.rows, key=lambda row: row[0])]
    return titled, table.columns[1:]
