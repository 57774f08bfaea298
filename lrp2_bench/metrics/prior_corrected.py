"""What the subject adds: scores less those of the query without its subject (pointwise mutual information)."""

from __future__ import annotations

import math

import numpy as np

from lrp2_bench.metrics.base import Values
from lrp2_bench.metrics.scores import RelationScores, ScoreMetric, log_shares, own_ranks, own_scores


class PriorCorrected(ScoreMetric):
    """``log p(y | query) - log p(y | query without subject)`` of the own object, p the share of the pool; mean over the
    facts for which both are numbers. 0 where the subject says nothing of its object."""

    name = "prior_corrected"
    label = "prior-corrected"
    description = "log p(own object | query) - log p(own object | query without subject)"
    unit = "nats"
    bounds = (-math.inf, math.inf)

    def by_fact(self, data: RelationScores) -> Values:
        return own_scores(corrected(data), data.own)


class AccuracyPriorCorrected(ScoreMetric):
    """The share of facts whose own object leads by the corrected scores."""

    name = "accuracy_prior_corrected"
    label = "prior-corrected accuracy"
    description = "share of facts hit by scores less those without the subject"

    def by_fact(self, data: RelationScores) -> Values:
        if data.prior is None:
            return np.full(data.scores.shape[:2], np.nan)
        found: Values = 100.0 * (own_ranks(corrected(data), data.own) == 1)
        return found


def corrected(data: RelationScores) -> Values:
    """``[setting, fact, candidate]``; NaN where either score is no number."""
    if data.prior is None:
        return np.full(data.scores.shape, np.nan)
    asked = np.isfinite(data.scores) & np.isfinite(data.prior)
    given, without = (log_shares(np.where(asked, part, np.nan)) for part in (data.scores, data.prior))
    found: Values = given - without
    return found
