"""One language's hits, resampled once for all that is asked of them.

Tables and the page ask the same hits for intervals, for the confidence set of best pairs and for held-out gains, by
any metric. The draws are what takes time and are the same for all of these, so they are made once and kept while one
language is looked at: some megabytes for 276 pairs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from lrp2_bench.core.types import Hits, LayerPair, Setting
from lrp2_bench.metrics import hits as metrics
from lrp2_bench.metrics.base import FactHits, Metric
from lrp2_bench.results.stored_hits import StoredHits, fact_names
from lrp2_bench.stats.clusters import RESAMPLES, SEED, Clusters, clusters_of
from lrp2_bench.stats.confidence_set import Membership, confidence_set, memberships
from lrp2_bench.stats.further import Further, further_of
from lrp2_bench.stats.held_out import Folds, HeldOut, resampled_folds
from lrp2_bench.stats.max_t import Chance, LargestGain, largest_gain
from lrp2_bench.stats.paired_intervals import Changes, change_influences, changes_of
from lrp2_bench.stats.weighted import ClusterSums, Floats


class Sampled:
    """The fully evaluated ``settings`` of ``stored``, the baseline (None) first where it is among them, and
    their ``hits`` ``[setting, fact]``; ``pivot_hits`` is ``[fact]`` over the same facts, -1 where the pivot lacks one.

    Facts come in ``clusters``; without, each is one. ``metric`` is one beyond the paper's two. What is drawn and dealt
    is the same each time: ``seed`` decides.
    """

    def __init__(
        self,
        stored: StoredHits,
        pivot_hits: npt.NDArray[np.int8],
        clusters: Clusters | None = None,
        resamples: int = RESAMPLES,
        seed: int = SEED,
        metric: Metric | None = None,
    ) -> None:
        complete = metrics.fully_evaluated(stored.hits)
        rows = sorted(np.flatnonzero(complete), key=lambda row: stored.settings[row] is not None)  # keeps their order
        self.settings: tuple[Setting, ...] = tuple(stored.settings[row] for row in rows)
        self.hits: Hits = stored.hits[rows]
        self.pivot_hits = pivot_hits
        self.facts = stored.facts
        self.relations = stored.relations
        self.clusters = clusters or clusters_of(fact_names(stored.facts), "fact")
        baseline = self.hits[0] if self.settings and self.settings[0] is None else None
        data = FactHits(self.hits, pivot_hits, tuple(self.relations), baseline)
        self.further: Further | None = further_of(metric, data)
        self._resamples, self._seed = resamples, seed
        self._memberships: dict[str, dict[LayerPair, Membership]] = {}
        self._largest: dict[str, LargestGain] = {}

    @property
    def pairs(self) -> tuple[LayerPair, ...]:
        return tuple(setting for setting in self.settings if setting is not None)

    @cached_property
    def values(self) -> Mapping[str, Floats]:
        """By metric, of each setting in percent."""
        return {
            "accuracy": metrics.accuracy(self.hits),
            "transferability": metrics.transferability(self.hits, self.pivot_hits),
            **({} if self.further is None else {self.further.name: self.further.plain}),
        }

    @cached_property
    def changes(self) -> Mapping[str, Changes]:
        """By metric, each setting against the baseline."""
        return {name: changes_of(self._sums, self.hits, self.pivot_hits, name) for name in self._sums.measures}

    @property
    def samples(self) -> Mapping[str, Floats]:
        """By metric, ``[setting, resample]`` in percent."""
        return self._resampled[0]

    def held_out(self, select_by: str) -> HeldOut:
        """The gain of a pair chosen by ``select_by`` on other facts than it is reported on."""
        return self._folds.held_out(select_by)

    def largest_gain(self, metric: str) -> LargestGain:
        """For the max-T test against the baseline."""
        if metric not in self._largest:
            sign, changes = self.sign(metric), self.changes[metric]
            upwards = replace(changes, value=sign * changes.value)
            influences = sign * change_influences(self._sums, metric)
            self._largest[metric] = largest_gain(upwards, sign * self.samples[metric], influences, self._chance)
        return self._largest[metric]

    def unit(self, metric: str) -> float:
        """What one fact is of the baseline's, in points."""
        return self._sums.unit(metric)

    def confidence_set(self, metric: str) -> tuple[LayerPair, ...]:
        """The 95 % confidence set of best pairs by ``metric``, in their order."""
        return tuple(pair for pair, one in self.memberships(metric).items() if one.kept)

    def memberships(self, metric: str) -> Mapping[LayerPair, Membership]:
        """Of every pair in that set."""
        if metric not in self._memberships:
            first, sign = len(self.settings) - len(self.pairs), self.sign(metric)
            found = confidence_set(sign * self.values[metric][first:], sign * self.samples[metric][first:])
            self._memberships[metric] = dict(zip(self.pairs, memberships(found), strict=True))
        return self._memberships[metric]

    def sign(self, metric: str) -> float:
        """-1 for a metric of which less is better."""
        return self.further.sign if self.further is not None and metric == self.further.name else 1.0

    @cached_property
    def _chance(self) -> Chance:
        return Chance.of(
            self.clusters.draws(self._resamples, self._seed), self.clusters.sums((self.hits != self.hits[0]).T)
        )

    @cached_property
    def _sums(self) -> ClusterSums:
        return ClusterSums(self.hits, self.pivot_hits, self.clusters, self.further)

    @cached_property
    def _resampled(self) -> tuple[dict[str, Floats], dict[str, dict[str, Floats]]]:
        return resampled_folds(self._sums, self._resamples, self._seed)

    @cached_property
    def _folds(self) -> Folds:
        return Folds(self._sums, self._resampled[1], self._seed)
