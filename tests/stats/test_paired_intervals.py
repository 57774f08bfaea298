"""Intervals of paired differences: the delta method's, widened by clusters, and right where few facts differ."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lrp2_bench.core.types import Hits
from lrp2_bench.metrics import hits as metrics
from lrp2_bench.stats.clusters import clusters_of
from lrp2_bench.stats.paired_intervals import level_interval, paired_changes, paired_means, paired_runs
from tests.support.clustered import world

RNG = np.random.default_rng(0)
FACTS = 500
HITS: Hits = (RNG.random((4, FACTS)) < 0.5).astype(np.int8)
PIVOT = RNG.integers(-1, 2, FACTS).astype(np.int8)
ALONE = clusters_of([str(number) for number in range(FACTS)])


def measure(name: str, hits: Hits, pivot: Hits) -> np.ndarray:
    return metrics.accuracy(hits) if name == "accuracy" else metrics.transferability(hits, pivot)


@pytest.mark.parametrize("name", ["accuracy", "transferability"])
def test_the_error_is_the_jackknifes_where_facts_are_independent(name: str) -> None:
    found = paired_changes(HITS, PIVOT, ALONE, name)
    values = measure(name, HITS, PIVOT)
    assert found.value == pytest.approx(values - values[0])
    kept = ~np.eye(FACTS, dtype=bool)
    left = np.stack([measure(name, HITS[:, keep], PIVOT[keep]) for keep in kept])
    jackknife = np.sqrt(((left - left[:, :1] - (left - left[:, :1]).mean(0)) ** 2).sum(0))
    assert found.error[1:] == pytest.approx(jackknife[1:], rel=0.02)
    before, after, difference = paired_runs(HITS[0], HITS[2], (PIVOT, PIVOT), ALONE, name)
    assert (before, after) == pytest.approx((values[0], values[2]))
    wanted = found.interval(2)
    assert [difference.low, difference.high] == pytest.approx([wanted.low, wanted.high], rel=0.03, abs=0.05)


def test_facts_told_twice_do_not_count_twice() -> None:
    twice = np.repeat(HITS, 2, axis=1)
    clusters = clusters_of([str(number // 2) for number in range(2 * FACTS)])
    once, doubled = (paired_changes(*args, "accuracy") for args in (
        (HITS, PIVOT, ALONE), (twice, np.repeat(PIVOT, 2), clusters)
    ))  # fmt: skip
    assert doubled.design_effect[1:] == pytest.approx(2, abs=0.05)
    assert doubled.error[1:] == pytest.approx(once.error[1:], rel=0.03)
    naive = paired_changes(twice, np.repeat(PIVOT, 2), clusters_of([str(n) for n in range(2 * FACTS)]), "accuracy")
    assert naive.error[1:] == pytest.approx(once.error[1:] / math.sqrt(2), rel=0.03)


def test_no_fact_that_differs_is_not_certainty() -> None:
    found = paired_changes(np.stack([HITS[0], HITS[0]]), PIVOT, ALONE, "accuracy").interval(1)
    assert found.value == 0 and found.low == pytest.approx(-0.4, abs=0.03) and found.high == -found.low


def test_no_fact_that_differs_is_one_of_those_that_the_metric_is_a_share_of() -> None:
    row, pivot = np.zeros(1_000, np.int8), np.zeros(1_000, np.int8)
    row[:20], pivot[10:30] = 1, 1
    clusters = clusters_of([str(number) for number in range(1_000)])
    for metric, share in (("accuracy", 1_000), ("transferability", 30)):
        *_, found = paired_runs(row, row, (pivot, pivot), clusters, metric)
        alone = paired_changes(np.stack([row, row]), pivot, clusters, metric).interval(1)
        assert found.high == pytest.approx(1.96 * 100 / share, rel=0.01) == alone.high


def test_a_level_has_wilsons_interval_at_the_effective_number_of_facts() -> None:
    row = (np.arange(FACTS) < 450).astype(np.int8)
    plain, effect = level_interval(row, PIVOT, ALONE, "accuracy")
    assert effect == pytest.approx(1, abs=0.01)
    assert (plain.low, plain.high) == pytest.approx((87.06, 92.34), abs=0.05)
    wide, effect = level_interval(row, PIVOT, clusters_of([str(n // 10) for n in range(FACTS)]), "accuracy")
    assert effect == pytest.approx(10, abs=0.01) and wide.low < 79 and wide.high < 97
    all_, _ = level_interval(np.ones_like(row), PIVOT, ALONE, "accuracy")
    assert (all_.value, all_.high) == (100, 100) and all_.low == pytest.approx(99.2, abs=0.1)


def test_without_a_fact_there_is_nothing() -> None:
    none = clusters_of([])
    assert math.isnan(paired_changes(HITS[:, :0], PIVOT[:0], none, "accuracy").value[1])
    assert math.isnan(level_interval(HITS[0, :0], PIVOT[:0], none, "accuracy")[0].value)


def coverage(facts: int, clusters: int, together: int, studies: int, pairs: int = 10) -> float:
    """Of named pairs that turn 0.4 % of the facts to hits and 0.1 % to misses."""
    rng = np.random.default_rng(together)
    inside = []
    for _ in range(studies):
        made = world(rng, facts, clusters, together, [(0.004, 0.001)] * pairs, alike=0.0)
        low, high = paired_changes(made.hits, made.pivot, made.clusters, "accuracy").bounds()
        inside += ((low <= made.truth) & (made.truth <= high))[1:].tolist()
    return float(np.mean(inside))


@pytest.mark.parametrize("together", [1, 8])
def test_coverage_is_nominal_at_mlamas_size_with_clusters(together: int) -> None:
    assert coverage(14_800, 1_480, together, studies=40) == pytest.approx(0.95, abs=0.03)  # 400 intervals


@pytest.mark.slow
@pytest.mark.parametrize("together", [1, 2, 4, 8])
def test_coverage_is_within_two_points_of_nominal_at_design_effects_1_to_8(together: int) -> None:
    assert coverage(14_800, 1_480, together, studies=600) == pytest.approx(0.95, abs=0.02)


@pytest.mark.slow
@pytest.mark.parametrize("together", [1, 2, 4, 8])
def test_coverage_is_not_below_nominal_at_the_testbeds_size(together: int) -> None:
    """A handful of clusters that differ: too wide rather than too narrow."""
    assert coverage(1_800, 200, together, studies=600) > 0.94


def test_the_mean_of_any_metric_is_known_by_clusters_and_to_one_fact() -> None:
    rng = np.random.default_rng(0)
    differences, baseline = np.repeat(rng.normal(size=20), 10), np.repeat(rng.normal(size=20), 10)
    naive, clustered = (
        paired_means(differences, baseline, clusters_of([f"{number // size}" for number in range(200)]))
        for size in (1, 10)
    )
    assert naive.value == clustered.value == pytest.approx(differences.mean())
    assert clustered.high - clustered.low > 2.5 * (naive.high - naive.low)
    none = paired_means(np.zeros(200), baseline, clusters_of([str(number) for number in range(200)]))
    assert none.high == pytest.approx(1.97 * baseline.std() / 200, rel=0.01)
    assert np.isnan(paired_means(np.zeros(0), np.zeros(0), clusters_of([])).value)


def test_intervals_of_means_of_few_changes_cover() -> None:
    """Of 300 facts 2 % change, each by one: a percentile bootstrap of so few would cover less."""
    rng = np.random.default_rng(1)
    clusters, baseline = clusters_of([str(number) for number in range(300)]), (np.arange(300) < 120).astype(float)
    covered = 0
    for _ in range(400):
        found = paired_means(rng.choice([-1.0, 0.0, 1.0], 300, p=[0.01, 0.98, 0.01]), baseline, clusters)
        covered += found.low <= 0 <= found.high
    assert covered >= 0.94 * 400
