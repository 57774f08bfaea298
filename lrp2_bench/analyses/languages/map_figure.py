"""A map of languages at one layer: near each other where their vectors point the same way."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.figure import Figure

from lrp2_bench.analyses.languages.figure_kinds import colour_of, family_colours, family_key, script_key, script_marks
from lrp2_bench.analyses.languages.table import DrawnLayer, script
from lrp2_bench.render.figures.labels import Box, place_names
from lrp2_bench.render.figures.panels import Gaps, Page, Texts, make_page
from lrp2_bench.render.figures.style import GREY, PALE, SMALL, language_name, shown, text_width

_PANEL = (7.2, 4.9)  # inches
_EDGE = 0.3  # inches between the outermost points and the panel's edge; across, a name fits in three times that
_RADIUS = 0.045  # of a point, inches
_HEIGHT = 1.25 * SMALL / 72  # of a name, inches
_ENTRIES = 7  # of a legend in a row
_LEGEND_LINE = 0.17  # inches


def language_map(model: str, corpus: str, codes: Sequence[str], drawn: DrawnLayer) -> Figure:
    """A point per language with its name. Call it inside ``house_style``.

    Both axes have one scale and no unit: only distances mean something.
    """
    colours, marks = family_colours(codes), script_marks(codes)
    families, scripts = family_key(codes, colours), script_key(marks)
    rows = [math.ceil(len(entries) / _ENTRIES) for entries in (families, scripts)]
    texts = Texts(
        f"Map of languages, layer {drawn.layer}",
        f"{shown(model, 60)}, sentences of {shown(corpus, 60)}: language vectors minus their mean, by direction. "
        f"Colour: family; mark: script. The plane shows {100 * drawn.map.shown:.0f} % of the squared distances.",
    )
    gaps = Gaps(left=0.0, below=0.05, above=0.05, footer=_LEGEND_LINE * sum(rows) + 0.2)
    page = make_page(1, texts, gaps, size=_PANEL)
    (axes,) = page.panels
    axes.set_xlim(0, _PANEL[0])
    axes.set_ylim(0, _PANEL[1])
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_color(PALE)
    points = _in_inches(drawn)
    names = [f"{language_name(code)} {code}" if code != language_name(code) else code for code in codes]
    sizes = [(text_width(name, SMALL) + 0.02, _HEIGHT) for name in names]
    panel = Box(0.02, 0.02, _PANEL[0] - 0.04, _PANEL[1] - 0.04)
    for code, name, (x, y), at in zip(codes, names, points, place_names(points, sizes, panel, _RADIUS), strict=True):
        colour = colour_of(code, colours)
        if at.leader:
            axes.plot([x, at.leader[0]], [y, at.leader[1]], color=GREY, linewidth=0.4, zorder=1)
        axes.plot(
            [x], [y], marker=marks.get(script(code), "."), markersize=4.5, color=colour, linestyle="", gid=code,
            zorder=2,
        )  # fmt: skip
        axes.text(
            at.box.left + at.box.width / 2, at.box.bottom + at.box.height / 2, name, size=SMALL, color=colour,
            ha="center", va="center", gid=f"name {code}", zorder=3,
        )  # fmt: skip
    _legends(page, (families, scripts), rows[0])
    return page.figure


def _in_inches(drawn: DrawnLayer) -> list[tuple[float, float]]:
    """The places, at one scale for both axes, in the middle of the panel."""
    places = drawn.map.places
    low, high = places.min(axis=0), places.max(axis=0)
    room = (_PANEL[0] - 6 * _EDGE, _PANEL[1] - 2 * _EDGE)
    scale = min(free / extent if extent else math.inf for free, extent in zip(room, high - low, strict=True))
    scale = scale if math.isfinite(scale) else 0.0
    moved = (places - (low + high) / 2) * scale + [_PANEL[0] / 2, _PANEL[1] / 2]
    return [(float(x), float(y)) for x, y in moved]


def _legends(page: Page, keys: Sequence[Sequence[object]], first_rows: int) -> None:
    for entries, below in zip(keys, (0.02, 0.1 + _LEGEND_LINE * first_rows), strict=True):
        page.place_legend(list(entries), below, min(len(entries), _ENTRIES))  # type: ignore[arg-type]
