"""The four cells: which facts an intervention turns, apart for those that the pivot's baseline hits and misses.

Transferability puts them into one number, which rises as well where facts are lost that the pivot misses.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from lrp2_bench.core.types import HIT
from lrp2_bench.metrics.base import FactHits, Metric, Values


class _Cell(Metric):
    """``100 * |facts of the cell| / |shared facts|``: of the facts that both languages have, those that turn."""

    compares = True
    into: ClassVar[int]  # what they are with the intervention: 1 hit, 0 miss
    pivot: ClassVar[int]  # what they are in the pivot's baseline

    def values(self, data: FactHits) -> Values:
        cells, shared = self._cells(data), int(data.shared.sum())
        return 100.0 * cells.sum(axis=1) / shared if shared else np.full(len(cells), np.nan)

    def fact_values(self, data: FactHits, best: float) -> Values | None:
        """1 for a fact of the cell; minus that where fewer are better."""
        return self._cells(data) * self.sign

    def parts(self, data: FactHits) -> tuple[Values, ...]:
        return self._cells(data), data.shared[None].astype(np.float64)

    def _cells(self, data: FactHits) -> Values:
        if data.baseline is None:
            return np.full(data.hits.shape, np.nan)
        turned = (data.hit == self.into) & ((data.baseline == HIT) != self.into)
        found: Values = (turned & (data.pivot == self.pivot)).astype(np.float64)
        return found


class MissToHitPivotHit(_Cell):
    name = "miss_to_hit_pivot_hit"
    label = "miss->hit, pivot hits"
    description = "share of shared facts that turn from miss to hit and that the pivot hits"
    into, pivot = 1, 1


class MissToHitPivotMiss(_Cell):
    name = "miss_to_hit_pivot_miss"
    label = "miss->hit, pivot misses"
    description = "share of shared facts that turn from miss to hit and that the pivot misses"
    into, pivot = 1, 0


class HitToMissPivotHit(_Cell):
    name = "hit_to_miss_pivot_hit"
    label = "hit->miss, pivot hits"
    description = "share of shared facts that turn from hit to miss and that the pivot hits"
    direction = "minimize"
    into, pivot = 0, 1


class HitToMissPivotMiss(_Cell):
    name = "hit_to_miss_pivot_miss"
    label = "hit->miss, pivot misses"
    description = "share of shared facts that turn from hit to miss and the pivot misses"
    direction = "minimize"
    into, pivot = 0, 0
