"""The exact McNemar test against its sum written out, and Holm's correction against a case worked by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from lrp2_bench.stats.across_languages import mean_over_languages
from lrp2_bench.stats.paired_tests import McNemar, holm, mcnemar, p_of_interval


def rows(gained: int, lost: int, both: int = 3, neither: int = 4) -> list[np.ndarray]:
    before = [0] * gained + [1] * lost + [1] * both + [0] * neither
    after = [1] * gained + [0] * lost + [1] * both + [0] * neither
    return [np.array(row, dtype=np.int8) for row in (before, after)]


@pytest.mark.parametrize(("gained", "lost"), [(9, 1), (1, 9), (5, 5), (6, 5), (12, 0), (0, 1)])
def test_p_is_twice_the_tail_of_fair_coins_and_at_most_one(gained: int, lost: int) -> None:
    n, few = gained + lost, min(gained, lost)
    tail = sum(math.comb(n, k) for k in range(few + 1)) / 2**n
    found = mcnemar(*rows(gained, lost))
    assert (found.gained, found.lost) == (gained, lost)
    assert found.p == pytest.approx(min(1.0, 2 * tail))


def test_facts_that_both_hit_or_miss_do_not_count() -> None:
    assert mcnemar(*rows(7, 2)) == mcnemar(*rows(7, 2, both=500, neither=0))


def test_without_a_fact_that_differs_nothing_is_told() -> None:
    assert mcnemar(*rows(0, 0)) == McNemar(0, 0, 1.0)


def test_an_open_fact_is_refused() -> None:
    before, after = rows(3, 1)
    after[0] = -1
    with pytest.raises(ValueError, match="open"):
        mcnemar(before, after)


def test_holm_multiplies_the_smallest_by_all_and_never_falls() -> None:
    # Worked by hand: sorted 0.01 0.02 0.03 0.04 -> 0.04, 0.06, 0.06, 0.06.
    assert holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([]) == []


def test_a_test_that_could_not_be_made_does_not_count() -> None:
    found = holm([0.01, math.nan, 0.02])
    assert found[0] == pytest.approx(0.02) and math.isnan(found[1]) and found[2] == pytest.approx(0.02)


def test_holm_keeps_its_level_where_no_language_changes() -> None:
    rng = np.random.default_rng(0)
    wrong = np.mean([min(holm(list(rng.random(12)))) < 0.05 for _ in range(2_000)])
    assert wrong == pytest.approx(0.05, abs=0.015)


def test_the_p_of_an_interval_is_the_test_it_came_from() -> None:
    values = [0.1, 0.9, 0.4, -0.2, 0.7]
    assert p_of_interval(mean_over_languages(values), 4) == pytest.approx(ttest_1samp(values, 0).pvalue)
    assert math.isnan(p_of_interval(mean_over_languages(values[:2]), 1))
    assert p_of_interval(mean_over_languages([0.0, 0.0, 0.0]), 2) == 1.0
    assert p_of_interval(mean_over_languages([0.5, 0.5, 0.5]), 2) == 0.0
