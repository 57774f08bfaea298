"""Only a tight interval inside the margin shows that there is no effect."""

from __future__ import annotations

import math

import pytest
from scipy.stats import norm, t

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.types import Interval
from lrp2_bench.stats.equivalence import equivalent, require_margin, tost


def test_it_is_two_one_sided_tests() -> None:
    error = 0.2
    for freedom, null in ((math.inf, norm()), (2, t(2)), (11, t(11))):
        reach = null.ppf(0.975) * error
        found = Interval(0.1, 0.1 - reach, 0.1 + reach)
        assert tost(found, freedom, 0.5) == pytest.approx(null.sf((0.5 - 0.1) / error))
        assert tost(found, freedom, 0.5) == tost(Interval(-0.1, -found.high, -found.low), freedom, 0.5)


@pytest.mark.parametrize("freedom", [1, 2, 11, 39, math.inf])
def test_it_says_none_just_where_the_90_percent_interval_lies_inside_the_margin(freedom: float) -> None:
    for error in (0.02, 0.05, 0.1, 0.2, 0.25, 0.29, 0.4):
        wide, narrow = (t(freedom).ppf(level) * error for level in (0.975, 0.95))
        found = Interval(0.1, 0.1 - wide, 0.1 + wide)
        assert equivalent(found, freedom, 0.5) == (0.1 + narrow < 0.5)


def test_a_wide_interval_over_nought_shows_nothing() -> None:
    assert equivalent(Interval(0.0, -0.3, 0.3), 20) and not equivalent(Interval(0.0, -1.0, 1.0), 20)
    assert not equivalent(Interval(0.6, 0.5, 0.7), 20)
    assert math.isnan(tost(Interval(0.0, math.nan, math.nan), 20)) and tost(Interval(0.0, -0.1, 0.1), 0) == 1.0


@pytest.mark.parametrize("margin", [0, -1.0, math.nan, math.inf])
def test_a_margin_that_is_none_is_refused(margin: float) -> None:
    with pytest.raises(BenchError, match="give points above 0"):
        require_margin(margin)
