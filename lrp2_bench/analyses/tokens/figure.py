"""Writing systems in the input embeddings: how many tokens are predicted, and how mixed their neighbourhoods are."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lrp2_bench.analyses.tokens.table import SystemRow, TokenNumbers
from lrp2_bench.core.types import Interval
from lrp2_bench.render.figures.panels import Gaps, Texts, make_page
from lrp2_bench.render.figures.style import BLUE, GREY, PALE, SMALL, TEXT, VERMILLION, fitted, shown, text_width

_ROW = 0.2  # inches from one writing system to the next
_WIDTH = 2.5  # of a panel, inches
_NAMES = 2.0  # the widest a name may be, inches


def writing_systems(rows: Sequence[SystemRow], numbers: TokenNumbers) -> Figure:
    """A row per writing system, the largest on top: recall of the classifier, and the number of writing systems among
    its tokens' neighbours, with intervals; lines for all tokens and for chance. Call it inside ``house_style``."""
    names = [fitted(shown(f"{row.name} ({row.tokens:,})", 60), _NAMES, TEXT) for row in rows]
    texts = Texts(
        "Writing systems in the input embeddings",
        f"{shown(numbers.model, 60)}, tokens in brackets. Left: held-out tokens whose writing system a linear "
        f"classifier predicts; right: writing systems among a token's {numbers.neighbours} nearest neighbours. "
        "Whiskers: 95 % intervals.",
        f"Solid line: all tokens ({numbers.accuracy.value:.1f} %; {numbers.systems.value:.2f}); dashed: chance "
        f"({numbers.majority:.1f} % by always saying the commonest; {numbers.systems_by_chance:.2f}).",
    )
    gaps = Gaps(left=max(text_width(name, TEXT) for name in names) + 0.14, below=0.4, above=0.04, between=0.3)
    page = make_page(2, texts, gaps, size=(_WIDTH, max(len(rows), 3) * _ROW))
    recall, systems = page.panels
    recalls, mixed = [row.recall for row in rows], [row.systems for row in rows]
    _draw(recall, recalls, numbers.accuracy.value, numbers.majority, BLUE, "recall")
    _draw(systems, mixed, numbers.systems.value, numbers.systems_by_chance, VERMILLION, "systems")
    recall.set_xlim(-2, 102)
    systems.set_xlim(left=0)
    for axes, label in (
        (recall, "predicted correctly, %"),
        (systems, f"writing systems among {numbers.neighbours} neighbours"),
    ):
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.set_yticks(range(len(rows)), names if axes is recall else [""] * len(rows), size=TEXT)
        axes.tick_params(axis="y", length=0)
        axes.tick_params(axis="x", labelsize=SMALL)
        axes.set_xlabel(label, size=TEXT)
        for side in ("top", "right", "left"):
            axes.spines[side].set_visible(False)
    return page.figure


def _draw(axes: Axes, found: Sequence[Interval], overall: float, chance: float, colour: str, gid: str) -> None:
    axes.grid(axis="y", color=PALE, linewidth=0.4)
    axes.set_axisbelow(True)
    axes.axvline(overall, color=GREY, linewidth=0.8, gid="all")
    axes.axvline(chance, color=GREY, linewidth=0.8, linestyle=(0, (3, 2)), gid="chance")
    at = [place for place, one in enumerate(found) if not math.isnan(one.value)]
    axes.hlines(at, [found[i].low for i in at], [found[i].high for i in at], color=colour, linewidth=1.1)
    axes.plot([found[i].value for i in at], at, "o", color=colour, markersize=3.6, gid=gid, clip_on=False)
