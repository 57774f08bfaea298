"""Writes a :class:`~lrp2_bench.report.table.Table` as Markdown, CSV or LaTeX.

Texts may come from data (folder names, messages): each form escapes them, and all replace control characters and
marks that reverse the direction of writing.
"""

from __future__ import annotations

import csv
import io
import math
import re

from lrp2_bench.report.cells import NOTHING, NUMBERS, parts, sections, show
from lrp2_bench.report.table import Cell, Column, Table
from lrp2_bench.report.text import one_line
from lrp2_bench.types import Interval, LayerPair

# Tables with intervals are wide, and \scriptsize has no smaller neighbour but \tiny, which the bounds have.
_SMALLER = r"{\fontsize{6}{7}\selectfont\setlength{\tabcolsep}{1.5pt}%"
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
        [_markdown(show(cell, column)) for cell, column in zip(row, table.columns, strict=True)] for row in table.rows
    ]
    lines = ["| " + " | ".join(cells) + " |" for cells in (header, rule, *body)]
    notes = [f"- {_markdown(note)}" for note in table.notes]
    return "\n".join([f"## {_markdown(table.title)}", "", *lines, *([""] if notes else []), *notes]) + "\n"


def to_csv(table: Table) -> str:
    """Full precision for programs: six decimals, nothing where there is no value; the parts of pairs and shares, and
    bounds (``KEY_low``, ``KEY_high``), in columns of their own."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([name for column in table.columns for name in _csv_names(column)])
    for row in table.rows:
        writer.writerow([text for cell, column in zip(row, table.columns, strict=True) for text in _csv(cell, column)])
    return buffer.getvalue()


def to_latex(table: Table) -> str:
    r"""A ``table`` float to ``\input`` into any document that loads booktabs; compiles with every engine."""
    groups, columns = sections(table)
    lines = [" & ".join(_latex_header(column.title) for column in columns) + r" \\"]
    for title, rows in groups:
        lines.append(r"\midrule")
        if title:
            lines.append(rf"\multicolumn{{{len(columns)}}}{{l}}{{\itshape {_latex(title)}}} \\")
        for row in rows:
            cells = (_latex_cell(cell, column) for cell, column in zip(row, columns, strict=True))
            lines.append(" & ".join(cells) + r" \\")
    alignment = "".join("l" if column.kind == "text" else "r" for column in columns)
    intervals = any(column.kind.endswith("interval") for column in columns)
    notes = " ".join(_latex(note) for note in table.notes)
    return "\n".join(
        [
            r"% needs \usepackage{booktabs}",
            r"\begin{table}[tp]",
            r"\centering\scriptsize\setlength{\tabcolsep}{3pt}",
            rf"\caption{{{_latex(table.title)}}}",
            rf"\label{{tab:{re.sub(r'[^A-Za-z0-9-]+', '-', table.name)}}}",
            *([_SMALLER] if intervals else []),
            rf"\begin{{tabular}}{{{alignment}}}",
            r"\toprule",
            *lines,
            r"\bottomrule",
            r"\end{tabular}" + ("}" if intervals else ""),
            *([rf"\par\smallskip\raggedright {notes}"] if notes else []),
            r"\end{table}",
            "",
        ]
    )


def _markdown(text: str) -> str:
    return re.sub(r"([\\`*_\[\]<>|&#~$])", r"\\\1", one_line(text))


def _csv_names(column: Column) -> tuple[str, ...]:
    if column.kind == "pair":
        return f"{column.key}_lirp", f"{column.key}_lsrp"
    if column.kind.endswith("interval"):
        return column.key, f"{column.key}_low", f"{column.key}_high"
    return (column.key, f"{column.key}_of") if column.kind == "share" else (column.key,)


def _csv(cell: Cell, column: Column) -> tuple[str, ...]:
    if column.kind in ("pair", "share"):
        if isinstance(cell, LayerPair):
            return str(cell.lirp), str(cell.lsrp)
        return (str(cell[0]), str(cell[1])) if isinstance(cell, tuple) else ("", "")
    if column.kind.endswith("interval"):
        numbers = (cell.value, cell.low, cell.high) if isinstance(cell, Interval) else (None, None, None)
        return tuple(_csv_number(number) for number in numbers)
    if cell is None or isinstance(cell, float):
        return (_csv_number(cell),)
    return (one_line(str(cell)),)


def _csv_number(number: float | None) -> str:
    if number is None or math.isnan(number):
        return ""
    text = f"{number:.6f}"
    return "0.000000" if text == "-0.000000" else text


def _latex_cell(cell: Cell, column: Column) -> str:
    value, *bounds = parts(cell, column)
    if bounds:
        # Stacked, for a page is narrow.
        return rf"\shortstack[r]{{${value}$\\{{\tiny $[{'{,} '.join(bounds)}]$}}}}"
    # A hyphen is no minus sign.
    return f"${value}$" if column.kind in NUMBERS and value != NOTHING else _latex(value)


def _latex_header(title: str) -> str:
    words = [_latex(word) for word in title.split()]
    return words[0] if len(words) == 1 else r"\shortstack{" + r"\\".join(words) + "}"


def _latex(text: str) -> str:
    # Other scripts need fonts that a plain document lacks, so their characters are spelled as code points.
    return "".join(_LATEX.get(c) or (c if c.isascii() else f"U+{ord(c):04X}") for c in one_line(text))
