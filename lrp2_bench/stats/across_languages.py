"""Means over languages and their differences, with intervals that know both samples: languages, and facts.

A claim about languages is worth as much as there are languages to see it in. But languages share their facts, so they
are not independent either. The variance of a mean is that over clusters of facts (all languages resampled by the same
draws) plus that over languages, less what both count (Cameron, Gelbach and Miller 2011): a two-way bootstrap that
resamples both at once counts it twice. Without resamples languages are the only sample: Student's and Welch's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri, stdtrit

from lrp2_bench.core.types import Interval
from lrp2_bench.stats.weighted import Floats

LEVEL = 0.95
#: Fewer languages than this show nothing about languages: an interval would rest on one or two differences.
FEWEST = 3
#: Of a language's sampling variance at least this share is taken to be its own, however much it has in common.
_LEAST_OWN = 0.05


@dataclass(frozen=True)
class Estimate:
    """One language's number; ``samples`` ``[resample]`` of it, by draws that all languages share, or none; and the
    ``least`` that its standard error is taken to be, which one fact is worth: that no resample turns one is no
    certainty."""

    value: float
    samples: Floats | None = None
    least: float = 0.0

    def less(self, other: Estimate) -> Estimate:
        if self.samples is None or other.samples is None:
            return Estimate(self.value - other.value)
        return Estimate(self.value - other.value, self.samples - other.samples, max(self.least, other.least))

    @property
    def unseen(self) -> float:
        """By how much its standard error is above what its samples show (a root of a variance)."""
        return 0.0 if self.samples is None else math.sqrt(max(0.0, self.least**2 - float(self.samples.var())))


@dataclass(frozen=True)
class _Group:
    mean: float
    of_languages: float  # variance of the mean, were languages independent
    of_both: float  # the part of it that is sampling of facts
    samples: Floats  # of the mean; one 0 without any
    size: int
    unseen: float = 0.0  # what samples do not show of the mean's standard error


def mean_over_languages(values: Sequence[float | Estimate]) -> Interval:
    """The mean with 95 % bounds; they are NaN for fewer than :data:`FEWEST` languages. NaN values do not count."""
    group = _group(values)
    if group.size < FEWEST:
        return Interval(group.mean, math.nan, math.nan)
    error = math.sqrt(_variance(group.of_languages, group.of_both, group.samples, group.unseen))
    return _bounds(group.mean, error, group.size - 1)


def difference_of_means(these: Sequence[float | Estimate], those: Sequence[float | Estimate]) -> Interval:
    """The mean of ``these`` languages minus that of ``those`` (neither sizes nor spreads need be equal), with bounds;
    they are NaN where either group has fewer than :data:`FEWEST`."""
    groups = [_group(values) for values in (these, those)]
    value = groups[0].mean - groups[1].mean
    if min(group.size for group in groups) < FEWEST:
        return Interval(value, math.nan, math.nan)
    parts = [(group.of_languages, group.size - 1) for group in groups]
    total = sum(variance for variance, _ in parts)
    squares = sum(variance**2 / freedom for variance, freedom in parts)
    both = sum(group.of_both for group in groups)
    unseen = math.hypot(*(group.unseen for group in groups))
    error = math.sqrt(_variance(total, both, groups[0].samples - groups[1].samples, unseen))
    return _bounds(value, error, total**2 / squares if squares else 1.0)


def shrunken(values: Sequence[float | Estimate], errors: Sequence[float]) -> list[Interval]:
    """Each language's effect drawn to the mean by as much as it is noise, with a 95 % interval; NaN stays NaN.

    Empirical Bayes from the values and their standard ``errors``. The spread of true effects is averaged over by its
    likelihood instead of set to its best value, which is 0 too often and leaves intervals that cover 80 % (Gelman et
    al., Bayesian Data Analysis, 5.4). What languages err by in common, for they share facts, tells nothing of one
    against another: it is taken out before and added to every interval after.
    """
    all_ = [value if isinstance(value, Estimate) else Estimate(value) for value in values]
    known = [at for at, each in enumerate(all_) if not math.isnan(each.value)]
    found = [Interval(math.nan, math.nan, math.nan)] * len(all_)
    if not known:
        return found
    effects = np.array([all_[at].value for at in known])
    squares = np.maximum([errors[at] for at in known], 1e-9) ** 2
    common = _in_common([all_[at] for at in known])
    noise = np.maximum(squares - common, _LEAST_OWN * squares)
    spread = np.linspace(0, 2 * (float(effects.std()) + math.sqrt(float(noise.mean()))), 400)[:, None] ** 2
    weights = 1 / (noise + spread)
    of_mean = 1 / weights.sum(axis=1, keepdims=True)
    mean = (weights * effects).sum(axis=1, keepdims=True) * of_mean
    likelihood = (np.log(weights) - weights * (effects - mean) ** 2).sum(axis=1) / 2 + np.log(of_mean[:, 0]) / 2
    chance = np.exp(likelihood - likelihood.max())[:, None]
    chance /= chance.sum()
    own = spread / (spread + noise)
    drawn = own * effects + (1 - own) * mean
    centre = (chance * drawn).sum(axis=0)
    variance = (chance * (own * noise + (1 - own) ** 2 * of_mean + (drawn - centre) ** 2)).sum(axis=0)
    reach = float(ndtri(0.5 + LEVEL / 2)) * np.sqrt(variance + common)
    for at, value, width in zip(known, centre.tolist(), reach.tolist(), strict=True):
        found[at] = Interval(value, value - width, value + width)
    return found


def _in_common(values: Sequence[Estimate]) -> float:
    """The mean covariance of two languages' sampling errors, 0 at least; 0 without resamples of all."""
    drawn = [each.samples for each in values if each.samples is not None]
    if len(drawn) < max(2, len(values)):
        return 0.0
    samples, count = np.stack(drawn), len(values)
    of_sum, own = float(samples.sum(axis=0).var(ddof=1)), float(samples.var(axis=1, ddof=1).sum())
    return max(0.0, (of_sum - own) / (count * (count - 1)))


def _group(values: Sequence[float | Estimate]) -> _Group:
    all_ = [value if isinstance(value, Estimate) else Estimate(value) for value in values]
    found = [each for each in all_ if not math.isnan(each.value)]
    if not found:
        return _Group(math.nan, 0.0, 0.0, np.zeros(1), 0)
    numbers = np.array([each.value for each in found])
    of_languages = float(numbers.var(ddof=1)) / len(found) if len(found) > 1 else 0.0
    drawn = [each.samples for each in found if each.samples is not None]
    if len(drawn) < len(found):
        return _Group(float(numbers.mean()), of_languages, 0.0, np.zeros(1), len(found))
    samples = np.stack(drawn)
    of_both = float(samples.var(axis=1).sum()) / len(found) ** 2
    # Which fact it would be that turns is each language's own luck: where samples are, they are shared as they are.
    unseen = math.hypot(*(each.unseen for each in found)) / len(found)
    return _Group(float(numbers.mean()), of_languages, of_both, samples.mean(axis=0), len(found), unseen)


def _variance(of_languages: float, of_both: float, samples: Floats, unseen: float) -> float:
    of_facts = float(samples.var())
    return max(of_facts + of_languages - of_both, of_facts, 0.0) + unseen**2


def _bounds(value: float, error: float, freedom: float) -> Interval:
    reach = float(stdtrit(freedom, 0.5 + LEVEL / 2)) * error
    return Interval(value, value - reach, value + reach)
