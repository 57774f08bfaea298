"""What choosing a pair is worth on facts that had no part in choosing it.

The paper chooses a language's pair and reports it on the same facts. The best of 66 or 276 pairs is partly the
luckiest, so that change is too high even where all pairs are alike. Here the clusters of facts are dealt into ten
folds; each fact's outcome is taken at the intervention that the other nine folds choose, no intervention being one of
the choices and the choice in a tie; outcomes are pooled over all facts, which gives the metric, less the baseline's.
The gain is the mean over random deals, of which there are as many as bring the Monte Carlo error below
:data:`PRECISION`.

Its interval is a bootstrap of clusters that repeats the selection: the spread of the gain over resamples, less what a
single deal adds to it. Half the facts, which choose worse than nine tenths, and halves that must choose some pair, put
the gain 0.3 to 0.6 points too low (docs/statistics.md).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy.special import stdtr

from lrp2_bench.core.types import Interval
from lrp2_bench.metrics.registry import PAPER
from lrp2_bench.stats.clusters import RESAMPLES, SEED
from lrp2_bench.stats.paired_intervals import student
from lrp2_bench.stats.weighted import ClusterSums, Counts, Floats, as_weights

FOLDS = 10
#: Points that the Monte Carlo error of a gain, one standard deviation, is below.
PRECISION = 0.05
#: Clusters below which a gain is not told: folds of less than four choose and report by chance.
ENOUGH = 40

_DEALS, _MOST_DEALS = 20, 400
#: Resamples that share a deal into folds, so that all ten folds of all of them cost one product.
_ALIKE = 50


@dataclass(frozen=True)
class HeldOut:
    """``gain`` by metric in points with its 95 % interval; ``p`` of a two-sided test that it is 0. ``monte_carlo`` is
    the gain's standard error over ``deals`` into folds, ``chosen`` how often a row of the hits was chosen, in percent
    of all folds. ``samples`` ``[resample]`` are resampled gains, centred on the gain. All NaN or empty where there are
    fewer than :data:`ENOUGH` clusters, or no pair."""

    gain: Mapping[str, Interval]
    p: Mapping[str, float]
    monte_carlo: Mapping[str, float]
    deals: int = 0
    chosen: Mapping[int, float] = field(default_factory=dict)
    samples: Mapping[str, Floats] = field(default_factory=dict, compare=False)

    @property
    def told(self) -> bool:
        """Whether there were enough clusters to tell."""
        return self.deals > 0


def nothing_held_out(measures: Sequence[str] = PAPER) -> HeldOut:
    nan = dict.fromkeys(measures, math.nan)
    return HeldOut({name: Interval(math.nan, math.nan, math.nan) for name in measures}, nan, nan)


class Folds:
    """All that held-out gains are computed from, for a choice by any metric: row 0 of the ``sums`` is the baseline, the
    others are the pairs to choose from. ``resampled`` are :func:`resampled_folds` of the same sums."""

    def __init__(self, sums: ClusterSums, resampled: Mapping[str, Mapping[str, Floats]], seed: int = SEED) -> None:
        self._sums, self._resampled = sums, resampled
        self._rng = np.random.default_rng(seed)
        self._dealt: list[Counts] = []

    def held_out(self, select_by: str) -> HeldOut:
        """The gain of choosing by ``select_by``, one of the sums' measures."""
        if not self._resampled:
            return nothing_held_out(self._sums.measures)
        gains, chosen = self._gains(select_by)
        samples = self._resampled[select_by]
        found: dict[str, Interval] = {}
        p, centred = {}, {}
        reach, count = student(self._sums.clusters.count), self._sums.clusters.count
        for name, values in gains.items():
            value = float(values.mean())
            # A resample has one deal, whose luck is no part of the mean over deals.
            error = math.sqrt(max(0.0, float(samples[name].var()) - float(values.var(ddof=1))))
            # One fact at least: that no resample chose any pair is no certainty.
            error = max(error, float(samples[name].std()) / 2, self._sums.unit(name))
            found[name] = Interval(value, value - reach * error, value + reach * error)
            p[name] = float(2 * stdtr(count - 1, -abs(value) / error)) if error else 1.0 if value == 0 else 0.0
            spread = float(samples[name].std())
            centred[name] = value + (samples[name] - samples[name].mean()) * (error / spread if spread else 1.0)
        deals = len(chosen)
        errors = {name: float(values.std(ddof=1)) / math.sqrt(deals) for name, values in gains.items()}
        rows, counts = np.unique(chosen, return_counts=True)
        shares = {int(row): 100.0 * int(times) / chosen.size for row, times in zip(rows, counts, strict=True)}
        return HeldOut(found, p, errors, deals, shares, centred)

    def _gains(self, select_by: str) -> tuple[dict[str, Floats], npt.NDArray[np.intp]]:
        """``[deal]`` by metric, and ``[deal, fold]`` the rows chosen."""
        gains: dict[str, list[Floats]] = {name: [] for name in self._sums.measures}
        rows: list[npt.NDArray[np.intp]] = []
        for block in range(_MOST_DEALS // _DEALS):
            if block == len(self._dealt):
                self._dealt.append(self._deal())
            chosen, pooled = cross_fitted(self._dealt[block], select_by)
            rows.append(chosen.T)
            for name, values in pooled.items():
                gains[name].append(values)
            found = {name: np.concatenate(parts) for name, parts in gains.items()}
            if max(float(values.std(ddof=1)) / math.sqrt(len(values)) for values in found.values()) < PRECISION:
                break
        return found, np.concatenate(rows)

    def _deal(self) -> Counts:
        """``[fold, deal, setting]``, of :data:`_DEALS` random deals."""
        folds = np.stack([self._sums.clusters.folds(FOLDS, self._rng) for _ in range(_DEALS)])
        weights = as_weights(np.arange(FOLDS)[:, None, None] == folds)
        found = self._sums(weights.reshape(FOLDS * _DEALS, -1))
        return found.reshaped(FOLDS, _DEALS)


def cross_fitted(folds: Counts, select_by: str) -> tuple[npt.NDArray[np.intp], dict[str, Floats]]:
    """From ``[fold, weighting, setting]``: the rows that the other folds choose (``[fold, weighting]``, the first of
    equals), and by metric the pooled outcome at these less the baseline's, in points (``[weighting]``)."""
    total = folds.summed(axis=0)
    chosen = total.less(folds).best(select_by)
    pooled = folds.taken(chosen).summed(axis=0)
    baseline = total.taken(np.zeros_like(chosen[:1]))
    return chosen, {name: (pooled.measure(name) - baseline.measure(name))[0, :, 0] for name in folds.measures}


def resampled_folds(
    sums: ClusterSums, resamples: int = RESAMPLES, seed: int = SEED
) -> tuple[dict[str, Floats], dict[str, dict[str, Floats]]]:
    """Bootstrap over clusters. By metric, each setting in every resample (``[setting, resample]``, percent); and by the
    metric that chooses, by metric, the gain of a cross-fitted choice in each (``[resample]``, points). The latter is
    empty without a pair, or with fewer than :data:`ENOUGH` clusters."""
    draws = sums.clusters.draws(resamples, seed)
    rng = np.random.default_rng(seed)
    measures = sums.measures
    whole: dict[str, list[Floats]] = {name: [] for name in measures}
    gains: dict[str, dict[str, list[Floats]]] = {by: {name: [] for name in measures} for by in measures}
    told = sums.settings > 1 and sums.clusters.count >= ENOUGH
    for start in range(0, resamples, _ALIKE):
        weights = as_weights(draws[start : start + _ALIKE])
        fold = sums.clusters.folds(FOLDS, rng)
        counts = sums.by_fold(weights, fold, FOLDS) if told else sums(weights).reshaped(1, len(weights))
        total = counts.summed(axis=0)
        for name in measures:
            whole[name].append(total.measure(name)[0].T)
        for by in measures if told else ():
            for name, values in cross_fitted(counts, by)[1].items():
                gains[by][name].append(values)
    samples = {name: np.concatenate(parts, axis=1) for name, parts in whole.items()}
    if not told:
        return samples, {}
    return samples, {by: {name: np.concatenate(parts) for name, parts in found.items()} for by, found in gains.items()}
