"""By how much a fact's own object leads its best rival, or trails it."""

from __future__ import annotations

import math

import numpy as np

from lrp2_bench.metrics.base import Values
from lrp2_bench.metrics.scores import RelationScores, ScoreMetric, own_scores


class Margin(ScoreMetric):
    """``s_own - max over rivals of s``: the log-odds of the two, mean over the facts for which both are numbers."""

    name = "margin"
    label = "margin"
    description = "log-odds of the fact's own object against its best rival"
    unit = "nats"
    bounds = (-math.inf, math.inf)

    def by_fact(self, data: RelationScores) -> Values:
        rivals = np.where(np.isfinite(data.scores), data.scores, -np.inf)
        np.put_along_axis(rivals, np.broadcast_to(data.own, rivals.shape[:2])[..., None], -np.inf, axis=2)
        best = rivals.max(axis=2, initial=-np.inf)
        mine = own_scores(data.scores, data.own)
        known = np.isfinite(best) & np.isfinite(mine)
        return np.where(known, np.where(known, mine, 0.0) - np.where(known, best, 0.0), np.nan)
