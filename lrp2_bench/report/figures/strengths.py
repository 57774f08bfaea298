"""What a stronger or weaker move changes: the best pair's layers, and the best of all pairs, at every strength."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lrp2_bench.core.types import LayerPair
from lrp2_bench.render.figures.panels import Gaps, Page, Texts, make_page
from lrp2_bench.render.figures.style import BLUE, GREY, INK, ORANGE, SMALL, TEXT, fitted, shown
from lrp2_bench.report.figures.changes import Searched, searched
from lrp2_bench.results.choice import best_row
from lrp2_bench.results.runs import Run


def strengths(runs: Sequence[Run], metric: str, select_by: str) -> Figure | None:
    """A panel per language whose strengths were searched; None where there is none.

    The change of ``metric`` in points over the strength of the way there: of the layers that are best by ``select_by``,
    and of the pair that is best at each strength. Call it inside ``house_style``.
    """
    found = [one for one in searched(runs, metric, select_by) if len(one.run.strengths) > 1]
    if not found:
        return None
    run = found[0].run
    texts = Texts(
        f"Change of {metric} at every strength",
        f"{shown(run.model, 60)} on {shown(run.dataset_label, 90)}: points against the baseline, in-sample.",
        "Strength 1 is the paper's. Where the way back has strengths of its own, those of the best pair.",
    )
    page = make_page(len(found), texts, Gaps(left=0.56, below=0.38, above=0.19, between=0.15, footer=0.3))
    low, high = 0.0, 0.0
    for position, (axes, one) in enumerate(zip(page.panels, found, strict=True)):
        for values in _draw(axes, one, metric, page, position):
            low, high = min(low, *values), max(high, *values)
    margin = 0.06 * (high - low or 1.0)
    for axes in page.panels:
        axes.set_ylim(low - margin, high + margin)
    page.label_axes("strength", f"change of {metric}, points")
    marks = [
        Line2D([], [], color=BLUE, marker="o", markersize=3, label=f"layers of the best pair by {select_by}"),
        Line2D([], [], color=ORANGE, linestyle="--", label="best pair of each strength"),
    ]
    page.place_legend(marks, 0.2)
    return page.figure


def _draw(axes: Axes, one: Searched, metric: str, page: Page, position: int) -> list[list[float]]:
    """The curves of a language; their values."""
    best = one.best.pair
    by_strength = {each: one.run.at(each).pairs for each in one.run.strengths}
    alike = {each: [row for row in rows if _goes_back_as(row.pair, best)] for each, rows in by_strength.items()}
    same = [row for rows in alike.values() for row in rows if row.pair and best and row.pair.layers == best.layers]
    leaders = [row for rows in alike.values() if (row := best_row(rows, one.select_by)) is not None]
    drawn = []
    for rows, style, colour in ((leaders, "--", ORANGE), (same, "o-", BLUE)):
        points = sorted((row.strength, one.change(row, metric)) for row in rows if row.strength is not None)
        if points:
            axes.plot(*zip(*points, strict=True), style, color=colour, linewidth=1.2, markersize=3)
            drawn.append([change for _, change in points])
    axes.axhline(0, color=INK, linewidth=0.6)
    if best is not None and best.strength is not None:
        axes.axvline(best.strength, color=GREY, linewidth=0.7, linestyle=":")
    axes.tick_params(labelsize=SMALL, labelleft=page.is_leftmost(position))
    axes.locator_params(nbins=4)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.set_title(fitted(f"{one.name}, {best}", page.panel_width, TEXT, "bold"), loc="left", size=TEXT, weight="bold")
    return drawn


def _goes_back_as(pair: LayerPair | None, best: LayerPair | None) -> bool:
    """At the best pair's strength of the way back, or as it, by the one of the way there."""
    if pair is None or best is None:
        return False
    return pair.strength_back is None if best.strength_back is None else pair.back == best.back
