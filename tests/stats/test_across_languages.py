"""Intervals over languages are Student's and Welch's, as scipy's own tests have them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from lrp2_bench.stats.across_languages import difference_of_means, mean_over_languages

GAINS = [0.4, 1.9, 0.3, -0.2, 0.8]
OTHERS = [1.1, 2.0, 2.6, 1.7, 0.9, 3.0, 2.2]


def test_a_mean_has_students_interval() -> None:
    found = mean_over_languages(GAINS)
    theirs = stats.ttest_1samp(GAINS, 0).confidence_interval(0.95)
    assert (found.value, found.low, found.high) == pytest.approx((np.mean(GAINS), theirs.low, theirs.high))


def test_a_difference_has_welchs() -> None:
    found = difference_of_means(GAINS, OTHERS)
    theirs = stats.ttest_ind(GAINS, OTHERS, equal_var=False).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high))
    assert found.value == pytest.approx(np.mean(GAINS) - np.mean(OTHERS))


def test_languages_without_a_value_do_not_count() -> None:
    assert mean_over_languages([*GAINS, math.nan]) == mean_over_languages(GAINS)
    assert difference_of_means([*GAINS, math.nan], [math.nan, *OTHERS]) == difference_of_means(GAINS, OTHERS)


def test_few_languages_have_a_mean_but_no_bounds() -> None:
    for found in (mean_over_languages(GAINS[:2]), difference_of_means(GAINS[:2], OTHERS)):
        assert not math.isnan(found.value) and math.isnan(found.low) and math.isnan(found.high)
    for found in (mean_over_languages([]), difference_of_means(GAINS, [])):
        assert math.isnan(found.value)


def test_languages_that_are_all_alike_leave_no_doubt() -> None:
    same = mean_over_languages([1.5] * 4)
    assert (same.low, same.high) == (1.5, 1.5)
    apart = difference_of_means([1.5] * 4, [1.0] * 3)
    assert (apart.value, apart.low, apart.high) == (0.5, 0.5, 0.5)
