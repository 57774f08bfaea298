"""Only a tight interval inside the margin shows that there is no effect."""

from __future__ import annotations

import math

import pytest
from scipy.stats import norm

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.types import Interval
from lrp2_bench.stats.equivalence import equivalent, require_margin, tost


def test_it_is_two_one_sided_tests() -> None:
    error = 0.2
    found = Interval(0.1, 0.1 - 1.96 * error, 0.1 + 1.96 * error)
    assert tost(found, 0.5) == pytest.approx(norm.sf((0.5 - 0.1) / error), rel=1e-3)
    assert tost(found, 0.5) == tost(Interval(-0.1, -found.high, -found.low), 0.5)


def test_a_wide_interval_over_nought_shows_nothing() -> None:
    assert equivalent(Interval(0.0, -0.3, 0.3)) and not equivalent(Interval(0.0, -1.0, 1.0))
    assert not equivalent(Interval(0.6, 0.5, 0.7))
    assert math.isnan(tost(Interval(0.0, math.nan, math.nan)))


@pytest.mark.parametrize("margin", [0, -1.0, math.nan, math.inf])
def test_a_margin_that_is_none_is_refused(margin: float) -> None:
    with pytest.raises(BenchError, match="give points above 0"):
        require_margin(margin)
