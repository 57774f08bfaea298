r"""Which columns of a table stand side by side in LaTeX, and how wide those of words are: nothing is wider than a text.

Widths are estimated from Computer Modern's, which are the widest of the usual fonts; a table that would be wider than
:data:`WIDTH` has its long texts broken into lines, and becomes several tables if that is not enough.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from lrp2_bench.render.cells import parts
from lrp2_bench.render.table import WORDS, Cell, Column

#: Points of a line of text in LaTeX's narrowest class, article with 10 pt.
WIDTH = 345.0
#: Points of a letter M's square in fonts of so many points: small ones are wider.
_QUAD = {5: 6.8, 6: 7.33, 7: 7.97}
#: Points below which a column of words is not broken.
_WORDS = 50.0
#: Points that columns of prose have at least, and where they would not stand side by side else.
_PROSE = (100.0, 80.0, 60.0)
#: Lines that a text broken between words takes more than one broken anywhere.
_RAGGED = 1.15
#: Of the width, what the columns that are repeated may have together.
_REPEATED = 0.5


@dataclass(frozen=True)
class Part:
    """``columns`` by number, and of those that are broken into lines the share of the text's width they have."""

    columns: tuple[int, ...]
    broken: dict[int, float]


def layout(columns: Sequence[Column], rows: Sequence[Sequence[Cell]], points: int, gap: float) -> list[Part]:
    """The parts of a table in letters of ``points``, with ``gap`` points to each side of a column. The leading columns
    of words, which name a row, stand in every part."""
    cells = [[row[at] for row in rows] for at in range(len(columns))]
    whole = [_natural(column, cells[at], points) for at, column in enumerate(columns)]

    def taken(chosen: Sequence[int], widths: Sequence[float]) -> float:
        return sum(widths[at] + 2 * gap for at in chosen)

    everything = tuple(range(len(columns)))
    if taken(everything, whole) <= WIDTH:
        return [Part(everything, {})]
    for prose in _PROSE:
        least = [
            _least(column, cells[at], whole[at], points, prose) if column.kind in WORDS else whole[at]
            for at, column in enumerate(columns)
        ]
        if taken(everything, least) <= WIDTH:
            return [_part(everything, columns, least, whole, gap)]
    repeated: list[int] = []
    for at in everything:
        named = columns[at].kind == "text" or (columns[at].kind == "prose" and not repeated)
        if not named or taken([*repeated, at], least) > _REPEATED * WIDTH:
            break
        repeated.append(at)
    cut: list[list[int]] = []
    for at in everything[len(repeated) :]:
        if not cut or taken([*repeated, *cut[-1], at], least) > WIDTH:
            cut.append([])
        cut[-1].append(at)
    return [_part([*repeated, *some], columns, least, whole, gap) for some in cut or [[]]]


def lines_of(part: Part, columns: Sequence[Column], row: Sequence[Cell], points: int) -> int:
    """About how many lines a row takes in a part."""
    taken = [1]
    for at, share in part.broken.items():
        width = _width(" ".join(parts(row[at], columns[at])), points)
        if width > share * WIDTH:
            taken.append(math.ceil(_RAGGED * width / (share * WIDTH)))
    return max(taken)


def _part(
    chosen: Sequence[int], columns: Sequence[Column], least: Sequence[float], whole: Sequence[float], gap: float
) -> Part:
    """What is left goes to the columns that are broken, by what they lack."""
    left = WIDTH - sum(least[at] + 2 * gap for at in chosen)
    lacking = {at: whole[at] - least[at] for at in chosen if columns[at].kind in WORDS and whole[at] > least[at]}
    share = min(1.0, max(0.0, left) / sum(lacking.values())) if lacking else 0.0
    return Part(tuple(chosen), {at: (least[at] + share * lack) / WIDTH for at, lack in lacking.items() if share < 1})


def _natural(column: Column, cells: Sequence[Cell], points: int) -> float:
    """In one line; the title of what is no prose has a word a line, and bounds stand below their value."""
    titles = [column.title] if column.kind == "prose" else column.title.split()
    found = [_width(title, points) for title in titles]
    for cell in cells:
        value, *bounds = parts(cell, column)
        found.append(_width(value, points))
        if bounds:
            found.append(_width(f"[{', '.join(bounds)}]", 5))
    return max(found, default=0.0)


def _least(column: Column, cells: Sequence[Cell], whole: float, points: int, prose: float) -> float:
    """Of a column of words that is broken into lines: no word is, unless it has half the line for itself."""
    words = [word for cell in cells for text in parts(cell, column) for word in text.split()]
    longest = max((_width(word, points) for word in [*words, *column.title.split()]), default=0.0)
    return min(whole, max(prose if column.kind == "prose" else _WORDS, min(longest, WIDTH / 2)))


def _width(text: str, points: int) -> float:
    return _QUAD[points] * sum(_share(character) for character in text)


def _share(character: str) -> float:
    if not character.isascii():
        return 3.6  # spelled as a code point
    if character in "iljtfr.,:;'|!()[]/ -":
        return 0.4
    if character in "mwMWQO%@&<>+=_":
        return 0.86
    return 0.74 if character.isupper() else 0.53
