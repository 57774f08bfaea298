"""RankC: whether the language and the pivot rank the same objects alike (Qi, Fernández and Bisazza, EMNLP 2023)."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np

from lrp2_bench.metrics.base import Values
from lrp2_bench.metrics.scores import Places, RelationScores, ScoreMetric


class _RankC(ScoreMetric):
    """``100 * mean over shared facts of sum_j w_j |top_j(language) & top_j(pivot)| / j`` over the N objects that both
    languages' candidates have. NaN for facts with fewer than two of them."""

    def by_fact(self, data: RelationScores) -> Values:
        settings, facts, _ = data.scores.shape
        found = np.full((settings, facts), np.nan)
        if data.pivot is None or data.same is None:
            return found
        ours, theirs = data.same.T
        for fact in range(facts):
            second = data.pivot[fact, theirs]
            for setting in range(settings):
                first = data.scores[setting, fact, ours]
                both = ~np.isnan(first) & ~np.isnan(second)
                count = int(both.sum())
                if count > 1:
                    shares = overlap(first[both], second[both]) / np.arange(1, count + 1)
                    found[setting, fact] = 100.0 * float(self.weights(count) @ shares)
        return found

    @staticmethod
    @abstractmethod
    def weights(count: int) -> Values:
        """``[count]``, of the first j objects for j from 1; they add up to 1."""


class RankC(_RankC):
    """``w_j = e^(N-j) / sum_k e^(N-k)``: 63 % of it is whether the first are the same."""

    name = "rankc"
    label = "RankC"
    description = "agreement with the pivot's ranking of objects, most of it on the first"

    @staticmethod
    def weights(count: int) -> Values:
        powers = np.exp(-np.arange(count, dtype=np.float64))
        found: Values = powers / powers.sum()
        return found


class RankCFlat(_RankC):
    """``w_j = 1 / N``: the whole ranking counts alike."""

    name = "rankc_flat"
    label = "RankC, flat weights"
    description = "agreement with the pivot's ranking of objects, all ranks alike"

    @staticmethod
    def weights(count: int) -> Values:
        return np.full(count, 1.0 / count)


def overlap(first: Values, second: Values) -> Places:
    """``[rank]``: how many of the first j of one ranking are among the first j of the other, for j from 1."""
    deepest = np.maximum(_ranks(first), _ranks(second))
    found: Places = np.bincount(deepest, minlength=len(first)).cumsum()
    return found


def _ranks(scores: Values) -> Places:
    """From 0; of equals the first leads."""
    ranks: Places = np.empty(len(scores), dtype=np.int64)
    ranks[np.argsort(-scores, kind="stable")] = np.arange(len(scores))
    return ranks
