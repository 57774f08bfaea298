"""The same table of several experiments as one, with a column that says whose a row is."""

from __future__ import annotations

from collections.abc import Sequence

from lrp2_bench.render.table import SECTIONS, Cell, Column, Table

EXPERIMENT = Column("experiment", "experiment", "text")


def by_experiment(tables: Sequence[tuple[str, Table]]) -> list[Table]:
    """``tables`` are (label, table); those of one name become one, in their order. Tables without a label stay as they
    are."""
    groups: dict[str, list[tuple[str, Table]]] = {}
    for label, table in tables:
        groups.setdefault(table.name, []).append((label, table))
    return [found[0][1] if not any(label for label, _ in found) else _stacked(found) for found in groups.values()]


def _stacked(tables: Sequence[tuple[str, Table]]) -> Table:
    """Columns that some of them lack are empty there. Rows stay in their section, and in it by experiment."""
    first = tables[0][1]
    columns = list({column.key: column for _, table in tables for column in table.columns}.values())
    at = 1 if columns[0].key in SECTIONS else 0
    rows = [row for label, table in tables for row in _rows(label, table, columns, at)]
    if at:
        order = list(dict.fromkeys(row[0] for row in rows))
        rows.sort(key=lambda row: order.index(row[0]))
    return Table(
        name=first.name,
        title=first.title,
        columns=(*columns[:at], EXPERIMENT, *columns[at:]),
        rows=tuple(rows),
        notes=tuple(_notes(tables)),
    )


def _rows(label: str, table: Table, columns: Sequence[Column], at: int) -> list[tuple[Cell, ...]]:
    made = []
    for row in table.rows:
        cells = dict(zip((column.key for column in table.columns), row, strict=True))
        full = [cells.get(column.key) for column in columns]
        made.append((*full[:at], label, *full[at:]))
    return made


def _notes(tables: Sequence[tuple[str, Table]]) -> list[str]:
    """What holds for all once, the rest with the experiment's name before it."""
    common = [note for note in tables[0][1].notes if all(note in table.notes for _, table in tables)]
    return common + [f"{label}: {note}" for label, table in tables for note in table.notes if note not in common]
