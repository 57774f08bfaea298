"""Macro accuracy counts every relation alike, as mLAMA's own evaluation does."""

from __future__ import annotations

import numpy as np
import pytest

from lrp2_bench.metrics.base import FactHits
from lrp2_bench.metrics.registry import metric

#: One relation with a single fact, one with four.
RELATIONS = ("P30", "P36", "P36", "P36", "P36")
HITS = np.array([[1, 0, 0, 0, 0], [0, 1, 1, 1, 1], [1, 1, 1, 0, 0]], dtype=np.int8)
DATA = FactHits(HITS, np.full(5, -1, np.int8), RELATIONS)


def test_each_relation_counts_alike_however_many_facts_it_has() -> None:
    assert metric("accuracy_macro").values(DATA).tolist() == [50.0, 50.0, 75.0]
    assert metric("accuracy").values(DATA).tolist() == [20.0, 80.0, 60.0]


def test_it_is_the_mean_over_relations_of_their_own_accuracy() -> None:
    rng = np.random.default_rng(3)
    relations = tuple(rng.choice(["a", "b", "c", "d"], 90).tolist())
    hits = (rng.random((5, 90)) < 0.5).astype(np.int8)
    parts = [
        metric("accuracy").values(FactHits(hits[:, places], np.zeros(len(places), np.int8), ("x",) * len(places)))
        for places in (np.flatnonzero(np.array(relations) == name) for name in "abcd")
    ]
    found = metric("accuracy_macro").values(FactHits(hits, np.zeros(90, np.int8), relations))
    np.testing.assert_allclose(found, np.mean(parts, axis=0))


def test_facts_of_different_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="relations 4"):
        FactHits(HITS, np.zeros(5, np.int8), RELATIONS[:4])
