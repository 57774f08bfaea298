"""What every registered metric keeps; a new one is tested here as soon as it is registered."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrp2_bench.core.types import NOT_EVALUATED
from lrp2_bench.metrics.base import FactHits, Metric, Values
from lrp2_bench.metrics.registry import METRICS, metric
from tests.support.properties import steady

OF_HITS = [name for name in METRICS.names() if metric(name).needs == "hits"]
of_hits = pytest.mark.parametrize("name", OF_HITS)


def _drawn(seed: int, facts: int = 40, settings: int = 6) -> FactHits:
    rng = np.random.default_rng(seed)
    hits = (rng.random((settings, facts)) < 0.4).astype(np.int8)
    pivot = np.where(rng.random(facts) < 0.2, NOT_EVALUATED, rng.random(facts) < 0.6).astype(np.int8)
    return FactHits(hits, pivot, tuple(rng.choice(["P17", "P30", "P36"], facts).tolist()))


@pytest.mark.parametrize("name", METRICS.names())
def test_it_says_what_it_is(name: str) -> None:
    found = metric(name)
    assert isinstance(found, Metric) and found.name == name and name.isidentifier()
    assert found.label and found.description and "\n" not in found.description and len(found.description) < 80
    assert found.needs in ("hits", "scores") and found.direction in ("maximize", "minimize")
    assert found.text(1.0, signed=True).startswith("+")


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
    order = np.random.default_rng(0).permutation(len(data.pivot))
    again = FactHits(data.hits[:, order], data.pivot[order], tuple(data.relations[place] for place in order))
    np.testing.assert_allclose(metric(name).values(again), metric(name).values(data))


@of_hits
def test_a_setting_has_the_value_it_has_alone_and_nothing_given_is_changed(name: str) -> None:
    data = _drawn(2)
    before = data.hits.copy(), data.pivot.copy()
    values = metric(name).values(data)
    for row, value in enumerate(values):
        alone = metric(name).values(FactHits(data.hits[row : row + 1], data.pivot, data.relations))
        np.testing.assert_allclose(alone, [value])
    assert (data.hits == before[0]).all() and (data.pivot == before[1]).all()


@of_hits
def test_no_facts_no_shared_facts_and_no_hits_are_no_errors(name: str) -> None:
    found = metric(name)
    nothing = FactHits(np.zeros((2, 0), np.int8), np.zeros(0, np.int8), ())
    unshared = FactHits(np.ones((2, 3), np.int8), np.full(3, -1, np.int8), ("a", "a", "b"))
    missed = FactHits(np.zeros((2, 3), np.int8), np.zeros(3, np.int8), ("a", "b", "b"))
    with np.errstate(all="raise"):
        assert all(found.values(data).shape == (2,) for data in (nothing, unshared, missed))


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
