"""Where LRP2 helps: the change at every (LIRP, LSRP) pair, a heatmap per language."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
import numpy.typing as npt
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, ListedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.patheffects import withStroke

from lrp2_bench.core.languages import ENGLISH
from lrp2_bench.core.types import LayerPair
from lrp2_bench.data import published
from lrp2_bench.render.figures.panels import Gaps, Page, Texts, make_page, panel_width
from lrp2_bench.render.figures.scales import ColourScale, colour_scale, layer_ticks
from lrp2_bench.render.figures.style import DIVERGING, GREY, PALE, SMALL, TEXT, fitted, shown, signed, text_width
from lrp2_bench.report.figures.changes import Searched, searched
from lrp2_bench.results.choice import value
from lrp2_bench.results.runs import Run

_BAR = (2.6, 0.11)  # width and height of the colour bar, inches
_CORNER = 0.7  # of a panel's width: what its empty corner holds at a second line of text
_BEST: dict[str, Any] = {
    "marker": "*", "linestyle": "", "markerfacecolor": "white", "markeredgecolor": "black", "markeredgewidth": 0.6,
}  # fmt: skip
_PAPER: dict[str, Any] = {
    "marker": "o", "linestyle": "", "markerfacecolor": "none", "markeredgecolor": "black", "markeredgewidth": 0.9,
    "path_effects": [withStroke(linewidth=2.2, foreground="white")],
}  # fmt: skip
_FINE = 6.0  # points; in smaller cells white lines would outweigh the colours
_SET: dict[str, Any] = {"color": "black", "linewidth": 0.9, "solid_capstyle": "projecting"}
_NUMBERS = (6.0, 5.0, 4.2)  # points; smaller ones nobody reads
_WIDE = 6  # panels in rows of two are a page, where that makes room for numbers

ConfidenceSets = Mapping[str, Collection[LayerPair]]


def heatmaps(
    runs: Sequence[Run], metric: str, select_by: str, confidence_sets: ConfidenceSets | None = None
) -> Figure | None:
    """A panel per searched language for the runs of one model and dataset; None where there is none.

    Cells hold the change of ``metric`` in points, blue for more and red for less, white at 0, all on one scale, and its
    number where one fits. A star marks the best pair by ``select_by``, a ring the published one, and a line goes around
    the language's ``confidence_sets`` of best pairs by ``metric``. Call it inside ``house_style``.
    """
    found = searched(runs, metric, select_by)
    if not found:
        return None
    model, dataset, pivot = found[0].run.model, found[0].run.dataset, found[0].run.pivot
    paper = published.optimal_pairs(model, dataset) if pivot == ENGLISH else {}
    rings = [_within(paper.get(one.run.language), one.layers) for one in found]
    grids = [one.grid(metric) for one in found]
    scale = colour_scale(grids)
    texts = Texts(
        f"Change of {metric} at every pair of layers",
        f"{shown(model, 60)} on {shown(found[0].run.dataset_label, 90)}: points against the baseline. In the corners: "
        "the change at the starred pair, and the percentages it leads from and to."
        + (" Each pair at its best strength." if any(len(one.run.strengths) > 1 for one in found) else ""),
        scale.note,
    )
    page = _page(found, grids, texts)
    palette = _palette()
    unseen = outlined = False
    for position, (one, grid, ring) in enumerate(zip(found, grids, rings, strict=True)):
        axes = page.panels[position]
        unseen |= _draw_cells(axes, grid, scale, palette, page.panel_width)
        size = _number_size(grid, page.panel_width)
        _draw_numbers(axes, grid, scale, palette, size, one.best.pair)
        outlined |= _draw_set(axes, (confidence_sets or {}).get(one.run.language, ()))
        _draw_marks(axes, one, ring, page.panel_width, size)
        _draw_texts(axes, one, metric, page.panel_width)
        _set_axes(axes, one.layers, page, position)
    page.label_axes("LSRP after block", "LIRP after block")
    _draw_bar(page, scale, palette)
    _draw_legend(page, select_by, any(rings), unseen, outlined)
    return page.figure


def _within(pair: LayerPair | None, blocks: int) -> LayerPair | None:
    """The published pair, unless a model that only shares the name is too shallow for it."""
    return pair if pair is not None and pair.lsrp <= blocks else None


def _page(found: Sequence[Searched], grids: Sequence[npt.NDArray[np.float64]], texts: Texts) -> Page:
    gaps = Gaps(left=0.46, below=0.38, above=0.19, between=0.15, footer=0.86)
    usual, wide = (
        min((_number_size(grid, width) for grid in grids), default=0.0)
        for width in (panel_width(len(found), gaps), panel_width(2, gaps))
    )
    if usual < wide and 2 < len(found) <= _WIDE:
        return make_page(len(found), texts, gaps, size=(panel_width(2, gaps),) * 2, columns=2)
    return make_page(len(found), texts, gaps)


def _number_size(grid: npt.NDArray[np.float64], width: float) -> float:
    """Points of the cells' numbers in a panel of ``width`` inches; 0 where none fit."""
    widest = max((_number(change) for change in grid[np.isfinite(grid)]), key=len, default="")
    return next((size for size in _NUMBERS if text_width(widest, size) <= 0.94 * width / len(grid)), 0.0)


def _number(change: float) -> str:
    text = f"{change:+.1f}"
    return "0" if text in ("+0.0", "-0.0") else text.replace("-", "\N{MINUS SIGN}")


def _draw_numbers(
    axes: Axes,
    grid: npt.NDArray[np.float64],
    scale: ColourScale,
    palette: Colormap,
    size: float,
    best: LayerPair | None,
) -> None:
    starred = (best.lirp - 1, best.lsrp - 1) if best else None
    for lirp, lsrp in np.argwhere(np.isfinite(grid)) if size else ():
        change = float(grid[lirp, lsrp])
        red, green, blue, _ = palette(scale.norm(change))
        light = 0.2126 * red**2.2 + 0.7152 * green**2.2 + 0.0722 * blue**2.2 > 0.2
        down = 0.22 if (lirp, lsrp) == starred else 0.0
        axes.text(
            lsrp + 1, lirp + 1 - down, _number(change), size=size, color="black" if light else "white", ha="center",
            va="center_baseline", gid="number", zorder=3,
        )  # fmt: skip


def _draw_set(axes: Axes, pairs: Collection[LayerPair]) -> bool:
    """A line around the pairs' cells; of one alone, the best, nothing is said that the star does not say."""
    cells = {(pair.lirp, pair.lsrp) for pair in pairs}
    if len(cells) < 2:
        return False
    # One line with gaps: thousands of short ones would take most of the drawing.
    xs: list[float] = []
    ys: list[float] = []
    for i, j in cells:
        left, right, below, above = j - 0.5, j + 0.5, i - 0.5, i + 0.5
        for beside, across, up in (
            ((i, j - 1), (left, left), (below, above)), ((i, j + 1), (right, right), (below, above)),
            ((i - 1, j), (left, right), (below, below)), ((i + 1, j), (left, right), (above, above)),
        ):  # fmt: skip
            if beside not in cells:
                xs += (*across, np.nan)
                ys += (*up, np.nan)
    axes.plot(xs, ys, gid="95 % set", zorder=3, clip_on=False, **_SET)
    return True


def _palette() -> Colormap:
    # The map's darkest ends are left out: they look alike, and marks drown in them.
    return ListedColormap(matplotlib.colormaps[DIVERGING](np.linspace(0.07, 0.93, 257)))


def _draw_cells(axes: Axes, grid: npt.NDArray[np.float64], scale: ColourScale, palette: Colormap, width: float) -> bool:
    """The cells; pairs without a value become grey squares, and whether there are any is returned."""
    blocks = len(grid)
    missing = np.triu(np.isnan(grid), k=1)
    fine = 72 * width / blocks < _FINE

    def draw(cells: npt.NDArray[Any], **how: Any) -> None:
        # Thousands of small cells are an image, which is drawn several times as fast as their outlines.
        if fine:
            ends = (0.5, blocks + 0.5)
            axes.imshow(cells, origin="lower", extent=ends * 2, aspect="auto", interpolation="none", **how)
        else:
            edges = np.arange(blocks + 1) + 0.5
            axes.pcolormesh(edges, edges, cells, edgecolors="white", linewidth=0.25, **how)

    if missing.any():
        draw(np.ma.masked_where(~missing, missing), cmap=ListedColormap([PALE]))
    draw(np.ma.masked_invalid(grid), cmap=palette, norm=scale.norm, gid="changes")
    # White cells would not stand out from the page without a line around all pairs.
    stairs = [corner for layer in range(1, blocks) for corner in ((layer + 0.5, layer - 0.5), (layer + 0.5,) * 2)]
    axes.plot(*zip(*stairs, (blocks + 0.5, blocks - 0.5), strict=True), color=PALE, linewidth=0.5)
    return bool(missing.any())


def _draw_marks(axes: Axes, one: Searched, ring: LayerPair | None, width: float, number: float) -> None:
    # In points: seen in a small cell, not drowning a large one; above the cell's number where it has one.
    cell = 72 * width / one.layers
    size = min(max((0.55 if number else 1.3) * cell, 5.5), 13.0)
    best = one.best.pair
    if best is not None:
        axes.plot(
            best.lsrp, best.lirp + (0.2 if number else 0), gid="best", markersize=size, clip_on=False, zorder=5, **_BEST
        )
    if ring is not None:
        axes.plot(
            ring.lsrp,
            ring.lirp,
            gid="paper",
            markersize=cell if number else 1.15 * size,
            clip_on=False,
            zorder=4,
            **_PAPER,
        )


def _draw_texts(axes: Axes, one: Searched, metric: str, width: float) -> None:
    axes.set_title(fitted(one.name, width, TEXT, "bold"), loc="left", size=TEXT, weight="bold", pad=3)
    corner: dict[str, Any] = {"xycoords": "axes fraction", "textcoords": "offset points", "ha": "left", "va": "top"}
    at = f" at {one.best.pair.strengths}" if one.best.pair and one.best.pair.strengths else ""
    axes.annotate(f"{signed(one.best_change(metric))}{at}", (0, 1), xytext=(3, -1), size=TEXT, gid="change", **corner)
    levels = f"{value(one.run.baseline, metric):.1f} → {value(one.best, metric):.1f}"
    if text_width(levels, SMALL) <= _CORNER * width:
        axes.annotate(levels, (0, 1), xytext=(3, -11), size=SMALL, color=GREY, gid="levels", **corner)


def _set_axes(axes: Axes, blocks: int, page: Page, position: int) -> None:
    axes.set_xlim(0.5, blocks + 0.5)
    axes.set_ylim(0.5, blocks + 0.5)
    axes.set_xticks(layer_ticks(blocks))
    axes.set_yticks(layer_ticks(blocks))
    axes.tick_params(labelsize=SMALL, labelbottom=page.is_lowest(position), labelleft=page.is_leftmost(position))
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _draw_bar(page: Page, scale: ColourScale, palette: Colormap) -> None:
    left = (page.width - _BAR[0]) / 2
    bar = page.figure.add_axes(page.box(left, page.footer_top - 0.18, *_BAR), label="colour bar")
    drawn = page.figure.colorbar(
        ScalarMappable(scale.norm, palette), cax=bar, orientation="horizontal", extend=scale.extend
    )
    ticks = scale.ticks
    drawn.set_ticks(ticks, labels=[f"{tick:+.3g}".replace("-", "\N{MINUS SIGN}") if tick else "0" for tick in ticks])
    drawn.ax.tick_params(labelsize=SMALL)
    x, y, _, _ = page.box(left + _BAR[0] + 0.2, page.footer_top - 0.18 + _BAR[1] / 2, 0, 0)
    page.figure.text(x, y, "points", size=SMALL, va="center_baseline")


def _draw_legend(page: Page, select_by: str, paper: bool, unseen: bool, outlined: bool) -> None:
    marks: list[Artist] = [Line2D([], [], markersize=9, label=f"best pair by {select_by}", **_BEST)]
    if paper:
        marks.append(Line2D([], [], markersize=8, label="the paper's pair", **_PAPER))
    if outlined:
        marks.append(Patch(fill=False, edgecolor="black", linewidth=0.9, label="95 % confidence set"))
    if unseen:
        marks.append(Patch(facecolor=PALE, label="not evaluated"))
    page.place_legend(marks, 0.44, columns=2 if len(marks) > 2 else None)
