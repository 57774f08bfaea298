"""The loss curve of a pretraining, from its ``loss.csv``."""

from __future__ import annotations

import csv
from pathlib import Path

from matplotlib.figure import Figure

from lrp2_bench.render.figures.panels import Gaps, Texts, make_page
from lrp2_bench.render.figures.style import BLUE, ORANGE, shown

_SIZE = (3.2, 2.2)  # of a panel, inches


def loss_curve(path: Path, name: str) -> Figure:
    """Loss in nats, and the share of predicted tokens that came first, by step. Call it inside ``house_style``."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    steps = [int(row["step"]) for row in rows]
    texts = Texts("Pretraining", f"{shown(name, 60)}: means over the steps since the last report.")
    page = make_page(2, texts, Gaps(left=0.5, below=0.42, above=0.3, between=0.5, footer=0.04), size=_SIZE)
    curves = {"loss (nats)": ("loss", 1, BLUE), "predicted tokens right (%)": ("accuracy", 100, ORANGE)}
    for axes, (label, (column, scale, colour)) in zip(page.panels, curves.items(), strict=True):
        axes.plot(steps, [scale * float(row[column]) for row in rows], color=colour, linewidth=0.8)
        axes.set_title(label)
        axes.set_xlabel("step")
        axes.set_ylim(bottom=0)
    page.panels[1].set_ylim(0, 100)
    return page.figure
