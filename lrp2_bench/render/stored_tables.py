"""Tables as JSON and back, for those that a report reads where it cannot make them from hits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from lrp2_bench.core.types import Interval, LayerPair
from lrp2_bench.render.table import Cell, Column, Table


def table_to_json(table: Table) -> dict[str, Any]:
    """Plain values that :func:`table_from_json` reads."""
    return {
        "name": table.name,
        "title": table.title,
        "columns": [asdict(column) for column in table.columns],
        "rows": [[_to_json(cell) for cell in row] for row in table.rows],
        "notes": list(table.notes),
    }


def table_from_json(stored: Mapping[str, Any]) -> Table:
    """Raises KeyError, TypeError or ValueError for what :func:`table_to_json` did not write."""
    return Table(
        stored["name"],
        stored["title"],
        tuple(Column(**column) for column in stored["columns"]),
        tuple(tuple(_from_json(cell) for cell in row) for row in stored["rows"]),
        tuple(stored["notes"]),
    )


def _to_json(cell: Cell) -> Any:
    if isinstance(cell, Interval):
        return {"interval": [_number(cell.value), _number(cell.low), _number(cell.high)]}
    if isinstance(cell, LayerPair):
        return {"pair": list(cell.as_dict().values())}
    if isinstance(cell, tuple):
        return {"share": list(cell)}
    return _number(cell) if isinstance(cell, float) else cell


def _from_json(cell: Any) -> Cell:
    if not isinstance(cell, Mapping):
        found: Cell = cell
        return found
    ((kind, values),) = cell.items()
    if kind == "interval":
        return Interval(*(float("nan") if value is None else value for value in values))
    return LayerPair(*values) if kind == "pair" else (values[0], values[1])


def _number(number: float) -> float | None:
    """JSON has no NaN; a cell without a value is None anyway."""
    return None if number != number else float(number)
