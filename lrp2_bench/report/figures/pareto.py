"""What each evaluated pair gains against what it costs, with the pairs that no other beats in both."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lrp2_bench.data.language_table import language_name
from lrp2_bench.metrics.better import if_less_is_better
from lrp2_bench.render.figures.panels import Gaps, Page, Texts, make_page
from lrp2_bench.render.figures.style import BLUE, GREY, INK, SMALL, TEXT, fitted, shown
from lrp2_bench.report.tables.strengths import Tradeoff, tradeoffs
from lrp2_bench.results.runs import Run


def pareto(runs: Sequence[Run], select_by: str) -> Figure | None:
    """A panel per language of which the damage of two pairs or more is known; None without any.

    The change of ``select_by`` in points over the KL divergence in nats, a dot a pair; the front is joined by a line
    and its pairs are named. Call it inside ``house_style``.
    """
    found = sorted(tradeoffs(runs, select_by), key=lambda one: language_name(one.run.language).casefold())
    if not found:
        return None
    run = found[0].run
    texts = Texts(
        f"Gain of {select_by} against damage",
        f"{shown(run.model, 60)} on {shown(run.dataset_label, 90)}: points against the baseline, in-sample, over the "
        "KL divergence of predictions on neutral sentences.",
        f"{if_less_is_better(select_by, 'Down') or 'Up'} and to the left is better; the cross is the baseline. Of "
        "pairs whose damage was measured: the best one, and those that were given.",
    )
    page = make_page(len(found), texts, Gaps(left=0.56, below=0.38, above=0.19, between=0.2, footer=0.3))
    for axes, one in zip(page.panels, found, strict=True):
        _draw(axes, one, page)
    page.label_axes("KL, nats", f"change of {select_by}, points")
    marks = [
        Line2D([], [], color=GREY, marker="o", markersize=3, linestyle="", label="a pair"),
        Line2D([], [], color=BLUE, marker="o", markersize=3, label="on the front"),
    ]
    page.place_legend(marks, 0.2)
    return page.figure


def _draw(axes: Axes, one: Tradeoff, page: Page) -> None:
    axes.axhline(0, color=INK, linewidth=0.6)
    axes.plot([0], [0], marker="x", color=INK, markersize=4)
    axes.plot(*zip(*one.points, strict=True), "o", color=GREY, markersize=3, gid="pairs")
    best = [(cost.kl, cost.gain) for cost in one.front]
    axes.plot(*zip(*best, strict=True), "o-", color=BLUE, linewidth=1.0, markersize=3, gid="front")
    for cost in one.front:
        axes.annotate(str(cost.pair), (cost.kl, cost.gain), xytext=(3, 3), textcoords="offset points", size=SMALL)
    axes.margins(0.15)
    axes.tick_params(labelsize=SMALL)
    axes.locator_params(nbins=4)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    name = fitted(language_name(one.run.language), page.panel_width, TEXT, "bold")
    axes.set_title(name, loc="left", size=TEXT, weight="bold")
