"""How languages are distinguished in figures: a colour per family, a mark per script."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from matplotlib.lines import Line2D

from lrp2_bench.analyses.languages.table import family, script
from lrp2_bench.render.figures.style import BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILLION, shown

_COLOURS = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY)
_MARKS = "os^DvPX<>ph*dx"
#: Families that have no colour, scripts that have no mark of their own.
_REST = "other"


def family_colours(codes: Sequence[str]) -> dict[str, str]:
    """By family, the one with the most of these languages first; as many as there are colours."""
    return dict(zip(_by_size([family(code) for code in codes]), _COLOURS, strict=False))


def script_marks(codes: Sequence[str]) -> dict[str, str]:
    """By script, as above."""
    return dict(zip(_by_size([script(code) for code in codes]), _MARKS, strict=False))


def colour_of(code: str, colours: Mapping[str, str]) -> str:
    return colours.get(family(code), GREY)


def family_key(codes: Sequence[str], colours: Mapping[str, str]) -> list[Line2D]:
    """Legend entries of the families."""
    entries = [_entry("o", colour, name) for name, colour in colours.items()]
    rest = any(family(code) not in colours for code in codes)
    return [*entries, *([_entry("o", GREY, _REST)] if rest else [])]


def script_key(marks: Mapping[str, str]) -> list[Line2D]:
    """Legend entries of the scripts."""
    return [_entry(mark, "white", name) for name, mark in marks.items()]


def _entry(mark: str, face: str, name: str) -> Line2D:
    return Line2D(
        [], [], linestyle="", marker=mark, markersize=4.5, color=GREY if face == "white" else face,
        markerfacecolor=face, label=shown(name, 40),
    )  # fmt: skip


def _by_size(names: Sequence[str]) -> list[str]:
    counts = Counter(names)
    return sorted(counts, key=lambda name: (-counts[name], name))
