"""Conditional recall: accuracy apart for the facts that the pivot's baseline hits and for those that it misses."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from lrp2_bench.metrics.base import FactHits, Metric, Values


class _Recall(Metric):
    """``100 * P(hit in the language | hit, or miss, in the pivot's baseline)``; NaN where there is no such fact."""

    pivot: ClassVar[int]

    def values(self, data: FactHits) -> Values:
        given = self._given(data)
        count = int(given.sum())
        return 100.0 * data.hit[:, given].sum(axis=1) / count if count else np.full(len(data.hits), np.nan)

    def fact_values(self, data: FactHits, best: float) -> Values | None:
        """1 for a hit among the facts it is over."""
        return (data.hit & self._given(data)).astype(np.float64)

    def parts(self, data: FactHits) -> tuple[Values, ...]:
        given = self._given(data)[None].astype(np.float64)
        return data.hit * given, given

    def _given(self, data: FactHits) -> npt.NDArray[np.bool_]:
        given: npt.NDArray[np.bool_] = data.pivot == self.pivot
        return given


class RecallPivotHit(_Recall):
    name = "recall_pivot_hit"
    label = "recall, pivot hits"
    description = "share hit of the facts that the pivot's baseline hits"
    pivot = 1


class RecallPivotMiss(_Recall):
    name = "recall_pivot_miss"
    label = "recall, pivot misses"
    description = "share hit of the facts that the pivot's baseline misses"
    pivot = 0
