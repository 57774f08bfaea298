"""Regret against cost: what a search loses, in points, for the share of the grid's block runs it takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from lrp2_bench.render.figures.panels import Gaps, Texts, make_page
from lrp2_bench.render.figures.style import BLUE, GREY, PALE, SMALL, VERMILLION, shown

_SIZE = (3.2, 2.4)  # of a panel, inches

#: (percent of the grid's block runs, mean regret, most regret), in order of cost.
Points = Sequence[tuple[float, float, float]]


def regret_curves(model: str, metric: str, replays: int, curves: Mapping[str, Points]) -> Figure:
    """Means over replays, and the worst of them, a line per kind of search. Call it inside ``house_style``."""
    texts = Texts(
        "Regret against cost",
        f"{shown(model, 60)}: points of {metric} below the exhaustive best pair, mean and worst of {replays} replays.",
    )
    page = make_page(2, texts, Gaps(left=0.5, below=0.42, above=0.3, between=0.5, footer=0.3), size=_SIZE)
    handles = []
    for axes, at, title in zip(page.panels, (1, 2), ("mean", "worst case"), strict=True):
        axes.axvline(25, color=PALE, linewidth=0.8)
        for (name, points), colour in zip(curves.items(), (BLUE, VERMILLION, GREY), strict=False):
            (drawn,) = axes.plot(
                [point[0] for point in points], [point[at] for point in points], color=colour, linewidth=1.2,
                marker="o", markersize=3, label=name,
            )  # fmt: skip
            if at == 1:
                handles.append(drawn)
        axes.set_title(title)
        axes.set_ylim(bottom=0)
        axes.set_xlim(left=0)
        axes.tick_params(labelsize=SMALL)
        axes.set_xlabel("block runs, % of the grid's")
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
    page.panels[0].set_ylabel("regret, points")
    page.place_legend(handles, 0.06, len(handles))
    return page.figure
