"""What transferability would be if the language's hits had nothing to do with the pivot's."""

from __future__ import annotations

import numpy as np

from lrp2_bench.core.types import HIT
from lrp2_bench.metrics.base import FactHits, Metric, Values


class TransferabilityChance(Metric):
    """The Jaccard overlap of independent sets of the same sizes, ``100 * pq / (p + q - pq)``: p and q are the shares of
    shared facts that the language and the pivot's baseline hit. 0 where either hits none.

    It rises with accuracy alone, so that a transferability says something by what it is above this.
    """

    name = "transferability_chance"
    label = "transferability by chance"
    description = "transferability of as many hits that have nothing to do with the pivot's"

    def values(self, data: FactHits) -> Values:
        return self.of_sums(*(part.sum(axis=1) for part in self.parts(data)))

    def parts(self, data: FactHits) -> tuple[Values, ...]:
        shared = data.shared[None].astype(np.float64)
        return data.hit * shared, (data.pivot == HIT)[None].astype(np.float64), shared

    def of_sums(self, *sums: Values) -> Values:
        ours, theirs, shared = sums
        both = ours * theirs
        either = shared * (ours + theirs) - both
        return np.where(either > 0, 100.0 * both / np.where(either > 0, either, 1.0), 0.0)
