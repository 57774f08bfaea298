"""A table of the report as the page holds it: cells as readers see them, texts made harmless."""

from __future__ import annotations

from typing import Any

from lrp2_bench.render.cells import show
from lrp2_bench.render.table import WORDS, Table
from lrp2_bench.render.text import file_stem
from lrp2_bench.report.page.texts import plain

_CELL, _NOTE = 240, 600  # characters


def table_data(table: Table) -> dict[str, Any]:
    """``name`` is the stem of the table's own files; ``words`` says of each column whether it reads from the left."""
    shown = table.for_readers()
    return {
        "name": file_stem(table.name),
        "title": plain(table.title, _NOTE),
        "columns": [plain(column.title, _CELL) for column in shown.columns],
        "words": [int(column.kind in WORDS) for column in shown.columns],
        "rows": [
            [plain(show(cell, column), _CELL) for cell, column in zip(row, shown.columns, strict=True)]
            for row in shown.rows
        ],
        "notes": [plain(note, _NOTE) for note in shown.notes],
    }
