"""Lines with bands over layers, a panel per language: what the figures of alignment and of retrieval are made of."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from lrp2_bench.render.figures.panels import Page
from lrp2_bench.render.figures.scales import layer_ticks
from lrp2_bench.render.figures.style import ORANGE, SMALL, TEXT, fitted

_MARGIN = 0.06  # of the range of values, above and below the lines


@dataclass(frozen=True)
class Line:
    """``values`` are ``[layer]`` from layer 0 on, ``low`` and ``high`` their band's bounds; no band without those."""

    label: str
    colour: str
    values: Sequence[float]
    low: Sequence[float] | None = None
    high: Sequence[float] | None = None
    dashed: bool = False


@dataclass(frozen=True)
class Panel:
    """``marked`` are layers a dotted line goes through."""

    title: str
    lines: tuple[Line, ...]
    marked: tuple[int, ...] = ()


def draw_panel(axes: Axes, panel: Panel, page: Page, *, titled: bool = True) -> None:
    """Lines, bands, marks and ticks; limits are :func:`share_scale`'s."""
    for layer in panel.marked:
        axes.axvline(layer, color=ORANGE, linewidth=0.9, linestyle=":", clip_on=False)
    for line in panel.lines:
        layers = range(len(line.values))
        if line.low is not None and line.high is not None:
            axes.fill_between(layers, line.low, line.high, color=line.colour, alpha=0.22, linewidth=0)
        style = "--" if line.dashed else "-"
        axes.plot(layers, line.values, color=line.colour, linewidth=1.2, linestyle=style, gid=line.label)
    axes.set_xlim(0, len(panel.lines[0].values) - 1)
    axes.set_xticks(layer_ticks(len(panel.lines[0].values) - 1, first=0))
    axes.locator_params(axis="y", nbins=4)
    axes.tick_params(labelsize=SMALL)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    if titled:
        title = fitted(panel.title, page.panel_width, TEXT, "bold")
        axes.set_title(title, loc="left", size=TEXT, weight="bold", pad=3)


def share_scale(axes: Sequence[Axes], panels: Sequence[Panel], *, floor: float | None = None) -> None:
    """The same vertical limits for all: the lines with their bands, and a margin, but not below ``floor``."""
    values = [
        value
        for panel in panels
        for line in panel.lines
        for part in (line.values, line.low, line.high)
        for value in (part if part is not None else ())
        if not math.isnan(value)
    ] or [0.0, 1.0]
    margin = _MARGIN * (max(values) - min(values)) or _MARGIN
    low = min(values) - margin
    for one in axes:
        one.set_ylim(low if floor is None else max(low, floor), max(values) + margin)


def mean_panel(panels: Sequence[Panel]) -> Panel:
    """The mean of several panels' lines, which have the same labels; without bands and marks."""
    lines = tuple(
        Line(same[0].label, same[0].colour, _means([line.values for line in same]), dashed=same[0].dashed)
        for same in zip(*(panel.lines for panel in panels), strict=True)
    )
    return Panel(f"Mean of {len(panels)}", lines)


def handles_of(panels: Sequence[Panel], marked: str = "") -> list[Line2D]:
    """A legend entry per line of the fullest panel, and one for the marks if there are any."""
    fullest = max(panels, key=lambda panel: len(panel.lines))
    found = [
        Line2D([], [], color=line.colour, linewidth=1.4, linestyle="--" if line.dashed else "-", label=line.label)
        for line in fullest.lines
    ]
    if marked and any(panel.marked for panel in panels):
        found.append(Line2D([], [], color=ORANGE, linewidth=0.9, linestyle=":", label=marked))
    return found


def _means(rows: Sequence[Sequence[float]]) -> list[float]:
    means: npt.NDArray[np.float64] = np.mean(np.asarray(rows, dtype=np.float64), axis=0)
    return [float(value) for value in means]
