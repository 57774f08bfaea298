"""What every registered metric keeps; a new one is tested here as soon as it is registered."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.types import NOT_EVALUATED
from lrp2_bench.metrics.base import FactHits, Metric, Values
from lrp2_bench.metrics.registry import METRICS, PAPER, metric, names_of
from lrp2_bench.metrics.scores import RelationScores, ScoreMetric
from tests.support.properties import steady

of_hits = pytest.mark.parametrize("name", names_of("hits"))
of_scores = pytest.mark.parametrize("name", names_of("scores"))


def _drawn(seed: int, facts: int = 40, settings: int = 6) -> FactHits:
    rng = np.random.default_rng(seed)
    hits = (rng.random((settings, facts)) < 0.4).astype(np.int8)
    pivot = np.where(rng.random(facts) < 0.2, NOT_EVALUATED, rng.random(facts) < 0.6).astype(np.int8)
    return FactHits(hits, pivot, tuple(rng.choice(["P17", "P30", "P36"], facts).tolist()), hits[0])


def _scored(seed: int, facts: int = 30, candidates: int = 7) -> RelationScores:
    """Three settings; candidates that do not compete, that can never win, and that score alike."""
    rng = np.random.default_rng(seed)
    scores, prior = (rng.integers(-9, 0, (3, facts, candidates)).astype(np.float64) for _ in range(2))
    own = rng.integers(0, candidates, facts)
    absent = (rng.random((facts, candidates)) < 0.2) & (np.arange(candidates) != own[:, None])
    for part in (scores, prior):
        part[rng.random(part.shape) < 0.1] = -np.inf
        part[:, absent] = np.nan
    pivot = np.where(rng.random(facts) < 0.2, np.nan, rng.random((candidates, facts))).T
    return RelationScores(scores, own, prior, pivot, np.stack([np.arange(candidates), np.arange(candidates)], axis=1))


@pytest.mark.parametrize("name", METRICS.names())
def test_it_says_what_it_is(name: str) -> None:
    found = metric(name)
    assert isinstance(found, Metric) and found.name == name and name.isidentifier()
    assert found.label and found.description and "\n" not in found.description and len(found.description) < 80
    assert found.needs in ("hits", "scores") and found.direction in ("maximize", "minimize")
    assert found.text(1.0, signed=True).startswith("+")


@of_hits
def test_it_is_what_its_parts_summed_over_facts_give(name: str) -> None:
    """The paper's two have sums of their own."""
    data = _drawn(5)
    parts = metric(name).parts(data)
    assert bool(parts) == (name not in PAPER)
    if parts:
        sums = [part.sum(axis=1) for part in parts]
        np.testing.assert_allclose(metric(name).of_sums(*sums), metric(name).values(data))
        np.testing.assert_allclose(metric(name).of_sums(*(3 * each for each in sums)), metric(name).values(data))


@of_hits
def test_it_is_a_number_within_its_bounds_for_every_setting(name: str) -> None:
    low, high = metric(name).bounds
    for seed in range(20):
        values = metric(name).values(_drawn(seed))
        assert values.shape == (6,) and np.isfinite(values).all()
        assert (values >= low - 1e-9).all() and (values <= high + 1e-9).all()


@of_hits
def test_facts_in_another_order_are_the_same_facts(name: str) -> None:
    data = _drawn(1)
    again = data.of(np.random.default_rng(0).permutation(len(data.pivot)))
    np.testing.assert_allclose(metric(name).values(again), metric(name).values(data))


@of_hits
def test_a_setting_has_the_value_it_has_alone_and_nothing_given_is_changed(name: str) -> None:
    data = _drawn(2)
    before = data.hits.copy(), data.pivot.copy()
    values = metric(name).values(data)
    for row, value in enumerate(values):
        alone = metric(name).values(FactHits(data.hits[row : row + 1], data.pivot, data.relations, data.baseline))
        np.testing.assert_allclose(alone, [value])
    assert (data.hits == before[0]).all() and (data.pivot == before[1]).all()


@of_hits
def test_no_facts_no_shared_facts_and_no_hits_are_no_errors(name: str) -> None:
    found = metric(name)
    none, some, missed = np.zeros(0, np.int8), np.full(3, -1, np.int8), np.zeros(3, np.int8)
    nothing = FactHits(np.zeros((2, 0), np.int8), none, (), none)
    unshared = FactHits(np.ones((2, 3), np.int8), some, ("a", "a", "b"), missed)
    unhit = FactHits(np.zeros((2, 3), np.int8), missed, ("a", "b", "b"), missed)
    with np.errstate(all="raise"):
        assert all(found.values(data).shape == (2,) for data in (nothing, unshared, unhit))


@of_hits
def test_without_a_baseline_what_compares_with_it_is_no_number_and_all_else_is_the_same(name: str) -> None:
    data = _drawn(3)
    alone = metric(name).values(FactHits(data.hits, data.pivot, data.relations))
    if metric(name).compares:
        assert np.isnan(alone).all() and metric(name).best(alone) is None
    else:
        np.testing.assert_array_equal(alone, metric(name).values(data))


@of_scores
def test_of_scores_it_is_a_number_within_its_bounds_or_none_for_every_fact(name: str) -> None:
    found = metric(name)
    assert isinstance(found, ScoreMetric)
    low, high = found.bounds
    for seed in range(10):
        data = _scored(seed)
        before = data.scores.copy()
        with np.errstate(all="raise", under="ignore"):
            values = found.by_fact(data)
            means = found.mean(values)
        assert values.shape == (3, 30) and np.isfinite(means).all() and not np.isinf(values).any()
        known = values[~np.isnan(values)]
        assert len(known) > 30 and (known >= low - 1e-9).all() and (known <= high + 1e-9).all()
        np.testing.assert_array_equal(data.scores, before)
    with pytest.raises(BenchError, match="lrp2-bench score"):
        found.values(_drawn(0))


@of_scores
def test_of_scores_a_constant_of_the_fact_changes_nothing(name: str) -> None:
    found, data = metric(name), _scored(1)
    assert isinstance(found, ScoreMetric) and data.prior is not None and data.pivot is not None
    shift = np.random.default_rng(0).integers(-50, 50, (3, 30, 1))
    moved = RelationScores(data.scores + shift, data.own, data.prior - shift, data.pivot + 3.0, data.same)
    np.testing.assert_allclose(found.by_fact(moved), found.by_fact(data), atol=1e-9)


@of_scores
def test_of_scores_facts_without_candidates_pivot_or_prior_are_no_errors(name: str) -> None:
    found = metric(name)
    assert isinstance(found, ScoreMetric)
    empty = RelationScores(np.zeros((2, 0, 3)), np.zeros(0, np.int64))
    never = RelationScores(np.full((2, 4, 3), -np.inf), np.zeros(4, np.int64))
    single = RelationScores(np.where(np.arange(3) == 1, -1.0, np.nan) * np.ones((2, 4, 1)), np.ones(4, np.int64))
    with np.errstate(all="raise"):
        assert [found.mean(found.by_fact(data)).shape for data in (empty, never, single)] == [(2,)] * 3


@of_hits
@steady
@given(seed=st.integers(0, 10_000))
def test_values_by_fact_put_every_rival_on_the_side_of_the_leader_that_its_value_does(name: str, seed: int) -> None:
    data, found = _drawn(seed), metric(name)
    values = found.values(data)
    leader = int(found.merit(values).argmax())
    by_fact = found.fact_values(data, float(values[leader]))
    if by_fact is None:
        return
    assert by_fact.shape == data.hits.shape
    sums, merit = by_fact.sum(axis=1), found.merit(values)
    for row in range(len(values)):
        assert np.sign(np.round(sums[row] - sums[leader], 9)) == np.sign(np.round(merit[row] - merit[leader], 9))


@pytest.mark.parametrize("name", METRICS.names())
def test_the_best_is_the_first_of_equals_and_never_what_is_no_number(name: str) -> None:
    found = metric(name)
    better, worse = (2.0, 1.0) if found.direction == "maximize" else (1.0, 2.0)
    assert found.best([worse, better, better]) == 1
    assert found.best([np.nan, worse, np.nan]) == 1
    assert found.best([np.nan, np.nan]) is None and found.best([]) is None


def test_a_metric_to_be_minimised_has_the_least_as_its_best() -> None:
    class Misses(Metric):
        name, label, description, direction = "misses", "misses", "facts missed", "minimize"

        def values(self, data: FactHits) -> Values:
            return (~data.hit).sum(axis=1).astype(np.float64)

    assert Misses().best([3.0, 1.0, 1.0, np.nan]) == 1
    assert Misses().merit(np.array([3.0, 1.0])).argmax() == 1
