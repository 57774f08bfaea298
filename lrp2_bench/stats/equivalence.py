"""Is an effect too small to matter? Two one-sided tests (TOST, Schuirmann 1987): an interval over 0 does not say."""

from __future__ import annotations

import math

from scipy.special import stdtr, stdtrit

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.types import Interval

#: Points; effects inside plus or minus this are none.
MARGIN = 0.5


def tost(interval: Interval, freedom: float, margin: float = MARGIN) -> float:
    """p that the effect is ``margin`` or more to either side of 0, read off Student's 95 % interval of ``freedom``
    degrees: below 0.05 just where the 90 % interval lies inside the margin. NaN without an interval; 1 of no degree."""
    if math.isnan(interval.low):
        return math.nan
    if freedom <= 0:
        return 1.0
    error = (interval.high - interval.low) / 2 / float(stdtrit(freedom, 0.975))
    if error == 0:
        return 0.0 if abs(interval.value) < margin else 1.0
    return float(stdtr(freedom, -(margin - abs(interval.value)) / error))


def require_margin(margin: float) -> None:
    """Raise :class:`BenchError` for a margin that is not above 0."""
    if not 0 < margin < math.inf:
        raise BenchError(f"stats.equivalence_margin={margin}: give points above 0, such as {MARGIN}.")


def equivalent(interval: Interval, freedom: float, margin: float = MARGIN) -> bool:
    return tost(interval, freedom, margin) < 0.05
