"""Accuracy (paper, section 3.2): the share of facts hit."""

from __future__ import annotations

import numpy as np

from lrp2_bench.metrics.base import FactHits, Metric, Values
from lrp2_bench.metrics.hits import accuracy


class Accuracy(Metric):
    """``100 * |R_l| / |D_l|`` over all facts equally (micro)."""

    name = "accuracy"
    label = "accuracy"
    description = "share of facts hit"

    def values(self, data: FactHits) -> Values:
        return accuracy(data.hits)

    def fact_values(self, data: FactHits, best: float) -> Values | None:
        """1 for a hit."""
        return data.hit.astype(np.float64)
