"""Wilson's interval of a share (Wilson 1927): right near 0 and 1 as well, where the usual one leaves them."""

from __future__ import annotations

import math

from lrp2_bench.core.types import Interval

_Z = 1.959963984540054  # 95 %


def wilson(share: float, count: int) -> Interval:
    """``share`` (0 to 1) of ``count`` trials and its 95 % interval, in percent; NaN of no trials.

    The share may be a mean of two over the same trials, which then counts as one: too wide rather than too narrow.
    """
    if not count:
        return Interval(math.nan, math.nan, math.nan)
    spread = _Z * math.sqrt(share * (1 - share) / count + _Z**2 / (4 * count**2))
    middle, whole = share + _Z**2 / (2 * count), 1 + _Z**2 / count
    # At 0 and 1 the bound is the share itself; rounding must not put it beyond.
    low, high = min(share, (middle - spread) / whole), max(share, (middle + spread) / whole)
    return Interval(100 * share, 100 * max(0.0, low), 100 * min(1.0, high))
