"""Transferability (paper, section 3.2): how far the facts hit are those that the pivot's baseline hits."""

from __future__ import annotations

import numpy as np

from lrp2_bench.core.types import HIT
from lrp2_bench.metrics.base import FactHits, Metric, Values
from lrp2_bench.metrics.hits import transferability


class Transferability(Metric):
    """The Jaccard overlap with the pivot's baseline, over the facts that both have."""

    name = "transferability"
    label = "transferability"
    description = "overlap of the facts hit with those that the pivot's baseline hits"

    def values(self, data: FactHits) -> Values:
        return transferability(data.hits, data.pivot)

    def fact_values(self, data: FactHits, best: float) -> Values | None:
        """A ratio, both / (pivot's + ours alone), yet a rival beats a leader of overlap J exactly if its sum of "1 for
        a hit that the pivot has, -J for one it has not" is the greater: both - J * alone is J * pivot's for the leader
        itself."""
        weights = np.where(data.pivot == HIT, 1.0, np.where(data.pivot >= 0, -best / 100.0, 0.0))
        found: Values = data.hit.astype(np.float64) * weights
        return found
