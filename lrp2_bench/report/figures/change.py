"""The paper's Figures 4 and 5: what LRP2 changes in each language at its best pair, and how sure that is, as bars."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from lrp2_bench.core.languages import GROUPS
from lrp2_bench.core.types import Interval
from lrp2_bench.metrics.better import if_less_is_better
from lrp2_bench.metrics.registry import metric as named
from lrp2_bench.render.figures.panels import Gaps, Texts, make_page
from lrp2_bench.render.figures.style import (
    BLUE,
    GREY,
    INK,
    ORANGE,
    SMALL,
    TEXT,
    VERMILLION,
    fitted,
    shown,
    signed,
    text_width,
)
from lrp2_bench.report.figures.changes import Searched, searched
from lrp2_bench.results.runs import Run
from lrp2_bench.stats.assess import Measured

_BAR = 0.155  # inches from one bar to the next
_WIDTH = 4.6  # of the panel, inches
_NAMES = 2.0  # the widest a name may be, inches
_STAR = "★"
_ABOVE, _BELOW = -0.17, 0.17  # rows, of the whiskers from the middle of a bar
# The names of BigScience's checkpoints, which saw ROOTS's languages; a model of one's own that is called bloom did not.
_BLOOM = re.compile(r"bloomz?[-_]\d+(m|b\d?)", re.IGNORECASE)


def change(
    runs: Sequence[Run], metric: str, select_by: str, measured: Mapping[str, Measured] | None = None
) -> Figure | None:
    """A bar per searched language of one model and dataset, the largest gain on top; None where there is none.

    The pair is the best by ``select_by``. ``measured``, by language, are ``metric``'s change at it and the held-out
    gain: whiskers and rings with whiskers, where there are any. Languages that BLOOM was trained on carry a star where
    the model is BLOOM. Call it inside ``house_style``.
    """
    sign = named(metric).sign
    found = sorted(searched(runs, metric, select_by), key=lambda one: -sign * one.best_change(metric))
    if not found:
        return None
    starred = saw_bloom_languages(found[0].run.model)
    names = [_name(one, starred) for one in found]
    changes = [one.best_change(metric) for one in found]
    known = [(measured or {}).get(one.run.language) for one in found]
    mean = math.fsum(changes) / len(changes)
    texts = _texts(found, metric, select_by, mean, starred, [each for each in known if each is not None])
    page = make_page(1, texts, _gaps(names), size=(_WIDTH, _height(names)))
    (axes,) = page.panels
    rows = range(len(found))
    axes.barh(rows, changes, height=0.72, color=[BLUE if sign * points >= 0 else VERMILLION for points in changes])
    ends = [(min(0.0, points), max(0.0, points)) for points in changes]
    for row, each in enumerate(known):
        if each is not None:
            _whisker(axes, each.change, row + _ABOVE, INK, "")
            _whisker(axes, each.held_out, row + _BELOW, ORANGE, "o")
            ends[row] = _reach([*ends[row], *_bounds(each.change), *_bounds(each.held_out)])
    low, high = min(one for one, _ in ends), max(one for _, one in ends)
    # Room for the numbers at the bars' ends, in the axis's own unit.
    room = 0.5 * (high - low or 1.0) / (_WIDTH - 1.0)
    axes.set_xlim(low - (room if low < 0 else 0.0), high + room)
    axes.set_ylim(len(found) - 0.4, -0.6)
    for row, points in zip(rows, changes, strict=True):
        gains = points >= 0
        axes.annotate(
            signed(points), (ends[row][gains], row), xytext=(3 if gains else -3, 0), textcoords="offset points",
            ha="left" if gains else "right", va="center_baseline", size=SMALL,
            path_effects=[withStroke(linewidth=3.0, foreground="white")],
        )  # fmt: skip
    axes.axvline(0, color=INK, linewidth=0.8)
    if len(found) > 1:
        axes.axvline(mean, color=GREY, linewidth=0.7, linestyle="--", gid="mean", zorder=0)
    axes.set_yticks(list(rows), names, size=TEXT)
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", labelsize=SMALL)
    axes.locator_params(axis="x", nbins=6)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    page.label_axes(f"change of {metric}, points", "")
    return page.figure


def _whisker(axes: Axes, found: Interval, row: float, colour: str, marker: str) -> None:
    if math.isnan(found.value):
        return
    low, high = _reach(_bounds(found))
    gid = "held-out" if marker else "in-sample"
    axes.plot([low, high], [row, row], color=colour, linewidth=0.8, solid_capstyle="butt", gid=f"{gid} interval")
    if marker:
        axes.plot(
            [found.value], [row], marker, color=colour, markersize=3.2, markerfacecolor="white", markeredgewidth=0.9,
            gid=gid,
        )  # fmt: skip


def _bounds(found: Interval) -> list[float]:
    return [each for each in (found.value, found.low, found.high) if not math.isnan(each)]


def _reach(values: Sequence[float]) -> tuple[float, float]:
    return min(values), max(values)


def saw_bloom_languages(model: str) -> bool:
    """Whether MODEL of a run folder is one of the published BLOOM checkpoints (``bloom_560m``, ``bloomz-7b1``)."""
    return _BLOOM.fullmatch(model) is not None


def _texts(
    found: Sequence[Searched], metric: str, select_by: str, mean: float, starred: bool, known: Sequence[Measured]
) -> Texts:
    run = found[0].run
    note = (
        f"Bars: each language's best pair by {select_by}, in-sample: chosen and reported on the same facts, as in the "
        "paper."
    )
    if known:
        end = "lower" if named(metric).sign > 0 else "upper"
        note += f" Black: its 95 % interval, whose {end} end allows for the choice among all pairs."
    if any(not math.isnan(each.held_out.value) for each in known):
        note += " Rings: the held-out gain, chosen on other facts than it is reported on, with its 95 % interval."
    if len(found) > 1:
        note += f" Dashed: the mean of {len(found)} languages, {signed(mean)}."
    if starred:
        note += f" {_STAR} BLOOM was trained on this language."
    paper = " (the paper's Figures 4 and 5)" if metric == "transferability" else ""
    return Texts(
        f"Change of {metric} at the best pair{if_less_is_better(metric)}",
        f"{shown(run.model, 60)} on {shown(run.dataset_label, 90)}: points against the baseline{paper}.",
        note,
    )


def _name(one: Searched, starred: bool) -> str:
    name = fitted(one.name, _NAMES, TEXT)
    return f"{name} {_STAR}" if starred and one.run.language in GROUPS["bloom_trained"] else name


def _gaps(names: Sequence[str]) -> Gaps:
    return Gaps(left=max(text_width(name, TEXT) for name in names) + 0.1, below=0.4, above=0.04)


def _height(names: Sequence[str]) -> float:
    return max(len(names), 2) * _BAR
