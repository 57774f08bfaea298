"""Metrics of the candidates' scores: means over facts of what each fact's scores say.

A search keeps hits alone; `lrp2-bench score` makes scores at chosen settings.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt

from lrp2_bench.core.errors import BenchError
from lrp2_bench.metrics.base import FactHits, Metric, Values
from lrp2_bench.metrics.registry import needs_scores

Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class RelationScores:
    """The scores (log-probabilities up to a constant of the fact) of one relation's facts.

    ``scores`` and ``prior`` (of the query without its subject) are ``[setting, fact, candidate]``: NaN where a
    candidate is not asked for, minus infinity where it can never be the answer. ``own`` ``[fact]`` is the place of the
    fact's own object. ``pivot`` ``[fact, pivot candidate]`` is the pivot's baseline, NaN throughout for facts that
    it lacks; ``same`` ``[object, 2]`` are the places of an object's label in either language. Prior, and pivot with
    same, are None where they were not scored. Candidates stand in the order of their labels, which decides between
    equals.
    """

    scores: Values
    own: Places
    prior: Values | None = None
    pivot: Values | None = None
    same: Places | None = None


class ScoreMetric(Metric):
    """The mean over facts of :meth:`by_fact`, facts without a value left out."""

    needs: ClassVar[Literal["hits", "scores"]] = "scores"

    @abstractmethod
    def by_fact(self, data: RelationScores) -> Values:
        """``[setting, fact]``; NaN for facts that have no value."""

    def values(self, data: FactHits) -> Values:
        """Raises :class:`BenchError`: hits do not tell."""
        raise BenchError(needs_scores(self.name))

    def mean(self, by_fact: Values) -> Values:
        """``[setting]`` of ``[setting, fact]``, all relations' facts together; NaN where there is nothing."""
        known = ~np.isnan(by_fact)
        count = known.sum(axis=1)
        total = np.where(known, by_fact, 0.0).sum(axis=1)
        return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def log_shares(scores: Values) -> Values:
    """``[..., candidate]``: the log of each candidate's share, a softmax over those that are asked for."""
    top = np.max(np.where(np.isfinite(scores), scores, -np.inf), axis=-1, keepdims=True, initial=-np.inf)
    centred = scores - np.where(np.isfinite(top), top, 0.0)
    total = np.where(np.isfinite(scores), np.exp(np.where(np.isfinite(scores), centred, 0.0)), 0.0).sum(-1)[..., None]
    found: Values = np.where(total > 0, centred - np.log(np.where(total > 0, total, 1.0)), centred)
    return found


def own_scores(scores: Values, own: Places) -> Values:
    """``[setting, fact]`` of ``[setting, fact, candidate]``."""
    return np.take_along_axis(scores, np.broadcast_to(own, scores.shape[:2])[..., None], axis=2)[..., 0]


def own_ranks(scores: Values, own: Places) -> Values:
    """``[setting, fact]``: 1 for the first; of equals the first label leads. Infinite where the own object can never be
    the answer."""
    mine = own_scores(scores, own)[..., None]
    places = np.arange(scores.shape[2])
    with np.errstate(invalid="ignore"):
        ahead = (scores > mine) | ((scores == mine) & (places < own[:, None]))
    return np.where(np.isfinite(mine[..., 0]), 1.0 + ahead.sum(axis=2), np.inf)


def joined(parts: Sequence[Values], settings: int) -> Values:
    """``[setting, fact]`` of several relations side by side."""
    return np.concatenate(parts, axis=1) if parts else np.zeros((settings, 0))
