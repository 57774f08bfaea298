"""LRP2 beside its ablations: what each changes at its own best pair, a panel per language."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lrp2_bench.report.figures.page import Gaps, Texts, make_page, panel_width
from lrp2_bench.report.figures.style import BLUE, GREY, INK, PALE, SMALL, TEXT, fitted, language_name, shown, text_width
from lrp2_bench.report.table import Cell, Table
from lrp2_bench.types import Interval

_ROW = 0.17  # inches from one projection to the next
_NAMES = 1.6  # the widest a projection's name may be, inches
_LRP2 = "lrp2"


def ablations(table: Table, select_by: str) -> Figure | None:
    """A panel per language of ``ablations_MODEL_DATASET``, a row per projection: the change of ``select_by`` with its
    interval. None where no language has rows. Call it inside ``house_style``.
    """
    panels = _panels(table, f"{select_by}_change")
    if not panels:
        return None
    projections = list(dict.fromkeys(name for rows in panels.values() for name in rows))
    names = [fitted(shown(name, 60), _NAMES, TEXT) for name in projections]
    texts = Texts(
        "LRP2 and what it is compared with",
        f"{shown(table.name.removeprefix('ablations_'), 80)}: change of {select_by} at each projection's own best "
        "pair, in points, with its 95 % interval. Dashed: LRP2's.",
        "Chosen and reported on the same facts: the best of many settings is above 0 by luck alone, and random has as "
        "many settings as LRP2.",
    )
    gaps = Gaps(left=max(text_width(name, TEXT) for name in names) + 0.12, below=0.4, above=0.24, between=0.2)
    size = (panel_width(len(panels), gaps), max(len(names), 2) * _ROW)
    page = make_page(len(panels), texts, gaps, size=size)
    bounds = [end for rows in panels.values() for each in rows.values() for end in _ends(each)]
    low, high = min(0.0, *bounds), max(0.0, *bounds)
    room = 0.06 * (high - low or 1.0)
    for position, (language, rows) in enumerate(panels.items()):
        axes = page.panels[position]
        _draw(axes, [rows.get(name) for name in projections], projections)
        axes.set_xlim(low - room, high + room)
        axes.set_ylim(len(projections) - 0.4, -0.6)
        axes.set_yticks(range(len(names)), names if page.is_leftmost(position) else [""] * len(names), size=TEXT)
        axes.tick_params(axis="y", length=0)
        axes.tick_params(axis="x", labelsize=SMALL, labelbottom=page.is_lowest(position))
        axes.locator_params(axis="x", nbins=4)
        for side in ("top", "right", "left"):
            axes.spines[side].set_visible(False)
        title = fitted(language_name(language), page.panel_width, TEXT, "bold")
        axes.set_title(title, loc="left", size=TEXT, weight="bold", pad=3)
    page.label_axes(f"change of {select_by}, points", "")
    return page.figure


def _panels(table: Table, key: str) -> dict[str, dict[str, Interval]]:
    """Language -> projection -> change. The rows of means have no interval and are left out."""
    keys = [column.key for column in table.columns]
    place = {name: keys.index(name) for name in ("language", "projection", key)}
    panels: dict[str, dict[str, Interval]] = {}
    for row in table.rows:
        change: Cell = row[place[key]]
        if isinstance(change, Interval):
            # Whose shift a language was shuffled to is the language's own.
            projection = str(row[place["projection"]]).split(" (")[0]
            panels.setdefault(str(row[place["language"]]), {})[projection] = change
    return panels


def _draw(axes: Axes, changes: Sequence[Interval | None], projections: Sequence[str]) -> None:
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.grid(axis="x", color=PALE, linewidth=0.4)
    axes.set_axisbelow(True)
    for row, (change, projection) in enumerate(zip(changes, projections, strict=True)):
        if change is None:
            continue
        colour = BLUE if projection == _LRP2 else GREY
        low, high = _ends(change)
        axes.hlines(row, low, high, color=colour, linewidth=1.4)
        axes.plot([change.value], [row], marker="o", markersize=4, color=colour, gid=projection)
        if projection == _LRP2:
            axes.axvline(change.value, color=BLUE, linewidth=0.7, linestyle="--", zorder=0)


def _ends(change: Interval) -> tuple[float, float]:
    """An interval's bounds; where it has none, its value."""
    return (change.value, change.value) if math.isnan(change.low) else (change.low, change.high)
