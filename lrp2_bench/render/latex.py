r"""Writes a :class:`~lrp2_bench.render.table.Table` as LaTeX: floats that any document with booktabs can ``\input``."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from itertools import accumulate

from lrp2_bench.render.cells import NOTHING, NUMBERS, parts, sections
from lrp2_bench.render.latex_layout import Part, layout, lines_of
from lrp2_bench.render.table import WORDS, Cell, Column, Table
from lrp2_bench.render.text import one_line

# Tables with intervals are wide, and \scriptsize has no smaller neighbour but \tiny, which the bounds have. Prose needs
# room between its columns, and between rows of several lines.
_SMALLER = r"{\fontsize{6}{7}\selectfont\setlength{\tabcolsep}{2pt}%"
_SMALLER_PROSE = r"{\fontsize{6}{7}\selectfont\setlength{\tabcolsep}{4pt}%"
_APART = r"\addlinespace[0.5pt]"
#: What a float of a page may hold beside its caption and notes: rows of one line, and of two or of a value above its
#: bounds.
_ROWS, _ROWS_OF_TWO_LINES = 44, 30
_CHARACTERS = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': "''", "–": "--", "…": r"\ldots{}",
    "[": "{[}", "]": "{]}", "*": "{*}",  # after the end of a row these would be read as its options
}  # fmt: skip

#: The hyphen of a number in prose.
_MINUS = re.compile(r"(?<![\w.-])-(?=\d)")

#: What Markdown sets as code, commands mostly.
_CODE = re.compile("`([^`]+)`")

_Sections = list[tuple[str, list[tuple[Cell, ...]]]]


def to_latex(table: Table) -> str:
    r"""A ``table`` float, or several where a page does not hold all rows or a line of text all columns; compiles with
    every engine."""
    table = table.for_readers()
    groups, columns = sections(table)
    prose = any(column.kind == "prose" for column in columns)
    intervals = any(column.kind.endswith("interval") for column in columns)
    size = (6, 4.0) if prose else (6, 2.0) if intervals else (7, 3.0)
    parts_ = layout(columns, [row for _, rows in groups for row in rows], *size)
    tall = intervals or prose or any(part.broken for part in parts_)
    lines_of_rows = [
        [max(lines_of(part, columns, row, size[0]) for part in parts_) for row in rows] for _, rows in groups
    ]
    pages = list(_pages(groups, lines_of_rows, _ROWS_OF_TWO_LINES if tall else _ROWS))
    floats = [(page, part) for part in parts_ for page in pages]
    lines = [r"% needs \usepackage{booktabs}"]
    for number, (page, part) in enumerate(floats, start=1):
        of = f" ({number} of {len(floats)})" if len(floats) > 1 else ""
        lines += _float(
            table, of, _only(page, part), tuple(columns[at] for at in part.columns),
            [part.broken.get(at) for at in part.columns], notes=number == len(floats), labelled=number == 1,
        )  # fmt: skip
    return "\n".join([*lines, ""])


def _only(groups: _Sections, part: Part) -> _Sections:
    return [(title, [tuple(row[at] for at in part.columns) for row in rows]) for title, rows in groups]


def _pages(groups: _Sections, lines: Sequence[Sequence[int]], longest: int) -> Sequence[_Sections]:
    """The sections cut into pages of nearly equal height, ``longest`` rows at most; rows of more than two ``lines``
    count for more than one, and so do the titles of sections."""
    rows = [(title, row) for title, members in groups for row in members]
    if not rows:
        return [groups]
    heights = [max(1.0, count / 2) for counts in lines for count in counts]
    heads = accumulate(len(members) for _, members in groups[:-1])
    for at in (0, *heads):
        heights[at] += 1.0 if groups[0][0] else 0.0
    total = sum(heights)
    count = math.ceil(total / longest)
    pages: list[_Sections] = []
    ends = list(accumulate(heights))
    for page in range(count):
        low, high = page * total / count, (page + 1) * total / count
        cut: _Sections = []
        for (title, row), end, height in zip(rows, ends, heights, strict=True):
            if not low <= end - height / 2 < high:
                continue
            if not cut or cut[-1][0] != title:
                cut.append((title, []))
            cut[-1][1].append(row)
        pages.append(cut)
    return [page for page in pages if page]


def _float(
    table: Table,
    of: str,
    groups: _Sections,
    columns: Sequence[Column],
    shares: Sequence[float | None],
    *,
    notes: bool,
    labelled: bool,
) -> list[str]:
    prose = any(column.kind == "prose" for column in table.columns)
    broken = any(share is not None for share in shares)
    intervals = any(column.kind.endswith("interval") for column in table.columns)
    small = _SMALLER_PROSE if prose else _SMALLER if intervals else ""
    # \raggedright takes \\ for the end of a line, not of a row.
    end = r" \tabularnewline" if broken else r" \\"
    lines = [" & ".join(_header(column) for column in columns) + r" \\"]
    for title, rows in groups:
        lines.append(r"\midrule")
        if title:
            lines.append(rf"\multicolumn{{{len(columns)}}}{{l}}{{\itshape {_escaped(title)}}} \\")
        for number, row in enumerate(rows):
            if broken and number:
                lines.append(_APART)
            cells = (
                _cell(cell, column, share is not None) for cell, column, share in zip(row, columns, shares, strict=True)
            )
            lines.append(" & ".join(cells) + end)
    said = " ".join(_escaped(note) for note in table.notes) if notes else ""
    return [
        r"\begin{table}[tp]",
        r"\centering\scriptsize\setlength{\tabcolsep}{3pt}",
        rf"\caption{{{_escaped(table.title)}{of}}}",
        *([rf"\label{{tab:{re.sub(r'[^A-Za-z0-9-]+', '-', table.name)}}}"] if labelled else []),
        *([small] if small else []),
        r"\makebox[\linewidth][c]{%",
        rf"\begin{{tabular}}{{{''.join(_alignments(columns, shares))}}}",
        r"\toprule",
        *lines,
        r"\bottomrule",
        r"\end{tabular}}" + ("}" if small else ""),
        *([rf"\par\smallskip\raggedright {said}"] if said else []),
        r"\end{table}",
    ]


def _alignments(columns: Sequence[Column], shares: Sequence[float | None]) -> list[str]:
    """Numbers and names take what they need."""
    return [
        ("l" if column.kind in WORDS else "r") if share is None else rf"p{{{share - 5e-4:.3f}\linewidth}}"
        for column, share in zip(columns, shares, strict=True)
    ]


def _cell(cell: Cell, column: Column, broken: bool) -> str:
    value, *bounds = parts(cell, column)
    if bounds:
        # Stacked, for a page is narrow.
        ends = "{,} ".join(bound.replace("-", "{-}") for bound in bounds)
        return rf"\begin{{tabular}}[t]{{@{{}}r@{{}}}}${value}$\\[-1pt]{{\tiny $[{ends}]$}}\end{{tabular}}"
    if column.kind in WORDS:
        text = _MINUS.sub("$-$", _escaped(value)) if column.kind == "prose" else _escaped(value)
        return rf"\raggedright {text}" if broken else text
    # A hyphen is no minus sign.
    return f"${value}$" if column.kind in NUMBERS and value != NOTHING else _escaped(value)


def _header(column: Column) -> str:
    """A word a line, unless the column is wide itself."""
    words = [_escaped(word) for word in column.title.split()]
    if column.kind == "prose" or len(words) == 1:
        return " ".join(words)
    return r"\shortstack{" + r"\\".join(words) + "}"


def _escaped(text: str) -> str:
    # Other scripts need fonts that a plain document lacks, so their characters are spelled as code points.
    found = "".join(_CHARACTERS.get(c) or (c if c.isascii() else f"U+{ord(c):04X}") for c in one_line(text))
    return _CODE.sub(r"\\texttt{\1}", found)
