"""The paper's Figure 2b: how many knowledge neurons relations of a language share with those of the pivot."""

from __future__ import annotations

import math
from collections.abc import Sequence

import matplotlib
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, ListedColormap, Normalize
from matplotlib.figure import Figure

from lrp2_bench.analyses.neurons.compute import summarise
from lrp2_bench.analyses.neurons.table import Counted, SharedNeurons
from lrp2_bench.data.relation_names import relation_name
from lrp2_bench.render.figures.panels import Gaps, Page, Texts, make_page
from lrp2_bench.render.figures.style import GREY, INK, SMALL, TEXT, fitted, language_name, shown, text_width

_BAR = (2.6, 0.11)  # width and height of the colour bar, inches
_NAMES = 1.5  # of the relations' names at most, inches
_NUMBERS = 0.19  # of a cell that has room for its number, inches
_CODES = 0.085  # of a cell beside which every relation's code has room, inches
_DARK = 0.55  # of the scale: numbers on darker cells are white


def neurons(one: SharedNeurons, how: Counted) -> Figure:
    """A panel without LRP2 and, where there is a pair, one with it: the language's relations down, the pivot's across.

    Call it inside ``house_style``.
    """
    panels = [("Baseline", one.baseline)]
    if one.lrp2 is not None:
        panels.append((f"LRP2 at {one.pair}", one.lrp2))
    ours, theirs = language_name(one.language), language_name(one.pivot)
    texts = Texts(
        f"Knowledge neurons that {ours} and {theirs} share",
        f"{shown(how.model, 60)} on {shown(how.dataset, 60)}: of the {how.per_relation} most frequent neurons of a "
        f"relation, the share in percent that two relations have in common (the paper's Figure 2b). On the diagonal "
        "the same relation in both languages.",
    )
    names = [fitted(shown(f"{name} {relation_name(name)}".strip(), 60), _NAMES, SMALL) for name in one.relations]
    left = max(text_width(name, SMALL) for name in names) + 0.36
    gaps = Gaps(left=left, below=0.54, above=0.34, between=0.16, footer=0.34)
    page = make_page(len(panels), texts, gaps)
    norm, palette = Normalize(0, _reach([overlap for _, overlap in panels])), _palette()
    for position, (title, overlap) in enumerate(panels):
        axes = page.panels[position]
        _draw(axes, overlap, norm, palette, page.panel_width)
        means = summarise(overlap)
        axes.set_title(fitted(title, page.panel_width, TEXT, "bold"), loc="left", size=TEXT, weight="bold", pad=13)
        axes.annotate(
            f"same {means.same:.1f}   different {means.different:.1f}   all {means.average:.1f}",
            (0, 1), xycoords="axes fraction", xytext=(0, 3), textcoords="offset points", size=SMALL, color=GREY,
            gid="means",
        )  # fmt: skip
        _label(axes, one.relations, names, page, position)
    page.label_axes(f"relations in {theirs}", f"relations in {ours}")
    _draw_bar(page, norm, palette)
    return page.figure


def _reach(overlaps: Sequence[npt.NDArray[np.float64]]) -> float:
    """The end of the scale: the largest share, to the next ten."""
    return max(10.0, 10.0 * math.ceil(max(float(overlap.max()) for overlap in overlaps) / 10))


def _palette() -> Colormap:
    return ListedColormap(matplotlib.colormaps["Blues"](np.linspace(0.0, 0.95, 257)))


def _draw(axes: Axes, overlap: npt.NDArray[np.float64], norm: Normalize, palette: Colormap, width: float) -> None:
    count = len(overlap)
    edges = np.arange(count + 1) - 0.5
    axes.pcolormesh(edges, edges, overlap, cmap=palette, norm=norm, gid="shares", edgecolors="face", linewidth=0.1)
    # The diagonal in a frame: the same relation in both languages.
    stairs = np.repeat(edges, 2)
    for across, down in ((stairs[:-1], stairs[1:]), (stairs[1:], stairs[:-1])):
        axes.plot(across, down, color=INK, linewidth=0.5, clip_on=False)
    axes.set_xlim(-0.5, count - 0.5)
    axes.set_ylim(count - 0.5, -0.5)
    if width / count >= _NUMBERS:
        for (row, column), share in np.ndenumerate(overlap):
            color = "white" if norm(share) > _DARK else INK
            axes.text(column, row, f"{share:.0f}", size=SMALL, color=color, ha="center", va="center_baseline")


def _label(axes: Axes, codes: Sequence[str], names: Sequence[str], page: Page, position: int) -> None:
    step = max(1, math.ceil(_CODES * len(codes) / page.panel_width))
    ticks = list(range(0, len(codes), step))
    across = [fitted(shown(codes[tick], 20), 0.36, SMALL) for tick in ticks]
    axes.set_xticks(ticks, across, size=SMALL, rotation=90)
    down = [names[tick] for tick in ticks] if page.is_leftmost(position) else []
    axes.set_yticks(ticks if down else [], down, size=SMALL)
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _draw_bar(page: Page, norm: Normalize, palette: Colormap) -> None:
    left = (page.width - _BAR[0]) / 2
    bar = page.figure.add_axes(page.box(left, page.footer_top - 0.18, *_BAR), label="colour bar")
    drawn = page.figure.colorbar(ScalarMappable(norm, palette), cax=bar, orientation="horizontal")
    drawn.ax.tick_params(labelsize=SMALL)
    x, y, _, _ = page.box(left + _BAR[0] + 0.1, page.footer_top - 0.18 + _BAR[1] / 2, 0, 0)
    page.figure.text(x, y, "%", size=SMALL, va="center_baseline")
