"""The probability of a fact's own object among its candidates."""

from __future__ import annotations

import numpy as np

from lrp2_bench.metrics.base import Values
from lrp2_bench.metrics.scores import RelationScores, ScoreMetric, log_shares, own_scores


class OwnProbability(ScoreMetric):
    """``100 * exp(s_own) / sum over the pool of exp(s)``, mean over facts; 0 where it can never be the answer."""

    name = "own_probability"
    label = "own object's probability"
    description = "softmax over the pool of the scores, at the fact's own object"

    def by_fact(self, data: RelationScores) -> Values:
        return 100.0 * np.exp(own_scores(log_shares(data.scores), data.own))
