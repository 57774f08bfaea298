"""Writes a :class:`~lrp2_bench.report.table.Table` as Markdown, CSV, LaTeX or terminal output.

Texts may come from data (folder names, messages): each form escapes them, and all replace control characters and
marks that reverse the direction of writing.
"""

from __future__ import annotations

import csv
import io
import math
import re
from itertools import groupby

from rich import box
from rich.table import Table as RichTable
from rich.text import Text

from lrp2_bench.report.table import Cell, Column, Table
from lrp2_bench.report.text import one_line
from lrp2_bench.types import LayerPair

_NOTHING = "–"
_LATEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': "''", "–": "--", "…": r"\ldots{}",
    "[": "{[}", "]": "{]}", "*": "{*}",  # after the end of a row these would be read as its options
}  # fmt: skip


def to_markdown(table: Table) -> str:
    """A heading, a GitHub table and the notes as a list."""
    header = [_markdown(column.title) for column in table.columns]
    rule = ["---" if column.kind == "text" else "---:" for column in table.columns]
    body = [
        [_markdown(_show(cell, column)) for cell, column in zip(row, table.columns, strict=True)] for row in table.rows
    ]
    lines = ["| " + " | ".join(cells) + " |" for cells in (header, rule, *body)]
    notes = [f"- {_markdown(note)}" for note in table.notes]
    return "\n".join([f"## {_markdown(table.title)}", "", *lines, *([""] if notes else []), *notes]) + "\n"


def to_csv(table: Table) -> str:
    """Full precision for programs: six decimals, nothing where there is no value, pairs and shares in two columns."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([name for column in table.columns for name in _csv_names(column)])
    for row in table.rows:
        writer.writerow([text for cell, column in zip(row, table.columns, strict=True) for text in _csv(cell, column)])
    return buffer.getvalue()


def to_latex(table: Table) -> str:
    r"""A ``table`` float to ``\input`` into any document that loads booktabs; compiles with every engine."""
    sections, columns = _sections(table)
    lines = [" & ".join(_latex_header(column.title) for column in columns) + r" \\"]
    for title, rows in sections:
        lines.append(r"\midrule")
        if title:
            lines.append(rf"\multicolumn{{{len(columns)}}}{{l}}{{\itshape {_latex(title)}}} \\")
        for row in rows:
            cells = (_latex_cell(cell, column) for cell, column in zip(row, columns, strict=True))
            lines.append(" & ".join(cells) + r" \\")
    alignment = "".join("l" if column.kind == "text" else "r" for column in columns)
    notes = " ".join(_latex(note) for note in table.notes)
    return "\n".join(
        [
            r"% needs \usepackage{booktabs}",
            r"\begin{table}[tp]",
            r"\centering\scriptsize\setlength{\tabcolsep}{3pt}",
            rf"\caption{{{_latex(table.title)}}}",
            rf"\label{{tab:{re.sub(r'[^A-Za-z0-9-]+', '-', table.name)}}}",
            rf"\begin{{tabular}}{{{alignment}}}",
            r"\toprule",
            *lines,
            r"\bottomrule",
            r"\end{tabular}",
            *([rf"\par\smallskip\raggedright {notes}"] if notes else []),
            r"\end{table}",
            "",
        ]
    )


def to_terminal(table: Table) -> RichTable:
    """For a rich console: fits 80 columns, and numbers are never cut. A leading metric column becomes sections."""
    sections, columns = _sections(table)
    # One word a line in the header: the widest number, not the title, then decides a column's width.
    drawn = RichTable(title=Text(one_line(table.title)), title_justify="left", caption_justify="left")
    drawn.box, drawn.show_edge, drawn.padding, drawn.pad_edge = box.SIMPLE_HEAD, False, (0, 0), False
    for column in columns:
        is_text = column.kind == "text"
        header = Text("\n".join(one_line(column.title).split()))
        drawn.add_column(header, justify="left" if is_text else "right", no_wrap=not is_text, overflow="fold")
    for title, rows in sections:
        drawn.add_section()
        if title:
            drawn.add_row(Text(one_line(title), style="bold"))
        for row in rows:
            drawn.add_row(*(Text(_show(cell, column)) for cell, column in zip(row, columns, strict=True)))
    if table.notes:
        drawn.caption = Text("\n".join(one_line(note) for note in table.notes), style="dim")
    return drawn


def _sections(table: Table) -> tuple[list[tuple[str, list[tuple[Cell, ...]]]], tuple[Column, ...]]:
    """The rows under their metric, with the columns left, if the first column is the metric; else all under ''."""
    if table.columns[0].key != "metric":
        return [("", list(table.rows))], table.columns
    sections = [(str(name), [row[1:] for row in rows]) for name, rows in groupby(table.rows, key=lambda row: row[0])]
    return sections, table.columns[1:]


def _show(cell: Cell, column: Column) -> str:
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return _NOTHING
    if isinstance(cell, tuple):
        return f"{cell[0]}/{cell[1]}"
    if isinstance(cell, float | int) and column.kind in ("percent", "change"):
        text = f"{cell:+.1f}" if column.kind == "change" else f"{cell:.1f}"
        return {"-0.0": "0.0", "+0.0": "0.0"}.get(text, text)
    return one_line(str(cell))


def _markdown(text: str) -> str:
    return re.sub(r"([\\`*_\[\]<>|&#~$])", r"\\\1", one_line(text))


def _csv_names(column: Column) -> tuple[str, ...]:
    if column.kind == "pair":
        return f"{column.key}_lirp", f"{column.key}_lsrp"
    return (column.key, f"{column.key}_of") if column.kind == "share" else (column.key,)


def _csv(cell: Cell, column: Column) -> tuple[str, ...]:
    if column.kind in ("pair", "share"):
        if isinstance(cell, LayerPair):
            return str(cell.lirp), str(cell.lsrp)
        return (str(cell[0]), str(cell[1])) if isinstance(cell, tuple) else ("", "")
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return ("",)
    if isinstance(cell, float):
        text = f"{cell:.6f}"
        return ("0.000000" if text == "-0.000000" else text,)
    return (one_line(str(cell)),)


def _latex_cell(cell: Cell, column: Column) -> str:
    text = _show(cell, column)
    # A hyphen is no minus sign.
    return f"${text}$" if column.kind in ("percent", "change") and text != _NOTHING else _latex(text)


def _latex_header(title: str) -> str:
    words = [_latex(word) for word in title.split()]
    return words[0] if len(words) == 1 else r"\shortstack{" + r"\\".join(words) + "}"


def _latex(text: str) -> str:
    # Other scripts need fonts that a plain document lacks, so their characters are spelled as code points.
    return "".join(_LATEX.get(c) or (c if c.isascii() else f"U+{ord(c):04X}") for c in one_line(text))
