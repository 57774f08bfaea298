"""Layer by layer: do languages lie as families, scripts and optimal layers would have it?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from lrp2_bench.analyses.languages.table import LayerNumbers, corrected
from lrp2_bench.render.figures.panels import Gaps, Texts, make_page
from lrp2_bench.render.figures.scales import layer_ticks
from lrp2_bench.render.figures.style import BLUE, GREEN, INK, PALE, SMALL, VERMILLION, shown

_SIZE = (5.6, 2.8)  # of the panel, inches
_ENTRIES = 3  # of the legend in a row


@dataclass(frozen=True)
class _Line:
    """``points`` are (layer, agreement, p), p not yet corrected."""

    label: str
    colour: str
    gid: str
    points: list[tuple[int, float, float]]
    dashed: bool = False


def language_agreement(model: str, numbers: Sequence[LayerNumbers]) -> Figure | None:
    """A line per measure that there is; None without any. Call it inside ``house_style``."""
    lines = [line for line in _lines(numbers) if line.points]
    if not lines:
        return None
    texts = Texts(
        "What the languages' order agrees with, layer by layer",
        f"{shown(model, 60)}. Clusters against families and scripts (adjusted Rand index); languages whose nearest is "
        "of their own (adjusted likewise); distances of vectors against those of optimal layer pairs. 0: by chance, 1: "
        "in full; filled: p < 0.05, corrected for the layers.",
    )
    page = make_page(1, texts, Gaps(left=0.56, below=0.42, above=0.06, footer=0.42), size=_SIZE)
    (axes,) = page.panels
    axes.axhline(0, color=INK, linewidth=0.8)
    handles = []
    for line in lines:
        layers, values = [layer for layer, _, _ in line.points], [value for _, value, _ in line.points]
        style = (0, (3, 1.5)) if line.dashed else "-"
        (drawn,) = axes.plot(
            layers, values, color=line.colour, linewidth=1.1, linestyle=style, label=line.label, gid=line.gid
        )
        handles.append(drawn)
        ps = corrected([p for _, _, p in line.points])
        for layer, value, p in zip(layers, values, ps, strict=True):
            face = line.colour if p is not None and p < 0.05 else "white"
            axes.plot([layer], [value], "o", color=line.colour, markerfacecolor=face, markersize=3.8)
    axes.set_xticks(layer_ticks(numbers[-1].layer, 0))
    axes.tick_params(labelsize=SMALL)
    axes.grid(axis="y", color=PALE, linewidth=0.4)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    page.label_axes("layer", "agreement")
    page.place_legend(handles, 0.06, min(len(handles), _ENTRIES))
    return page.figure


def _lines(numbers: Sequence[LayerNumbers]) -> list[_Line]:
    lines = []
    for name, colour, clusters, nearest in (
        ("families", BLUE, [n.families for n in numbers], [n.family_kin for n in numbers]),
        ("scripts", VERMILLION, [n.scripts for n in numbers], [n.script_kin for n in numbers]),
    ):
        rand = [(n.layer, one.rand, one.p) for n, one in zip(numbers, clusters, strict=True) if one]
        kin = [(n.layer, one.adjusted, one.p) for n, one in zip(numbers, nearest, strict=True) if one]
        lines.append(_Line(f"{name}: clusters", colour, name, rand))
        lines.append(_Line(f"{name}: nearest language", colour, f"{name} nearest", kin, dashed=True))
    optimal = [(n.layer, n.optimal.correlation, n.optimal.p) for n in numbers if n.optimal]
    return [*lines, _Line("optimal layers", GREEN, "optimal", optimal)]
