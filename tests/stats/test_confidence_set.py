"""The confidence set of best pairs keeps its level where all are alike, and is small where they are not."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import binomtest

from lrp2_bench.core.types import LayerPair
from lrp2_bench.metrics.base import FactHits
from lrp2_bench.metrics.registry import metric
from lrp2_bench.stats.bootstrap import resample_metric
from lrp2_bench.stats.clusters import clusters_of
from lrp2_bench.stats.confidence_set import (
    Membership,
    by_layers,
    confidence_set,
    confidence_set_of_best,
    memberships,
    p_of_misses,
    p_of_names,
)

Floats = npt.NDArray[np.float64]
CORRELATION = 0.8


def study(truth: Floats, rng: np.random.Generator, resamples: int = 400) -> npt.NDArray[np.bool_]:
    """The set for pairs of the given ``truth``, their errors normal, of spread 1 and correlated."""

    def errors(times: int) -> Floats:
        common = np.sqrt(CORRELATION) * rng.normal(size=(1, times))
        own = np.sqrt(1 - CORRELATION) * rng.normal(size=(len(truth), times))
        return np.asarray(common + own)

    value = truth + errors(1)[:, 0]
    return confidence_set_of_best(value, value[:, None] + errors(resamples))


def test_all_of_40_equal_pairs_are_kept_in_95_percent_of_studies() -> None:
    rng = np.random.default_rng(0)
    all_kept = np.mean([study(np.zeros(40), rng).all() for _ in range(150)])
    # Four standard errors about 0.95; the observed best taken as named beforehand gives about 0.3.
    assert 0.875 <= all_kept < 1.0


def test_pairs_far_below_three_that_stand_out_are_dropped_and_the_three_kept() -> None:
    rng = np.random.default_rng(0)
    sets = [study(np.array([0.0] * 3 + [-3.5] * 57), rng) for _ in range(100)]
    assert np.mean([found[:3].all() for found in sets]) >= 0.9
    assert np.mean([found[3:].mean() for found in sets]) < 0.02


def test_it_is_the_observed_best_alone_where_that_is_far_ahead() -> None:
    assert study(np.array([0.0, 50.0, 0.0]), np.random.default_rng(0)).tolist() == [False, True, False]


def test_the_observed_best_is_always_in_it() -> None:
    rng = np.random.default_rng(1)
    for _ in range(50):
        value = rng.normal(size=6)
        samples = value[:, None] + rng.normal(size=(6, 30)) * rng.choice([1e-9, 0.01, 1.0], size=(6, 1))
        assert confidence_set_of_best(value, samples)[value.argmax()]


def test_pairs_with_the_same_hits_stand_or_fall_together() -> None:
    rng = np.random.default_rng(0)
    rows = (rng.random((3, 400)) < np.array([[0.6], [0.58], [0.2]])).astype(np.int8)
    hits = rows[[0, 0, 1, 2, 2]]
    data = FactHits(hits, np.ones(400, dtype=np.int8), ("P36",) * 400)
    measure = resample_metric(metric("accuracy"), data, clusters_of([str(number) for number in range(400)]))
    assert confidence_set_of_best(measure.value, measure.samples).tolist() == [True, True, True, False, False]


def test_a_pair_that_is_always_a_fact_behind_is_dropped_however_small_the_step() -> None:
    samples = np.tile(np.random.default_rng(0).normal(size=100), (2, 1))
    value = np.array([0.0, 0.1])
    assert confidence_set_of_best(value, value[:, None] + samples).tolist() == [False, True]


@pytest.mark.parametrize("value", [[1.0], [np.nan, np.nan]])
def test_of_one_pair_and_over_no_facts_nothing_can_be_told_apart(value: list[float]) -> None:
    found = confidence_set_of_best(np.array(value), np.tile(np.array(value)[:, None], (1, 10)))
    assert found.all()


def misses(truth: Floats, rng: np.random.Generator, shared: float, resamples: int = 200) -> tuple[float, float]:
    """p that the first pair is the best in all languages (rows of ``truth``, which share this share of the noise),
    by shared draws; and by a binomial test that takes languages as independent."""

    def errors(times: int) -> Floats:
        of_all = np.sqrt(shared) * rng.normal(size=(1, truth.shape[1], times))
        return np.asarray(of_all + np.sqrt(1 - shared) * rng.normal(size=(*truth.shape, times)))

    values = truth + errors(1)[:, :, 0]
    drawn = values[:, :, None] + errors(resamples)
    sets = [memberships(confidence_set(*each))[0] for each in zip(values, drawn, strict=True)]
    missed = sum(not one.kept for one in sets)
    return p_of_misses(sets), float(binomtest(missed, len(sets), 0.05, alternative="greater").pvalue)


def test_misses_in_languages_that_share_facts_are_no_more_than_chance() -> None:
    rng = np.random.default_rng(0)
    for shared in (0.5, 0.95):
        found = [misses(np.zeros((12, 2)), rng, shared)[0] < 0.05 for _ in range(120)]
        assert np.mean(found) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 120)


def test_misses_are_found_where_the_binomial_test_finds_none_of_them() -> None:
    """A set misses its best pair less often than it misses any of the best, by which the binomial test goes."""
    rng, truth = np.random.default_rng(0), np.zeros((12, 6))
    truth[:3, 1] = 4.0
    found = np.array([misses(truth, rng, 0.3) for _ in range(60)])
    ours, binomial = (found < 0.05).mean(axis=0)
    assert ours > binomial + 0.2


def test_a_pair_that_no_set_misses_is_no_surprise() -> None:
    assert p_of_misses([]) == 1.0
    assert p_of_misses(memberships(confidence_set(np.zeros(3), np.zeros((3, 16))))) == 1.0


@pytest.mark.parametrize("named_alike", [False, True])
def test_names_that_know_nothing_are_rarely_taken_for_knowing(named_alike: bool) -> None:
    """Half of all sets are the same region and the others noise; a name is drawn for each language, or one for all."""
    rng = np.random.default_rng(0)
    p = []
    for _ in range(60):
        kept = np.stack([np.arange(30) < 12 if language % 2 else rng.random(30) < 0.2 for language in range(20)])
        named = np.full(20, rng.integers(30)) if named_alike else rng.integers(30, size=20)
        p.append(p_of_names(kept, named))
    assert np.mean(np.array(p) < 0.05) <= 0.12


def test_names_that_know_are_found_and_sets_of_everything_show_nothing() -> None:
    rng = np.random.default_rng(1)
    named = rng.integers(30, size=20)
    kept = rng.random((20, 30)) < 0.2
    kept[np.arange(15), named[:15]] = True
    assert p_of_names(kept, named) < 0.001
    assert p_of_names(np.ones((20, 30), dtype=bool), named) == 1.0
    assert p_of_names(kept[:1], named[:1]) == pytest.approx(kept[0].mean(), abs=0.02)


def test_layers_are_in_the_set_where_some_strength_of_them_is_and_dropped_where_all_are() -> None:
    near, far = LayerPair(1, 2), LayerPair(3, 4)
    of = {
        near.at(0.5): Membership(False, np.array([0b1100], np.uint8), 8),
        near.at(1.0): Membership(True, np.array([0b1010], np.uint8), 8),
        far: Membership(False, np.array([0b0110], np.uint8), 8),
    }
    found = by_layers(of)
    assert {pair: (one.kept, one.dropped.tolist()) for pair, one in found.items()} == {
        near: (True, [0b1000]), far: (False, [0b0110]),
    }  # fmt: skip
    assert p_of_misses([found[far]]) == 3 / 9
