"""Draws a :class:`~lrp2_bench.render.table.Table` for a terminal, narrow ones too."""

from __future__ import annotations

from rich import box
from rich.console import Console, Group
from rich.measure import Measurement
from rich.table import Table as RichTable
from rich.text import Text

from lrp2_bench.render.cells import NOTHING, parts, sections, show
from lrp2_bench.render.table import WORDS, Cell, Column, Table
from lrp2_bench.render.text import one_line

_PROSE = 16  # characters below which a column of prose is a column of words


def to_terminal(table: Table, width: int = 80) -> Group:
    """For a rich console of ``width`` columns, in which numbers are never cut: bounds stand below their value, and
    where that is still too wide, optional columns go, then the bounds, and at last the columns: each row becomes a
    paragraph. A leading section column becomes sections.
    """
    table = table.for_readers()
    needed = table.keeping(lambda column: not column.optional)
    forms = ((table, True), (needed, True), (needed, False))
    console = Console(width=max(width, 1))
    for shown, bounds in forms:
        drawn = _drawn(shown, bounds)
        if Measurement.get(console, console.options.update(width=10_000), drawn).minimum <= width:
            body: RichTable | Text = drawn
            break
    else:
        body, bounds = _paragraphs(table), True
    notes = _notes(table, bounds)
    return Group(Text(one_line(table.title), style="bold"), body, *([notes] if notes else []), Text(""))


def _paragraphs(table: Table) -> Text:
    """``language: de; best pair: 4/5; ...`` a row, whatever has a value."""
    groups, columns = sections(table)
    lines = []
    for title, rows in groups:
        lines += [one_line(title)] if title else []
        for row in rows:
            cells = [(column, show(cell, column)) for cell, column in zip(row, columns, strict=True)]
            said = [f"{one_line(column.title)}: {cell}" for column, cell in cells if cell != NOTHING]
            lines.append(f"- {'; '.join(said)}")
    return Text("\n".join(lines))


def _drawn(table: Table, bounds: bool) -> RichTable:
    groups, columns = sections(table)
    # One word a line in the header: the widest number, not the title, then decides a column's width.
    drawn = RichTable()
    drawn.box, drawn.show_edge, drawn.padding, drawn.pad_edge = box.SIMPLE_HEAD, False, (0, 0), False
    for column in columns:
        is_text = column.kind in WORDS
        header = Text((" " if column.kind == "prose" else "\n").join(one_line(column.title).split()))
        drawn.add_column(
            header, justify="left" if is_text else "right", no_wrap=not is_text, overflow="fold",
            min_width=_PROSE if column.kind == "prose" else None,
        )  # fmt: skip
    for title, rows in groups:
        drawn.add_section()
        if title:
            drawn.add_row(Text(one_line(title), style="bold"))
        for row in rows:
            drawn.add_row(*(_text(cell, column, bounds) for cell, column in zip(row, columns, strict=True)))
    return drawn


def _notes(table: Table, bounds: bool) -> Text:
    notes = [one_line(note) for note in table.notes]
    if not bounds and any(column.kind.endswith("interval") for column in table.columns):
        notes.append("This terminal is too narrow for intervals; the files have them.")
    return Text("\n".join(notes), style="dim")


def _text(cell: Cell, column: Column, bounds: bool) -> Text:
    value, *ends = parts(cell, column)
    return Text(f"{value}\n{'..'.join(ends)}" if bounds and ends else value)
