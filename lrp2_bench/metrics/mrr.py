"""Mean reciprocal rank of the fact's own object among its candidates."""

from __future__ import annotations

from lrp2_bench.metrics.base import Values
from lrp2_bench.metrics.scores import RelationScores, ScoreMetric, own_ranks


class Mrr(ScoreMetric):
    """The mean over facts of ``1 / rank``; 0 where it can never be the answer."""

    name = "mrr"
    label = "mean reciprocal rank"
    description = "mean over facts of one over the rank of the own object"
    unit = ""
    decimals = 3
    bounds = (0.0, 1.0)

    def by_fact(self, data: RelationScores) -> Values:
        return 1.0 / own_ranks(data.scores, data.own)
