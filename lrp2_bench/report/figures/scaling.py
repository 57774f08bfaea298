"""The engine's cost against what drives it: seconds measured, and as the plan predicts them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from lrp2_bench.render.figures.panels import Gaps, Texts, make_page
from lrp2_bench.render.figures.style import BLUE, VERMILLION

_SIZE = (1.9, 1.7)  # of a panel, inches
_VARIED = ("facts", "pairs", "blocks", "candidates")


class Run(Protocol):
    """A measured run; ``varied`` names the attribute that its curve varies."""

    @property
    def family(self) -> str: ...
    @property
    def varied(self) -> str: ...
    @property
    def predicted(self) -> float: ...
    @property
    def measured(self) -> float: ...


def scaling_curves(points: Sequence[Run]) -> Figure:
    """A panel for each family and what is varied, both axes logarithmic. Call it inside ``house_style``.

    A curve over candidates ends with the full pool where there is a point of it, drawn at twice the last number.
    """
    families = list(dict.fromkeys(point.family for point in points))
    texts = Texts(
        "What a grid costs",
        "Seconds against what is varied, everything else standing. Dots: measured; line: predicted before the run.",
    )
    gaps = Gaps(left=0.5, below=0.42, above=0.3, between=0.45, footer=0.04)
    page = make_page(len(families) * len(_VARIED), texts, gaps, size=_SIZE, columns=len(_VARIED))
    for number, axes in enumerate(page.panels):
        family, varied = families[number // len(_VARIED)], _VARIED[number % len(_VARIED)]
        curve = [point for point in points if (point.family, point.varied) == (family, varied)]
        known = [value for point in curve if (value := getattr(point, varied)) is not None]
        places = [2 * max(known) if (value := getattr(point, varied)) is None else value for point in curve]
        names = ["all" if getattr(point, varied) is None else str(getattr(point, varied)) for point in curve]
        axes.plot(places, [point.predicted for point in curve], color=BLUE, linewidth=1.0)
        axes.plot(places, [point.measured for point in curve], "o", color=VERMILLION, markersize=3.5)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xticks(places, names)
        axes.xaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 3)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_locator(NullLocator())
        # One scale a family, or a curve that hardly moves would look like one that does.
        seconds = [second for p in points if p.family == family for second in (p.predicted, p.measured)]
        axes.set_ylim(min(seconds) / 1.5, max(seconds) * 1.5)
        axes.set_title(f"{family}: {varied}")
        if number % len(_VARIED) == 0:
            axes.set_ylabel("seconds")
    return page.figure
