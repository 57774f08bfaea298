"""Choosing on nine folds and reporting on the tenth: what is pooled, that it may decline, and that it is unbiased."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lrp2_bench.core.types import Hits
from lrp2_bench.metrics import hits as metrics
from lrp2_bench.stats.clusters import Clusters, clusters_of
from lrp2_bench.stats.held_out import ENOUGH, FOLDS, PRECISION, Folds, HeldOut, cross_fitted, resampled_folds
from lrp2_bench.stats.weighted import ClusterSums, as_weights
from tests.support.clustered import world

RNG = np.random.default_rng(0)


def held_out(hits: Hits, pivot: Hits, clusters: Clusters, select_by: str = "accuracy", resamples: int = 200) -> HeldOut:
    sums = ClusterSums(hits, pivot, clusters)
    return Folds(sums, resampled_folds(sums, resamples)[1]).held_out(select_by)


@pytest.mark.parametrize("select_by", ["accuracy", "transferability"])
def test_each_fact_is_taken_at_the_row_that_the_other_folds_choose(select_by: str) -> None:
    hits, pivot = (RNG.random((6, 120)) < 0.4).astype(np.int8), RNG.integers(-1, 2, 120).astype(np.int8)
    clusters = clusters_of([str(label) for label in RNG.integers(0, 50, 120)])
    fold = clusters.folds(FOLDS, RNG)
    counts = ClusterSums(hits, pivot, clusters)(as_weights(np.arange(FOLDS)[:, None] == fold)).reshaped(FOLDS, 1)
    chosen, gains = cross_fitted(counts, select_by)
    of_fact, pooled = fold[clusters.codes], np.empty(120, dtype=np.int8)
    for number in range(FOLDS):
        others = of_fact != number
        overlap = metrics.transferability(hits[:, others], pivot[others])
        scores = metrics.accuracy(hits[:, others]) if select_by == "accuracy" else overlap
        assert chosen[number, 0] == int(scores.argmax())
        pooled[~others] = hits[chosen[number, 0], ~others]
    rows = np.stack([hits[0], pooled])
    assert gains["accuracy"][0] == pytest.approx(np.diff(metrics.accuracy(rows))[0])
    assert gains["transferability"][0] == pytest.approx(np.diff(metrics.transferability(rows, pivot))[0])


def test_ties_and_losses_are_declined() -> None:
    before = (RNG.random(200) < 0.5).astype(np.int8)
    worse = np.where(RNG.random(200) < 0.2, 0, before).astype(np.int8)
    clusters = clusters_of([str(number) for number in range(200)])
    found = held_out(np.stack([before, before, worse]), np.ones(200, np.int8), clusters)
    assert found.chosen == {0: 100.0}
    assert found.gain["accuracy"].value == 0 and found.gain["accuracy"].low < 0 < found.gain["accuracy"].high


def test_a_gain_that_is_there_is_found_with_its_interval() -> None:
    before = (RNG.random(600) < 0.3).astype(np.int8)
    better = np.where(RNG.random(600) < 0.3, 1, before).astype(np.int8)
    hits = np.stack([before, before, better])
    found = held_out(hits, np.ones(600, np.int8), clusters_of([str(number) for number in range(600)]))
    expected = metrics.accuracy(hits)
    gain = found.gain["accuracy"]
    assert gain.value == pytest.approx(expected[2] - expected[0]) and gain.low > 10
    assert found.chosen == {2: 100.0} and found.p["accuracy"] < 1e-6
    assert found.samples["accuracy"].mean() == pytest.approx(gain.value)


def test_deals_are_repeated_until_their_luck_is_below_the_precision() -> None:
    made = world(np.random.default_rng(1), 1_800, 200, 1, [(0.01, 0.01)] * 20)
    found = held_out(made.hits, made.pivot, made.clusters)
    assert 0 < found.monte_carlo["accuracy"] < PRECISION
    again = held_out(made.hits, made.pivot, made.clusters)
    assert found == again


def test_facts_of_one_cluster_are_never_split() -> None:
    """Twins of facts would give the choice away: pure noise told twice must not look like a gain."""
    rng = np.random.default_rng(0)
    gains, leaky = [], []
    for _ in range(12):
        once = (rng.random((30, 100)) < 0.5).astype(np.int8)
        twice = np.repeat(once, 2, axis=1)
        clusters = clusters_of([str(number // 2) for number in range(200)])
        gains.append(held_out(twice, np.ones(200, np.int8), clusters, resamples=50).gain["accuracy"].value)
        apart = clusters_of([str(number) for number in range(200)])
        leaky.append(held_out(twice, np.ones(200, np.int8), apart, resamples=50).gain["accuracy"].value)
    assert float(np.mean(leaky)) > float(np.mean(gains)) + 3
    assert abs(float(np.mean(gains))) < 3.5  # its standard error is about 1.5


def test_with_too_few_clusters_or_no_pair_nothing_is_told() -> None:
    few = clusters_of([str(number % (ENOUGH - 1)) for number in range(400)])
    many = clusters_of([str(number) for number in range(400)])
    hits = (RNG.random((3, 400)) < 0.5).astype(np.int8)
    for rows, clusters in ((hits, few), (hits[:1], many)):
        found = held_out(rows, np.ones(400, np.int8), clusters)
        assert not found.told and math.isnan(found.gain["accuracy"].value) and math.isnan(found.p["accuracy"])


def simulated(rates: list[tuple[float, float]], together: int, studies: int) -> tuple[float, float]:
    """Bias in points, and coverage, of the true gain of what is chosen."""
    rng = np.random.default_rng(together)
    off, inside = [], []
    for study in range(studies):
        made = world(rng, 1_800, 200, together, rates, name=str(study))
        found = held_out(made.hits, made.pivot, made.clusters)
        truth = sum(share / 100 * made.truth[row] for row, share in found.chosen.items())
        gain = found.gain["accuracy"]
        off.append(gain.value - truth)
        inside.append(gain.low <= truth <= gain.high)
    return float(np.mean(off)), float(np.mean(inside))


def test_it_is_unbiased_and_covered_where_all_pairs_are_noise() -> None:
    bias, covered = simulated([(0.01, 0.01)] * 20, together=1, studies=25)
    assert abs(bias) < 0.25 and covered > 0.85  # standard errors 0.08 and 0.04


@pytest.mark.slow
@pytest.mark.parametrize("together", [1, 4])
@pytest.mark.parametrize("gains", [[0.0] * 30, [0.0] * 29 + [0.01], [-0.008] * 30])
def test_it_is_unbiased_and_covered_whatever_is_true(together: int, gains: list[float]) -> None:
    bias, covered = simulated([((0.02 + gain) / 2, (0.02 - gain) / 2) for gain in gains], together, studies=200)
    assert abs(bias) < 0.2 and covered > 0.93
