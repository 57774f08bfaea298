"""Exact tests of one setting against another on the same facts, and their correction over several languages."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lrp2_bench.core.types import HIT, Hits, Interval
from lrp2_bench.stats.weighted import check_evaluated


@dataclass(frozen=True)
class McNemar:
    """How many facts the second setting hits and the first does not (``gained``), the other way round (``lost``), and
    the two-sided exact p of the split, were each of these facts as likely to be gained as lost; 1 without any."""

    gained: int
    lost: int
    p: float


def mcnemar(before: Hits, after: Hits) -> McNemar:
    """The exact McNemar test of two settings' hits ``[fact]``, which is the binomial test of gained against lost.

    It is about facts hit, so about accuracy. Of a pair that was chosen on these facts it says too much, whichever
    metric chose it: see :mod:`lrp2_bench.stats.held_out` for a p that the choice has no part in. Raises ValueError
    where a fact is open.
    """
    from scipy.stats import binomtest

    check_evaluated(np.stack([before, after]))
    gained = int(((after == HIT) & (before != HIT)).sum())
    lost = int(((before == HIT) & (after != HIT)).sum())
    return McNemar(gained, lost, float(binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0)


def p_of_interval(found: Interval, freedom: float) -> float:
    """Two-sided p that the value is 0, read off Student's 95 % interval of ``freedom`` degrees: below 0.05 just where
    the interval excludes 0. NaN without bounds; 1 of no degree."""
    if math.isnan(found.low):
        return math.nan
    if freedom <= 0 or found.value == 0:
        return 1.0
    from scipy.stats import t  # half a second: no search needs it

    error = (found.high - found.low) / 2 / float(t.ppf(0.975, freedom))
    return float(2 * t.sf(abs(found.value) / error, freedom)) if error else 0.0


def holm(p: Sequence[float]) -> list[float]:
    """The ``p`` of several tests corrected for their number by Holm's step-down method, in the order given.

    Those below 0.05 are then right all together in 19 of 20 studies, whatever the dependence between the tests (the
    languages share their facts). NaN, a test that could not be made, stays NaN and does not count.
    """
    made = sorted((value, at) for at, value in enumerate(p) if not math.isnan(value))
    corrected = [math.nan] * len(p)
    highest = 0.0
    for rank, (value, at) in enumerate(made):
        highest = max(highest, min(1.0, (len(made) - rank) * value))
        corrected[at] = highest
    return corrected
