"""The best of many pairs is better than the baseline by chance in 1 of 20 studies, in any language, and no more."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lrp2_bench.core.types import all_pairs
from lrp2_bench.results.stored_hits import StoredHits
from lrp2_bench.stats.assess import assess, change_at
from lrp2_bench.stats.max_t import LargestGain, step_down
from lrp2_bench.stats.paired_tests import mcnemar
from lrp2_bench.stats.resampled import Sampled
from tests.support.clustered import World, world

PAIRS = all_pairs(7)[:20]


def sampled(made: World, resamples: int = 300) -> Sampled:
    facts = tuple(("P36", str(number)) for number in range(made.hits.shape[1]))
    return Sampled(StoredHits(facts, (None, *PAIRS), made.hits), made.pivot, made.clusters, resamples)


def studies(
    rates: list[tuple[float, float]], together: int, times: int, facts: int = 1_800, clusters: int = 200
) -> dict[str, float]:
    """Shares of studies: max-T and naive p below 0.05, and of intervals at the best pair that hold its true gain."""
    rng = np.random.default_rng(together)
    found: dict[str, list[bool]] = {"max_t": [], "naive": [], "chosen": [], "plain": []}
    for study in range(times):
        made = world(rng, facts, clusters, together, rates, name=str(study))
        each = sampled(made)
        best = 1 + int(each.values["accuracy"][1:].argmax())
        found["max_t"].append(each.largest_gain("accuracy").p < 0.05)
        found["naive"].append(mcnemar(made.hits[0], made.hits[best]).p < 0.05)
        plain = each.changes["accuracy"].interval(best)
        for name, one in (("chosen", change_at(each, best, "accuracy")), ("plain", plain)):
            found[name].append(one.low <= made.truth[best] <= one.high)
    return {name: float(np.mean(values)) for name, values in found.items()}


def test_noise_is_called_a_gain_by_the_naive_test_alone() -> None:
    found = studies([(0.01, 0.01)] * 20, together=4, times=25)
    assert found["max_t"] <= 0.1 and found["naive"] > 0.3
    assert found["chosen"] >= 0.9 and found["plain"] < found["chosen"]


def test_the_pair_that_lost_least_by_luck_is_not_called_better_than_it_is() -> None:
    # Few facts differ in it by the same luck, so that its own error says too little.
    found = studies([(0.002, 0.018)] * 20, together=1, times=40, facts=240, clusters=130)
    assert found["chosen"] >= 0.9 and found["plain"] < 0.85


@pytest.mark.slow
@pytest.mark.parametrize("together", [1, 2, 4, 8])
@pytest.mark.parametrize("good", [(0.01, 0.01), (0.02, 0.005)])
def test_level_and_coverage_at_the_selected_pair(together: int, good: tuple[float, float]) -> None:
    found = studies([good] + [(0.01, 0.01)] * 19, together, times=300)
    assert found["chosen"] > 0.93
    if good == (0.01, 0.01):
        assert found["max_t"] < 0.07


def test_a_large_gain_is_found() -> None:
    assert studies([(0.04, 0.005)] + [(0.01, 0.01)] * 19, together=1, times=8)["max_t"] == 1.0


@pytest.mark.parametrize("clusters", [1, 2, 19, 20])
def test_a_handful_of_clusters_has_no_p_and_one_has_no_bounds(clusters: int) -> None:
    made = world(np.random.default_rng(0), 60, clusters, 1, [(0.1, 0.1)] * 5)
    facts = tuple(("P36", str(number)) for number in range(60))
    found = assess(
        Sampled(StoredHits(facts, (None, *PAIRS[:5]), made.hits), made.pivot, made.clusters, 100), PAIRS[0], "accuracy"
    )
    assert math.isnan(found.largest.p) == (clusters < 20)
    measured = found.measured["accuracy"]
    for interval in (measured.without, measured.lrp2, measured.change):
        assert interval.value == interval.value
        assert math.isnan(interval.low) == math.isnan(interval.high) == (clusters == 1)


def test_languages_without_a_p_are_none_of_those_corrected_for() -> None:
    told = LargestGain(3.0, np.linspace(0, 4, 100))
    alone, missing = step_down([told, LargestGain(math.nan, np.full(100, 9.0))])
    assert alone == told.p and math.isnan(missing)


def test_languages_are_corrected_together_step_by_step() -> None:
    rng = np.random.default_rng(0)
    chance = rng.normal(size=(3, 999))
    gains = [LargestGain(value, draws) for value, draws in zip((2.2, 5.0, 0.0), chance, strict=True)]
    p = step_down(gains)
    assert p[1] == pytest.approx(0.001)
    # The second is held against the two that are left, not against all three.
    assert p[0] == pytest.approx((1 + (chance[[0, 2]].max(axis=0) >= 2.2).sum()) / 1_000)
    assert p[2] >= p[0] and gains[0].p == pytest.approx((1 + (chance[0] >= 2.2).sum()) / 1_000)
    assert step_down([]) == []


def test_languages_that_share_their_draws_cost_nothing_in_the_correction() -> None:
    draws = np.random.default_rng(0).normal(size=999)
    same = [LargestGain(1.8, draws)] * 5
    assert step_down(same) == pytest.approx([same[0].p] * 5)
