"""Scales of axes and colours: ticks for layers, and where the colours of changes end."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from matplotlib.colors import FuncNorm

from lrp2_bench.render.figures.style import signed

_SMALLEST = 0.01  # points; where nothing changes at all there must still be a scale
_ROUND = (1.0, 1.2, 1.6, 2.0, 2.4, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)  # what a scale may end at, times a power of ten


@dataclass(frozen=True)
class ColourScale:
    """From -``limit`` to ``limit`` points, colours by the square root of a change, so that gains of a tenth of the
    deepest loss are seen beside it. ``extend`` says, as matplotlib does, at which ends values lie beyond; ``note`` says
    how many and how far, and is empty where none do.
    """

    limit: float
    extend: Literal["neither", "min", "max", "both"]
    note: str

    @property
    def norm(self) -> FuncNorm:
        return FuncNorm((_root, _square), -self.limit, self.limit)

    @property
    def ticks(self) -> list[float]:
        """Five, as far from each other in the colour bar."""
        return [self.limit * share for share in (-1, -0.25, 0, 0.25, 1)]


def _root(change: npt.ArrayLike) -> npt.NDArray[np.float64]:
    return np.asarray(np.sign(change) * np.sqrt(np.abs(change)))


def _square(root: npt.ArrayLike) -> npt.NDArray[np.float64]:
    return np.asarray(np.sign(root) * np.square(root))


def colour_scale(grids: Sequence[npt.NDArray[np.float64]]) -> ColourScale:
    """One scale for all ``grids`` of changes in points (NaN: no value), symmetric about 0.

    It reaches to the 99th percentile of the changes' sizes, so at most one cell in a hundred shares its end's colour.
    """
    changes = np.concatenate([grid[np.isfinite(grid)] for grid in grids])
    limit = rounded_up(float(np.quantile(np.abs(changes), 0.99)))
    lowest, highest = float(changes.min()), float(changes.max())
    low, high = lowest < -limit, highest > limit
    if not low and not high:
        return ColourScale(limit, "neither", "")
    beyond = int((np.abs(changes) > limit).sum())
    note = (
        f"Colours end at {signed(limit)} and {signed(-limit)} points; {beyond:,} of {changes.size:,} cells are beyond "
        f"that, the lowest at {signed(lowest)}, the highest at {signed(highest)}."
    )
    return ColourScale(limit, "both" if low and high else "min" if low else "max", note)


def rounded_up(reach: float) -> float:
    """Where a scale that holds ``reach`` points ends."""
    reach = max(reach, _SMALLEST)
    unit = 10.0 ** math.floor(math.log10(reach))
    return unit * next(end for end in _ROUND if end * unit >= reach * (1 - 1e-9))


def layer_ticks(blocks: int, first: int = 1) -> list[int]:
    """All layers of a small model; of others ``first`` and a few multiples of one step."""
    step = 1 if blocks <= 6 else math.ceil(blocks / 4)
    return sorted({first, *range(step, blocks + 1, step)})
