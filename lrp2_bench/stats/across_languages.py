"""Means over languages and their differences, with intervals: the languages are the sample, a number each.

A claim about languages ("low-resource languages gain less") is worth as much as there are languages to see it in, so
the intervals here are Student's and Welch's over languages. Uncertainty from the facts is part of how much languages
differ and so is in them too; what the languages share (the pivot's hits) is not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.stats import t

from lrp2_bench.core.types import Interval

LEVEL = 0.95
#: Fewer languages than this show nothing about languages: an interval would rest on one or two differences.
FEWEST = 3


def mean_over_languages(values: Sequence[float]) -> Interval:
    """The mean of one value a language, with bounds; the bounds are NaN for fewer than :data:`FEWEST`."""
    found = np.array([value for value in values if not math.isnan(value)])
    if not found.size:
        return Interval(math.nan, math.nan, math.nan)
    return _interval(float(found.mean()), float(found.var(ddof=1)) / found.size if found.size > 1 else 0.0, found.size)


def difference_of_means(these: Sequence[float], those: Sequence[float]) -> Interval:
    """The mean of ``these`` languages minus that of ``those`` (Welch: neither sizes nor spreads need be equal), with
    bounds; they are NaN where either group has fewer than :data:`FEWEST`."""
    groups = [np.array([value for value in values if not math.isnan(value)]) for values in (these, those)]
    if not all(group.size for group in groups):
        return Interval(math.nan, math.nan, math.nan)
    value = float(groups[0].mean() - groups[1].mean())
    if min(group.size for group in groups) < FEWEST:
        return Interval(value, math.nan, math.nan)
    parts = [(float(group.var(ddof=1)) / group.size, group.size - 1) for group in groups]
    total = sum(variance for variance, _ in parts)
    squares = sum(variance**2 / freedom for variance, freedom in parts)
    return _bounds(value, math.sqrt(total), total**2 / squares if squares else 1.0)


def _interval(value: float, variance: float, languages: int) -> Interval:
    if languages < FEWEST:
        return Interval(value, math.nan, math.nan)
    return _bounds(value, math.sqrt(variance), languages - 1)


def _bounds(value: float, error: float, freedom: float) -> Interval:
    reach = float(t.ppf(0.5 + LEVEL / 2, freedom)) * error
    return Interval(value, value - reach, value + reach)
