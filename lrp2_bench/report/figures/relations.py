"""The paper's Figures 6 and 7: to what share of the languages each relation transfers."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from lrp2_bench.data.relation_names import relation_name
from lrp2_bench.render.figures.panels import Gaps, Texts, make_page
from lrp2_bench.render.figures.style import BLUE, GREY, INK, PALE, SMALL, TEXT, VERMILLION, fitted, shown, text_width
from lrp2_bench.report.tables.relations import RelationSummary

_BAR = 0.165  # inches from one relation to the next
_WIDTH = 2.55  # of a panel, inches
_NAMES = 1.9  # the widest a name may be, inches


def relations(
    found: Sequence[RelationSummary], model: str, dataset: str, select_by: str, method: str = "LRP2"
) -> Figure | None:
    """A row per relation, the one that transfers to the most languages on top; None where there is none.

    Left the share of languages in which ``method`` raises the relation's transferability (to the right) and lowers it
    (to the left); right its mean over languages without and with LRP2. Call it inside ``house_style``.
    """
    if not found:
        return None
    most = max(one.languages for one in found)
    names = [fitted(shown(f"{one.relation} {relation_name(one.relation)}".strip(), 60), _NAMES, TEXT) for one in found]
    texts = Texts(
        "To how many languages each relation transfers",
        f"{shown(model, 60)} on {shown(dataset, 90)}, up to {most} languages: left, those in which the best pair by "
        f"{select_by} raises the relation's transferability, and those in which it lowers it (the paper's Figures 6 "
        "and 7); right, its mean over them.",
        "Each language's best pair, in-sample: chosen over all relations and reported on the same facts, as in the "
        "paper.",
    )
    gaps = Gaps(
        left=max(text_width(name, TEXT) for name in names) + 0.12, below=0.4, above=0.04, between=0.3, footer=0.22
    )
    page = make_page(2, texts, gaps, size=(_WIDTH, max(len(found), 2) * _BAR))
    shares, levels = page.panels
    rows = list(range(len(found)))
    _draw_shares(shares, found)
    _draw_levels(levels, found)
    for axes in page.panels:
        axes.set_ylim(len(found) - 0.4, -0.6)
        axes.set_yticks(rows, names if axes is shares else [""] * len(rows), size=TEXT)
        axes.tick_params(axis="y", length=0)
        axes.tick_params(axis="x", labelsize=SMALL)
        for side in ("top", "right", "left"):
            axes.spines[side].set_visible(False)
    for axes, label in ((shares, "share of languages, %"), (levels, "mean transferability, %")):
        axes.set_xlabel(label, size=TEXT)
    page.place_legend(
        [
            Patch(facecolor=BLUE, label="rises"),
            Patch(facecolor=VERMILLION, label="falls"),
            Line2D([], [], marker="o", linestyle="", color=GREY, markerfacecolor="white", label="baseline"),
            Line2D([], [], marker="o", linestyle="", color=BLUE, label=f"with {shown(method, 40)}"),
        ],
        0.04,
    )
    return page.figure


def _draw_shares(axes: Axes, found: Sequence[RelationSummary]) -> None:
    rises = [one.share for one in found]
    falls = [100.0 * one.falls / one.languages for one in found]
    rows = range(len(found))
    axes.barh(rows, rises, height=0.72, color=BLUE)
    axes.barh(rows, [-share for share in falls], height=0.72, color=VERMILLION)
    axes.axvline(0, color=INK, linewidth=0.8)
    # A whole language more than the longest bar, so that a full bar ends inside.
    low = -20.0 * -(-max(falls) // 20)
    axes.set_xlim(low - 2, 102)
    ticks = [tick for tick in range(-100, 101, 20) if low <= tick]
    axes.set_xticks(ticks, [str(abs(tick)) for tick in ticks])
    axes.grid(axis="x", color=PALE, linewidth=0.4)
    axes.set_axisbelow(True)


def _draw_levels(axes: Axes, found: Sequence[RelationSummary]) -> None:
    rows = list(range(len(found)))
    without, lrp2 = [one.without for one in found], [one.lrp2 for one in found]
    axes.hlines(rows, without, lrp2, color=GREY, linewidth=0.9)
    axes.plot(
        without, rows, linestyle="", marker="o", markersize=4, color=GREY, markerfacecolor="white", gid="without",
        clip_on=False,
    )  # fmt: skip
    axes.plot(lrp2, rows, linestyle="", marker="o", markersize=3.2, color=BLUE, gid="lrp2", clip_on=False)
    low, high = (10 * rounded(end([*without, *lrp2]) / 10) for rounded, end in ((math.floor, min), (math.ceil, max)))
    axes.set_xlim(low, max(high, low + 10))
    axes.grid(axis="x", color=PALE, linewidth=0.4)
    axes.set_axisbelow(True)
