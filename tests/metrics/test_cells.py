"""The four cells, conditional recall and the chance of transferability against plain sets."""

from __future__ import annotations

import numpy as np
import pytest

from lrp2_bench.metrics.base import FactHits
from lrp2_bench.metrics.registry import metric

CELLS = ("miss_to_hit_pivot_hit", "miss_to_hit_pivot_miss", "hit_to_miss_pivot_hit", "hit_to_miss_pivot_miss")
#: One fact for each of (baseline, now, pivot), and one that the pivot lacks.
BASELINE = np.array([0, 0, 0, 0, 1, 1, 1, 1, 0], dtype=np.int8)
NOW = np.array([[0, 0, 1, 1, 0, 0, 1, 1, 1]], dtype=np.int8)
PIVOT = np.array([0, 1, 0, 1, 0, 1, 0, 1, -1], dtype=np.int8)
DATA = FactHits(NOW, PIVOT, ("a",) * 9, BASELINE)


@pytest.mark.parametrize("name", CELLS)
def test_each_cell_counts_its_own_fact_of_the_eight_that_both_languages_have(name: str) -> None:
    assert metric(name).values(DATA).tolist() == [100 / 8]
    place = {"miss_to_hit_pivot_hit": 3, "miss_to_hit_pivot_miss": 2, "hit_to_miss_pivot_hit": 5}.get(name, 4)
    alone = DATA.of(np.array([place, 0, 8]))
    assert [metric(other).values(alone)[0] > 0 for other in CELLS] == [other == name for other in CELLS]


def test_the_cells_add_up_to_the_change_of_accuracy_over_shared_facts() -> None:
    rng = np.random.default_rng(0)
    hits = (rng.random((4, 200)) < 0.4).astype(np.int8)
    pivot = rng.integers(-1, 2, 200).astype(np.int8)
    data = FactHits(hits, pivot, ("a",) * 200, hits[0])
    gained, more, lost, less = (metric(name).values(data) for name in CELLS)
    shared = hits[:, pivot >= 0].mean(axis=1) * 100
    np.testing.assert_allclose(gained + more - lost - less, shared - shared[0])
    assert gained[0] == more[0] == lost[0] == less[0] == 0


def test_recall_is_accuracy_over_the_facts_that_the_pivot_hits_and_over_those_it_misses() -> None:
    assert metric("recall_pivot_hit").values(DATA).tolist() == [50.0]
    assert metric("recall_pivot_miss").values(DATA).tolist() == [50.0]
    one_sided = FactHits(np.array([[1, 0, 1, 1]], np.int8), np.array([1, 1, 1, -1], np.int8), ("a",) * 4)
    assert metric("recall_pivot_hit").values(one_sided).tolist() == [pytest.approx(200 / 3)]
    assert np.isnan(metric("recall_pivot_miss").values(one_sided)).all()


def test_the_chance_of_transferability_is_what_shuffled_hits_have_and_a_worked_example() -> None:
    """Half of the language's and a quarter of the pivot's: (1/8) / (1/2 + 1/4 - 1/8) = 20 %."""
    hits = np.tile([1, 0], 400)[None].astype(np.int8)
    pivot = np.tile([1, 0, 0, 0], 200).astype(np.int8)
    data = FactHits(hits, pivot, ("a",) * 800)
    assert metric("transferability_chance").values(data).tolist() == [pytest.approx(20.0)]
    assert metric("transferability").values(data).tolist() == [pytest.approx(50.0)]
    rng = np.random.default_rng(0)
    shuffled = [
        metric("transferability").values(FactHits(hits, rng.permutation(pivot), ("a",) * 800)) for _ in "x" * 99
    ]
    assert np.mean(shuffled) == pytest.approx(20.0, abs=0.5)
