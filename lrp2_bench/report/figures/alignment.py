"""The paper's Figure 2a for every language: similarity of parallel queries by layer, baseline and LRP2."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lrp2_bench.core.errors import BenchError
from lrp2_bench.render.figures.panels import Gaps, Texts, make_page
from lrp2_bench.render.figures.scales import layer_ticks
from lrp2_bench.render.figures.style import BLUE, GREY, ORANGE, SMALL, TEXT, fitted, language_name, shown
from lrp2_bench.report.method import method
from lrp2_bench.results.layout import ALIGNMENT
from lrp2_bench.results.runs import Run

_MARGIN = 0.06  # of the range of cosines, above and below the lines


@dataclass(frozen=True)
class Aligned:
    """Mean cosines of a language (``name``) by layer 0..L. ``projected`` are LIRP's and LSRP's layers, if known."""

    name: str
    model: str
    dataset: str
    baseline: tuple[float, ...]
    lrp2: tuple[float, ...]
    projected: tuple[int, ...] = ()
    method: str = "LRP2"


def read_aligned(runs: Sequence[Run]) -> tuple[list[Aligned], list[str]]:
    """What ``alignment.csv`` has for each run with both sides, by languages' names; and why others cannot be read.

    A run without the file, of baselines only, or without shared facts has nothing to show, and is no problem.
    """
    found: list[Aligned] = []
    problems: list[str] = []
    for run in runs:
        path = run.folder / ALIGNMENT
        if run.is_pivot or not path.exists():
            continue
        try:
            rows = run.files.alignment()
        except BenchError as error:
            problems.append(str(error).split("\n")[0])
            continue
        if [row.layer for row in rows] != list(range(run.blocks + 1)):
            problems.append(f"{path}: its layers are not 0 to {run.blocks}.")
            continue
        moved = [row.lrp2 for row in rows if row.lrp2 is not None]
        cosines = [row.baseline for row in rows] + moved
        if len(moved) == len(rows) and not any(math.isnan(cosine) for cosine in cosines):
            found.append(
                Aligned(
                    language_name(run.language), run.model, run.dataset_label,
                    tuple(row.baseline for row in rows), tuple(moved), _projected(run), method(run),
                )
            )  # fmt: skip
    return sorted(found, key=lambda one: one.name.casefold()), problems


def alignment(found: Sequence[Aligned]) -> Figure | None:
    """A panel per language of one model and dataset, before them the mean of several; None where there is none.

    Call it inside ``house_style``.
    """
    if not found:
        return None
    panels = [*([_mean(found)] if len(found) > 1 else []), *found]
    texts = Texts(
        "Similarity of parallel queries, layer by layer",
        f"{shown(found[0].model, 60)} on {shown(found[0].dataset, 90)}: cosine between a query's mean state in the "
        f"language and in the pivot, averaged over shared facts, baseline and with {found[0].method} at the best pair "
        "(the paper's Figure 2a). Layer 0 is the embedding.",
    )
    page = make_page(len(panels), texts, Gaps(left=0.56, below=0.38, above=0.2, between=0.17, footer=0.26), shape=0.8)
    cosines = [cosine for one in found for cosine in (*one.baseline, *one.lrp2)]
    margin = _MARGIN * (max(cosines) - min(cosines)) or _MARGIN
    for position, one in enumerate(panels):
        axes = page.panels[position]
        _lines(axes, one)
        axes.set_xlim(0, len(one.baseline) - 1)
        axes.set_ylim(min(cosines) - margin, max(cosines) + margin)
        axes.set_xticks(layer_ticks(len(one.baseline) - 1, first=0))
        axes.locator_params(axis="y", nbins=4)
        axes.tick_params(labelsize=SMALL, labelbottom=page.is_lowest(position), labelleft=page.is_leftmost(position))
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
        axes.set_title(fitted(one.name, page.panel_width, TEXT, "bold"), loc="left", size=TEXT, weight="bold", pad=3)
    page.label_axes("layer", "cosine similarity")
    handles = [
        Line2D([], [], color=GREY, linewidth=1.4, linestyle="--", label="baseline"),
        Line2D([], [], color=BLUE, linewidth=1.4, label=f"with {shown(found[0].method, 40)}"),
    ]
    if any(one.projected for one in panels):
        handles.append(Line2D([], [], color=ORANGE, linewidth=0.9, linestyle=":", label="LIRP, LSRP"))
    page.place_legend(handles, 0.06)
    return page.figure


def _lines(axes: Axes, one: Aligned) -> None:
    layers = range(len(one.baseline))
    for layer in one.projected:
        axes.axvline(layer, color=ORANGE, linewidth=0.9, linestyle=":", clip_on=False, gid="projected")
    axes.fill_between(layers, one.baseline, one.lrp2, color=BLUE, alpha=0.12, linewidth=0)
    axes.plot(layers, one.lrp2, color=BLUE, linewidth=1.3, gid="lrp2")
    axes.plot(layers, one.baseline, color=GREY, linewidth=1.1, linestyle="--", gid="baseline")


def _mean(found: Sequence[Aligned]) -> Aligned:
    baseline, lrp2 = (
        tuple(math.fsum(layer) / len(found) for layer in zip(*sides, strict=True))
        for sides in ([one.baseline for one in found], [one.lrp2 for one in found])
    )
    return Aligned(f"Mean of {len(found)}", found[0].model, found[0].dataset, baseline, lrp2, method=found[0].method)


def _projected(run: Run) -> tuple[int, ...]:
    """The pair that the run took its moved side at, which ``select_by`` of this report need not be."""
    best = run.manifest.get("best")
    layers = (best.get("lirp"), best.get("lsrp")) if isinstance(best, Mapping) else ()
    return tuple(layer for layer in layers if isinstance(layer, int) and 1 <= layer <= run.blocks)
