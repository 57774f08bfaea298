"""Intervals over languages are Student's and Welch's, as scipy's own tests have them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from lrp2_bench.stats.across_languages import (
    Estimate,
    difference_of_means,
    mean_over_languages,
    shrunken,
)

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


def simulated(spread: float, shared: float, times: int = 150, languages: int = 8) -> dict[str, float]:
    """Coverage of the mean of languages whose noise of spread 1 is to a part ``shared``."""
    rng = np.random.default_rng(0)
    inside: dict[str, list[bool]] = {"languages": [], "both": []}
    for _ in range(times):
        noise = np.sqrt(shared) * rng.normal(size=100) + np.sqrt(1 - shared) * rng.normal(size=(languages, 100))
        facts = 10 * noise + rng.normal(0, spread, (languages, 1))
        weights = rng.poisson(1.0, (200, 100))
        samples = (facts @ weights.T) / weights.sum(axis=1)
        values = facts.mean(axis=1).tolist()
        estimates = [Estimate(value, row) for value, row in zip(values, samples, strict=True)]
        for name, found in (("languages", mean_over_languages(values)), ("both", mean_over_languages(estimates))):
            inside[name].append(found.low <= 0 <= found.high)
    return {name: float(np.mean(found)) for name, found in inside.items()}


@pytest.mark.parametrize(("spread", "shared"), [(0.0, 0.0), (0.0, 0.7), (2.0, 0.5)])
def test_languages_that_share_their_facts_are_no_independent_sample(spread: float, shared: float) -> None:
    found = simulated(spread, shared)
    assert found["both"] > 0.91
    assert shared < 0.6 or found["languages"] < 0.8


def test_shrinkage_draws_noise_to_the_mean_and_leaves_what_is_sure() -> None:
    same = shrunken([1.0, -1.0, 0.5, -0.5], [1.0, 1.0, 1.0, 1.0])
    assert all(abs(one.value) < 0.5 * abs(raw) for one, raw in zip(same, [1.0, -1.0, 0.5, -0.5], strict=True))
    sure = shrunken([10.0, -10.0, 0.0], [0.01, 0.01, 5.0])
    assert [one.value for one in sure[:2]] == pytest.approx([10.0, -10.0], abs=0.02)
    assert sure[0].high - sure[0].low < 0.1 < sure[2].high - sure[2].low
    assert math.isnan(shrunken([math.nan, 1.0, 2.0], [math.nan, 1.0, 1.0])[0].value)


def test_shrunken_effects_are_nearer_the_truth_and_covered() -> None:
    rng = np.random.default_rng(0)
    raw, drawn, inside = [], [], []
    for _ in range(100):
        truth = rng.normal(0.5, 0.5, 20)
        errors = rng.uniform(0.3, 1.5, 20)
        values = truth + errors * rng.normal(size=20)
        found = shrunken(values.tolist(), errors.tolist())
        raw.append(((values - truth) ** 2).mean())
        drawn.append(np.mean([(one.value - true) ** 2 for one, true in zip(found, truth, strict=True)]))
        inside += [one.low <= true <= one.high for one, true in zip(found, truth, strict=True)]
    assert np.mean(drawn) < 0.4 * np.mean(raw) and np.mean(inside) > 0.93


@pytest.mark.parametrize("spread", [0.0, 0.5])
@pytest.mark.parametrize("count", [12, 52])
def test_shrunken_effects_are_covered_where_languages_err_together(count: int, spread: float) -> None:
    rng = np.random.default_rng(0)
    alone: list[bool] = []
    inside: list[bool] = []
    for _ in range(60):
        truth = rng.normal(0.0, spread, count)

        def noise(shape: tuple[int, int]) -> np.ndarray:
            return np.sqrt(0.5) * (rng.normal(size=(1, shape[1])) + rng.normal(size=shape))

        values = truth + noise((count, 1))[:, 0]
        drawn = values[:, None] + noise((count, 200))
        estimates = [Estimate(float(value), samples) for value, samples in zip(values, drawn, strict=True)]
        for found, into in ((shrunken(estimates, [1.0] * count), inside), (shrunken(values, [1.0] * count), alone)):
            into += [one.low <= true <= one.high for one, true in zip(found, truth, strict=True)]
    assert np.mean(inside) > 0.9 and np.mean(alone) < 0.85


def test_that_no_resample_turns_a_fact_in_any_language_is_no_certainty() -> None:
    still = np.zeros(500)
    one = [Estimate(0.0, still, 2.0) for _ in range(3)]
    mean = mean_over_languages(one)
    assert mean.high - mean.value == pytest.approx(stats.t(2).ppf(0.975) * 2.0 / math.sqrt(3))
    assert one[0].less(one[1]).unseen == 2.0
    apart = difference_of_means(one, one)
    assert apart.low < 0 < apart.high


def test_what_resamples_show_is_not_counted_a_second_time() -> None:
    samples = np.random.default_rng(0).normal(0.0, 3.0, (5, 500))
    plain = [Estimate(value, row) for value, row in zip(GAINS, samples, strict=True)]
    known = [Estimate(value, row, 0.5) for value, row in zip(GAINS, samples, strict=True)]
    assert mean_over_languages(known) == mean_over_languages(plain)
