"""What LRP2 changes against the baseline, as numbers to draw."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lrp2_bench.render.figures.style import language_name
from lrp2_bench.results.choice import at_best_strengths, value
from lrp2_bench.results.runs import Run
from lrp2_bench.results.tables import PairRow


@dataclass(frozen=True)
class Searched:
    """A run with evaluated pairs: its language's ``name``, and ``best``, the pair that the report chose by
    ``select_by``."""

    run: Run
    name: str
    best: PairRow
    select_by: str

    @property
    def layers(self) -> int:
        """The model's blocks; more only where a pair lies deeper than the manifest says there are any."""
        return max(self.run.blocks, *(row.lsrp for row in self.run.pairs if row.lsrp is not None))

    def change(self, row: PairRow, metric: str) -> float:
        """The row's ``metric`` less the baseline's, in points; never NaN for what :func:`searched` gave."""
        return value(row, metric) - value(self.run.baseline, metric)

    def best_change(self, metric: str) -> float:
        return self.change(self.best, metric)

    def grid(self, metric: str) -> npt.NDArray[np.float64]:
        """``[LIRP, LSRP]``, both from layer 1: the change in points, NaN where there is no pair or no value; of a pair
        at several strengths, at the one that is best by what chose the best pair."""
        cells = np.full((self.layers, self.layers), np.nan)
        for row in at_best_strengths(self.run.pairs, self.select_by):
            if row.pair is not None:
                cells[row.pair.lirp - 1, row.pair.lsrp - 1] = self.change(row, metric)
        return cells

    def by_distance(self, metric: str) -> dict[int, float]:
        """LSRP's layer less LIRP's -> the mean change in points over the evaluated pairs that far apart."""
        found: dict[int, list[float]] = {}
        for row in self.run.pairs:
            if row.pair is not None:
                found.setdefault(row.pair.lsrp - row.pair.lirp, []).append(self.change(row, metric))
        return {distance: math.fsum(changes) / len(changes) for distance, changes in sorted(found.items())}


def searched(runs: Sequence[Run], metric: str, select_by: str) -> list[Searched]:
    """The runs that ``metric`` can be drawn for, by their languages' names: no pivot, some pair, some facts."""
    found = [
        Searched(run, language_name(run.language), best, select_by)
        for run in runs
        if not run.is_pivot
        and (best := run.best(select_by)) is not None
        and not any(math.isnan(value(row, metric)) for row in (run.baseline, *run.pairs))
    ]
    return sorted(found, key=lambda one: (one.name.casefold(), one.run.language))
