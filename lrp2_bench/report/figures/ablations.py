"""LRP2 beside its ablations: what each changes at its own best pair, a panel per language."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lrp2_bench.core.types import Interval
from lrp2_bench.metrics.better import sides
from lrp2_bench.render.figures.panels import Gaps, Texts, make_page, panel_width
from lrp2_bench.render.figures.style import BLUE, GREY, INK, PALE, SMALL, TEXT, fitted, language_name, shown, text_width
from lrp2_bench.render.table import Table

_ROW = 0.17  # inches from one projection to the next
_NAMES = 1.6  # the widest a projection's name may be, inches
_LRP2 = "lrp2"


def ablations(table: Table, select_by: str) -> Figure | None:
    """A panel per language of ``ablations_MODEL_DATASET``, a row per projection: the change of ``select_by`` with its
    interval. None where no language has rows. Call it inside ``house_style``.
    """
    panels, held_out = _panels(table, select_by)
    if not panels:
        return None
    projections = list(dict.fromkeys(name for rows in panels.values() for name in rows))
    names = [fitted(shown(name, 60), _NAMES, TEXT) for name in projections]
    texts = Texts(
        "LRP2 and what it is compared with",
        f"{shown(table.title)}.",
        "Dots, with 95 % intervals: in-sample (chosen and reported on the same facts), so the best of many "
        f"interventions can be {sides(select_by)[0]} 0 by selection alone. Rings: the held-out gain, chosen on other "
        "facts than it is reported on. Dashed: LRP2's.",
    )
    gaps = Gaps(left=max(text_width(name, TEXT) for name in names) + 0.12, below=0.4, above=0.24, between=0.2)
    size = (panel_width(len(panels), gaps), max(len(names), 2) * _ROW)
    page = make_page(len(panels), texts, gaps, size=size)
    bounds = [end for rows in panels.values() for each in rows.values() for end in _ends(each)]
    bounds += [value for values in held_out.values() for value in values.values()]
    low, high = min(0.0, *bounds), max(0.0, *bounds)
    room = 0.06 * (high - low or 1.0)
    for position, (language, rows) in enumerate(panels.items()):
        axes = page.panels[position]
        _draw(axes, {name: rows[name] for name in projections if name in rows}, projections, held_out[language])
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


def _panels(table: Table, select_by: str) -> tuple[dict[str, dict[str, Interval]], dict[str, dict[str, float]]]:
    """Language -> projection -> change, and held-out gain where there is one. The rows of means have no interval and
    are left out."""
    keys = [column.key for column in table.columns]
    language, projection, change, held_out = (
        keys.index(key) for key in ("language", "projection", f"{select_by}_change", f"{select_by}_held_out")
    )
    changes: dict[str, dict[str, Interval]] = {}
    fair: dict[str, dict[str, float]] = {}
    for row in table.rows:
        found, without_luck = row[change], row[held_out]
        if isinstance(found, Interval):
            # Whose shift a language was shuffled to is the language's own.
            name = str(row[projection]).split(" (")[0]
            changes.setdefault(str(row[language]), {})[name] = found
            known = fair.setdefault(str(row[language]), {})
            if isinstance(without_luck, Interval) and not math.isnan(without_luck.value):
                known[name] = without_luck.value
    return changes, fair


def _draw(
    axes: Axes, changes: Mapping[str, Interval], projections: Sequence[str], held_out: Mapping[str, float]
) -> None:
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.grid(axis="x", color=PALE, linewidth=0.4)
    axes.set_axisbelow(True)
    for row, name in enumerate(projections):
        colour = BLUE if name == _LRP2 else GREY
        if name in changes:
            axes.hlines(row, *_ends(changes[name]), color=colour, linewidth=1.4)
            axes.plot([changes[name].value], [row], marker="o", markersize=4, color=colour, gid=name)
        if name in held_out:
            axes.plot(
                [held_out[name]], [row], marker="o", markersize=5.5, color=colour, markerfacecolor="white",
                gid=f"{name} held-out",
            )  # fmt: skip
    if _LRP2 in changes:
        axes.axvline(changes[_LRP2].value, color=BLUE, linewidth=0.7, linestyle="--", zorder=0)


def _ends(change: Interval) -> tuple[float, float]:
    """An interval's bounds; where it has none, its value."""
    return (change.value, change.value) if math.isnan(change.low) else (change.low, change.high)
