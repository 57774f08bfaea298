"""Metrics of many interventions under many weightings of clusters, as products of matrices.

A weight says how often a cluster of facts counts: a bootstrap resample, or a fold (0 and 1). All interventions under
one weighting are one row of a product, which makes 1,000 resamples of 276 pairs a matter of tenths of a second.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lrp2_bench.core.types import HIT, NOT_EVALUATED, Hits
from lrp2_bench.metrics.registry import PAPER
from lrp2_bench.stats.clusters import Clusters
from lrp2_bench.stats.further import Further

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.floating[Any]]
#: float32 ``[weighting, cluster]``; sums of whole numbers are exact below 2**24, in any order of summing.
Weights = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Counts:
    """Weighted numbers of facts: ``both`` hit by the intervention and by the pivot, hit ``alone`` of those the pivot
    misses, hit ``unshared`` of those it lacks (``[..., setting]``); ``facts`` and ``pivot``, those that the pivot hits
    (``[...]``). They add up over folds, exactly: float32 holds whole numbers below 2**24. ``own`` are sums of the parts
    of a ``further`` metric, ``[..., setting]`` each."""

    both: Numbers
    alone: Numbers
    unshared: Numbers
    facts: Numbers
    pivot: Numbers
    own: tuple[Numbers, ...] = ()
    further: Further | None = None

    @property
    def measures(self) -> tuple[str, ...]:
        """The metrics that they tell."""
        return measures_with(self.further)

    def measure(self, metric: str) -> Floats:
        """``[..., setting]`` in percent: 'accuracy', 'transferability' or the further one; 0 where nothing has a
        weight."""
        exact = self.of_parts(part.astype(np.float64) for part in self.parts())
        return exact.rough(metric).astype(np.float64, copy=False)

    def rough(self, metric: str) -> Numbers:
        """The same to six digits, which is enough to choose by and takes half the time."""
        if self.further is not None and metric == self.further.name:
            return self.further.of_sums(*(part.astype(np.float64, copy=False) for part in self.own))
        if metric == "accuracy":
            return 100.0 * (self.both + self.alone + self.unshared) / np.maximum(self.facts, 1.0)[..., None]
        # without any hit both is 0, and so is the overlap
        return 100.0 * self.both / np.maximum(self.alone + self.pivot[..., None], 1.0)

    def best(self, metric: str) -> npt.NDArray[np.intp]:
        """``[...]``: the setting that is best by the metric, the first of equals."""
        values = self.rough(metric)
        if self.further is not None and metric == self.further.name:
            # sums of shares are equal but for rounding
            values = np.round(self.further.sign * values, 3)
        chosen: npt.NDArray[np.intp] = values.argmax(axis=-1)
        return chosen

    def less(self, other: Counts) -> Counts:
        return self.of_parts(mine - theirs for mine, theirs in zip(self.parts(), other.parts(), strict=True))

    def summed(self, axis: int) -> Counts:
        return self.of_parts(part.sum(axis=axis, keepdims=True) for part in self.parts())

    def taken(self, chosen: npt.NDArray[np.intp]) -> Counts:
        """The same with one setting, ``chosen`` ``[...]``."""
        place = chosen[..., None]
        both, alone, unshared, *own = (
            np.take_along_axis(part, place, axis=-1) for part in (self.both, self.alone, self.unshared, *self.own)
        )
        return self.of_parts((both, alone, unshared, self.facts, self.pivot, *own))

    def reshaped(self, *shape: int) -> Counts:
        """Its weightings ``[weighting]`` laid out as ``shape``."""
        return self.of_parts(part.reshape(*shape, *part.shape[1:]) for part in self.parts())

    def parts(self) -> tuple[Numbers, ...]:
        return self.both, self.alone, self.unshared, self.facts, self.pivot, *self.own

    def of_parts(self, parts: Iterable[Numbers]) -> Counts:
        """The same of other numbers, in the order of :meth:`parts`."""
        both, alone, unshared, facts, pivot, *own = parts
        return Counts(both, alone, unshared, facts, pivot, tuple(own), self.further)


class ClusterSums:
    """Of ``hits`` ``[setting, fact]`` against ``pivot_hits`` ``[fact]``, -1 where the pivot lacks the fact: their sums
    over each cluster; and those of a ``further`` metric of the same hits.

    Raises ValueError where a setting leaves a fact open (a share of what happens to be evaluated is no accuracy), and
    where the three have not the same facts.
    """

    def __init__(
        self, hits: Hits, pivot_hits: npt.NDArray[np.int8], clusters: Clusters, further: Further | None = None
    ) -> None:
        check_same_facts(hits, pivot_hits, clusters)
        self.clusters = clusters
        self.further = further
        self._own = [clusters.sums(part.T) for part in further.parts] if further is not None else []
        self.settings, self.facts = hits.shape
        hit = np.ascontiguousarray((hits == HIT).T, dtype=np.float32)
        parts = pivot_hits == HIT, (pivot_hits != HIT) & (pivot_hits != NOT_EVALUATED), pivot_hits == NOT_EVALUATED
        # A cluster without a fact of a part has no row in its product: of clusters of one fact each is in one product.
        self._rows = [np.unique(clusters.codes[part]) for part in parts]
        self._sums = [clusters.of(part).sums(hit[part]) for part in parts]
        ones = np.ones(len(pivot_hits), dtype=np.float32)
        self._facts, self._pivot = clusters.sums(ones), clusters.sums(ones * parts[0])

    @property
    def measures(self) -> tuple[str, ...]:
        """What they tell."""
        return measures_with(self.further)

    def __call__(self, weights: Weights, only: npt.NDArray[np.bool_] | None = None) -> Counts:
        """``[weighting, setting]``, from ``weights`` ``[weighting, cluster]``; over the clusters ``only`` if given."""
        both, alone, unshared = (
            self._product(weights, rows, sums, only) for rows, sums in zip(self._rows, self._sums, strict=True)
        )
        chosen = slice(None) if only is None else only
        facts, pivot = (weights[:, chosen] @ each[chosen] for each in (self._facts, self._pivot))
        own = tuple(weights[:, chosen] @ each[chosen] for each in self._own)
        return Counts(both, alone, unshared, facts, pivot, own, self.further)

    def unit(self, metric: str) -> float:
        """How many points one fact is worth, at most, of the first setting's metric."""
        if self.further is not None and metric == self.further.name:
            return float(self.further.unit[0])
        return float(100.0 / facts_of(self(as_weights(np.ones((1, self.clusters.count)))), metric)[0, 0])

    def by_fold(self, weights: Weights, fold: npt.NDArray[np.intp], folds: int) -> Counts:
        """``[fold, weighting, setting]``, each over its own clusters: no more work than one product over all."""
        parts = [self(weights, fold == number) for number in range(folds)]
        return parts[0].of_parts(np.stack(each) for each in zip(*(part.parts() for part in parts), strict=True))

    def influences(self, metric: str, share: Floats, base: Floats) -> Weights:
        """``[cluster, setting]``: by how many points a cluster's facts raise the metric, a ``share`` ``[setting]`` of
        ``base`` ``[setting]`` facts, above what it is; to first order, and 0 in sum."""
        shares, scale = share.astype(np.float32), (100.0 / base).astype(np.float32)
        of, factors = self._facts, (scale, scale, scale)
        if metric == "transferability":
            of, factors = self._pivot, (scale, -shares * scale, 0.0 * scale)
        found: Weights = -of[:, None] * (shares * scale)
        for rows, sums, factor in zip(self._rows, self._sums, factors, strict=True):
            found[rows] += sums * factor
        return found

    def _product(
        self, weights: Weights, rows: npt.NDArray[np.intp], sums: Weights, only: npt.NDArray[np.bool_] | None
    ) -> Numbers:
        if only is not None:
            here = only[rows]
            rows, sums = rows[here], sums[here]
        return np.asarray(weights[:, rows] @ sums)


def facts_of(totals: Counts, metric: str) -> Floats:
    """``[..., setting]``: how many facts a metric is a share of: all, or those that either side hits; 1 at least."""
    if metric == "accuracy":
        return np.broadcast_to(np.maximum(totals.facts, 1.0)[..., None], totals.both.shape).astype(np.float64)
    return np.maximum(totals.alone + totals.pivot[..., None], 1.0).astype(np.float64)


def measures_with(further: Further | None) -> tuple[str, ...]:
    """The paper's two metrics, and a further one."""
    return PAPER if further is None else (*PAPER, further.name)


def as_weights(weights: npt.NDArray[np.generic]) -> Weights:
    """Whole numbers or booleans as weights."""
    return np.ascontiguousarray(weights, dtype=np.float32)


def check_same_facts(hits: Hits, pivot_hits: npt.NDArray[np.int8], clusters: Clusters) -> None:
    """Raise ValueError where the facts are not the same, or a setting leaves one open."""
    facts = hits.shape[1]
    if pivot_hits.shape != (facts,):
        raise ValueError(f"pivot_hits has the shape {pivot_hits.shape}, but there are {facts} facts.")
    if clusters.codes.shape != (facts,):
        raise ValueError(f"clusters are of {len(clusters.codes)} facts, but there are {facts}.")
    check_evaluated(hits)


def check_evaluated(hits: Hits) -> None:
    """Raise ValueError where a setting leaves a fact open."""
    if (hits == NOT_EVALUATED).any():
        raise ValueError(
            "An intervention leaves facts open. Pass fully evaluated interventions only (metrics.fully_evaluated)."
        )
