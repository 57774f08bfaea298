"""One language's hits, resampled once for all that is asked of them.

Tables and the page ask the same hits for intervals, for the confidence set of best pairs and for held-out gains, by
either metric. The draws are what takes time and are the same for all of these, so they are made once and kept while one
language is looked at: some megabytes for 276 pairs.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt

from lrp2_bench.core.types import Hits, LayerPair, Setting
from lrp2_bench.metrics import hits as metrics
from lrp2_bench.metrics.registry import PAPER
from lrp2_bench.results.stored_hits import StoredHits
from lrp2_bench.stats.bootstrap import RESAMPLES, SEED, Resampled, resample_measures
from lrp2_bench.stats.confidence_set import confidence_set_of_best
from lrp2_bench.stats.held_out import SPLITS, Halves

#: In the order of :func:`~lrp2_bench.stats.bootstrap.resample_measures`.
MEASURES: Final = PAPER


class Sampled:
    """The fully evaluated ``settings`` of ``stored``, the baseline (None) first where it is among them, and
    their ``hits`` ``[setting, fact]``; ``pivot_hits`` is ``[fact]`` over the same facts, -1 where the pivot lacks one.

    What is drawn and halved is the same each time: ``seed`` decides.
    """

    def __init__(
        self,
        stored: StoredHits,
        pivot_hits: npt.NDArray[np.int8],
        resamples: int = RESAMPLES,
        splits: int = SPLITS,
        seed: int = SEED,
    ) -> None:
        complete = metrics.fully_evaluated(stored.hits)
        rows = sorted(np.flatnonzero(complete), key=lambda row: stored.settings[row] is not None)  # keeps their order
        self.settings: tuple[Setting, ...] = tuple(stored.settings[row] for row in rows)
        self.hits: Hits = stored.hits[rows]
        self.pivot_hits = pivot_hits
        self.facts = stored.facts
        self.relations = stored.relations
        self._resamples, self._splits, self._seed = resamples, splits, seed
        self._confidence_set: dict[str, tuple[LayerPair, ...]] = {}

    @property
    def pairs(self) -> tuple[LayerPair, ...]:
        return tuple(setting for setting in self.settings if setting is not None)

    @cached_property
    def measures(self) -> Mapping[str, Resampled]:
        """By metric, a row a setting. Raises ValueError where the pivot's hits are of other facts."""
        found = resample_measures(self.hits, self.pivot_hits, self.relations, self._resamples, self._seed)
        return dict(zip(MEASURES, found, strict=True))

    @cached_property
    def halves(self) -> Halves:
        """For held-out gains."""
        return Halves(self.hits, self.pivot_hits, self.relations, self._splits, self._seed)

    def confidence_set(self, metric: str) -> tuple[LayerPair, ...]:
        """The 95 % confidence set of best pairs by ``metric``, in their order."""
        if metric not in self._confidence_set:
            first = len(self.settings) - len(self.pairs)
            measure = self.measures[metric]
            kept = confidence_set_of_best(measure.value[first:], measure.samples[first:])
            self._confidence_set[metric] = tuple(pair for pair, good in zip(self.pairs, kept, strict=True) if good)
        return self._confidence_set[metric]
