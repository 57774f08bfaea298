"""Is an effect too small to matter? Two one-sided tests (TOST, Schuirmann 1987): an interval over 0 does not say."""

from __future__ import annotations

import math

from scipy.special import ndtr

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.types import Interval

#: Points; effects inside plus or minus this are none.
MARGIN = 0.5
_Z = 1.959963984540054


def tost(interval: Interval, margin: float = MARGIN) -> float:
    """p that the effect is ``margin`` or more to either side of 0; its standard error is read off the 95 % interval,
    taken as symmetric and normal, which at 0.05 is on the safe side where it is Student's. NaN without an interval."""
    error = (interval.high - interval.low) / (2 * _Z)
    if math.isnan(error):
        return math.nan
    if error == 0:
        return 0.0 if abs(interval.value) < margin else 1.0
    return float(max(ndtr(-(interval.value + margin) / error), ndtr(-(margin - interval.value) / error)))


def require_margin(margin: float) -> None:
    """Raise :class:`BenchError` for a margin that is not above 0."""
    if not 0 < margin < math.inf:
        raise BenchError(f"stats.equivalence_margin={margin}: give points above 0, such as {MARGIN}.")


def equivalent(interval: Interval, margin: float = MARGIN) -> bool:
    return tost(interval, margin) < 0.05
