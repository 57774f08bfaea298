"""The paper's Figure 3: transferability against layer distance, LSRP minus LIRP."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.figure import Figure

from lrp2_bench.render.figures.panels import Gaps, Texts, make_page
from lrp2_bench.render.figures.scales import layer_ticks
from lrp2_bench.render.figures.style import (
    BLUE,
    GREEN,
    INK,
    ORANGE,
    PALE,
    PURPLE,
    SKY,
    SMALL,
    VERMILLION,
    fitted,
    shown,
)  # fmt: skip
from lrp2_bench.report.figures.changes import searched
from lrp2_bench.results.runs import Run

METRIC = "transferability"
_COLOURS = (BLUE, VERMILLION, GREEN, PURPLE, SKY, ORANGE)
_LEGEND = 4  # entries of the legend in a row
_SIZE = (5.2, 3.0)  # of the panel, inches


def between(runs: Sequence[Run], select_by: str) -> Figure | None:
    """A thin line per searched language of one model and dataset, and their mean; None where there is none.

    A point is the mean change of transferability over the language's pairs that are so many layers apart. Up to six
    languages have colours and names; more of them are grey, for the mean to stand out. Call it inside
    ``house_style``.
    """
    found = searched(runs, METRIC, select_by)
    if not found:
        return None
    run = found[0].run
    layers = max(one.layers for one in found)
    named = len(found) <= len(_COLOURS)
    lines = [one.by_distance(METRIC) for one in found]
    entries = (len(found) if named else 1) + (len(found) > 1)
    columns = min(entries, _LEGEND)
    texts = Texts(
        f"Change of {METRIC} against layer distance",
        f"{shown(run.model, 60)} on {shown(run.dataset_label, 90)}: points against the baseline, mean over all pairs "
        "so far apart (the paper's Figure 3).",
    )
    page = make_page(
        1, texts, Gaps(left=0.56, below=0.42, above=0.06, footer=0.04 + 0.17 * math.ceil(entries / columns)), size=_SIZE
    )
    (axes,) = page.panels
    axes.axhline(0, color=INK, linewidth=0.8)
    handles = []
    for position, (one, line) in enumerate(zip(found, lines, strict=True)):
        colour = _COLOURS[position] if named else PALE
        (drawn,) = axes.plot(
            list(line), list(line.values()), color=colour, linewidth=1.1 if named else 0.6,
            marker="o" if named else "", markersize=2.6, label=fitted(one.name, 1.3, SMALL), gid=one.run.language,
        )  # fmt: skip
        if named or position == 0:
            handles.append(drawn)
    if len(found) > 1:
        mean = mean_line(lines)
        (drawn,) = axes.plot(
            list(mean), list(mean.values()), color=INK, linewidth=2.0, marker="o", markersize=3.6, gid="mean",
            label=f"mean of {len(found)}",
        )  # fmt: skip
        handles.append(drawn)
    if not named:
        handles[0].set_label("a language")
    axes.set_xlim(0.7, layers - 0.7)
    axes.set_xticks([tick for tick in layer_ticks(layers) if tick < layers])
    axes.tick_params(labelsize=SMALL)
    axes.grid(axis="y", color=PALE, linewidth=0.4)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    page.label_axes("layer distance (LSRP \N{MINUS SIGN} LIRP)", "change, points")
    page.place_legend(handles, 0.06, columns)
    return page.figure


def mean_line(lines: Sequence[dict[int, float]]) -> dict[int, float]:
    """At each distance the mean over the languages that have pairs so far apart."""
    distances = sorted({distance for line in lines for distance in line})
    return {
        distance: math.fsum(values) / len(values)
        for distance in distances
        if (values := [line[distance] for line in lines if distance in line])
    }
