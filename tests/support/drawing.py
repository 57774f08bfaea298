"""Run folders to draw, and what a figure shows: its texts, marks and colours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text

from lrp2_bench.results.runs import Run, find_runs
from lrp2_bench.results.tables import AlignmentRow, write_alignment


def runs_below(root: Path) -> list[Run]:
    return find_runs([root])[0]


def add_alignment(folder: Path, baseline: Sequence[float], lrp2: Sequence[float] | None) -> None:
    """``alignment.csv`` in a run folder: cosines of layers 0 to L; without ``lrp2``, as a run of baselines has it."""
    moved: Sequence[float | None] = lrp2 if lrp2 is not None else [None] * len(baseline)
    rows = [
        AlignmentRow(layer, before, after, 80)
        for layer, (before, after) in enumerate(zip(baseline, moved, strict=True))
    ]
    write_alignment(folder / "alignment.csv", rows)


def panels(figure: Figure) -> dict[str, Axes]:
    """Panels by their titles, in reading order."""
    return {axes.get_title(loc="left"): axes for axes in figure.axes if axes.get_title(loc="left")}


def texts(figure: Figure) -> str:
    """Every text in the figure, a line each."""
    return "\n".join(text.get_text() for text in figure.findobj(Text) if isinstance(text, Text))


def text_of(axes: Axes, gid: str) -> str:
    (found,) = [text for text in axes.texts if text.get_gid() == gid]
    return found.get_text()


def cells(axes: Axes) -> npt.NDArray[np.float64]:
    """``[LIRP, LSRP]`` from layer 1: the drawn changes, NaN where nothing is drawn."""
    array = mesh(axes).get_array()
    assert array is not None
    filled: npt.NDArray[np.float64] = np.ma.filled(array.astype(float), np.nan)
    return filled


def mesh(axes: Axes) -> QuadMesh:
    (found,) = [item for item in axes.collections if isinstance(item, QuadMesh) and item.get_gid() == "changes"]
    return found


def line(axes: Axes, gid: str) -> Line2D:
    (found,) = lines(axes, gid)
    return found


def lines(axes: Axes, gid: str) -> list[Line2D]:
    return [item for item in axes.lines if item.get_gid() == gid]


def place(axes: Axes, gid: str) -> tuple[int, int] | None:
    """(LIRP, LSRP) that a mark stands at; None without one."""
    found = lines(axes, gid)
    if not found:
        return None
    (mark,) = found
    (x,), (y,) = mark.get_data()
    return int(y), int(x)


def points(drawn: Line2D) -> Mapping[float, float]:
    x, y = drawn.get_data()
    return dict(zip(np.asarray(x, float).tolist(), np.asarray(y, float).tolist(), strict=True))
