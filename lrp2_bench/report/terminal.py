"""Draws a :class:`~lrp2_bench.report.table.Table` for a terminal, narrow ones too."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table as RichTable
from rich.text import Text

from lrp2_bench.report.cells import parts, sections
from lrp2_bench.report.table import WORDS, Cell, Column, Table
from lrp2_bench.report.text import one_line


def to_terminal(table: Table, width: int = 80) -> RichTable:
    """For a rich console of ``width`` columns, in which numbers are never cut: bounds stand below their value, and
    where that is still too wide, optional columns go, and then the bounds. A leading metric column becomes sections.
    """
    table = table.for_readers()
    needed = table.keeping(lambda column: not column.optional)
    forms: Sequence[Callable[[], RichTable]] = (
        lambda: _drawn(table, bounds=True),
        lambda: _drawn(needed, bounds=True),
        lambda: _drawn(needed, bounds=False),
    )
    console = Console(width=max(width, 1))
    for form in forms:
        drawn = form()
        if Measurement.get(console, console.options.update(width=10_000), drawn).minimum <= width:
            break
    return drawn


def _drawn(table: Table, bounds: bool) -> RichTable:
    groups, columns = sections(table)
    # One word a line in the header: the widest number, not the title, then decides a column's width.
    drawn = RichTable(title=Text(one_line(table.title)), title_justify="left", caption_justify="left")
    drawn.box, drawn.show_edge, drawn.padding, drawn.pad_edge = box.SIMPLE_HEAD, False, (0, 0), False
    for column in columns:
        is_text = column.kind in WORDS
        header = Text("\n".join(one_line(column.title).split()))
        drawn.add_column(header, justify="left" if is_text else "right", no_wrap=not is_text, overflow="fold")
    for title, rows in groups:
        drawn.add_section()
        if title:
            drawn.add_row(Text(one_line(title), style="bold"))
        for row in rows:
            drawn.add_row(*(_text(cell, column, bounds) for cell, column in zip(row, columns, strict=True)))
    notes = [one_line(note) for note in table.notes]
    if not bounds and any(column.kind.endswith("interval") for column in columns):
        notes.append("This terminal is too narrow for intervals; the files have them.")
    if notes:
        drawn.caption = Text("\n".join(notes), style="dim")
    return drawn


def _text(cell: Cell, column: Column, bounds: bool) -> Text:
    value, *ends = parts(cell, column)
    return Text(f"{value}\n{'..'.join(ends)}" if bounds and ends else value)
