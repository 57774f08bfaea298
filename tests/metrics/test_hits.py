"""Accuracy and transferability against the paper's formulas over plain sets."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrp2_bench.metrics.base import FactHits
from lrp2_bench.metrics.hits import accuracy, fully_evaluated, transferability
from lrp2_bench.metrics.registry import metric
from tests.support.properties import steady

CELL = st.sampled_from([-1, 0, 1])
TABLES = st.integers(1, 12).flatmap(
    lambda facts: st.tuples(
        st.lists(st.lists(CELL, min_size=facts, max_size=facts), min_size=1, max_size=4),
        st.lists(CELL, min_size=facts, max_size=facts),
    )
)


def _jaccard(row: list[int], pivot: list[int]) -> float:
    ours = {fact for fact, hit in enumerate(row) if hit == 1 and pivot[fact] != -1}
    theirs = {fact for fact, hit in enumerate(pivot) if hit == 1}
    return 100 * len(ours & theirs) / len(ours | theirs) if ours | theirs else 0.0


@steady
@given(TABLES)
def test_both_metrics_equal_the_formulas_over_sets(table: tuple[list[list[int]], list[int]]) -> None:
    rows, pivot = table
    hits = np.array(rows, dtype=np.int8)
    assert accuracy(hits).tolist() == pytest.approx([100 * row.count(1) / len(row) for row in rows])
    found = transferability(hits, np.array(pivot, dtype=np.int8))
    assert found.tolist() == pytest.approx([_jaccard(row, pivot) for row in rows])
    assert fully_evaluated(hits).tolist() == [-1 not in row for row in rows]


def test_accuracy_is_over_all_facts_and_transferability_over_shared_ones() -> None:
    hits = np.array([[1, 1, 0, 0], [1, 1, 1, 1], [0, 0, 0, 1]], dtype=np.int8)
    pivot = np.array([1, -1, 1, 0], dtype=np.int8)
    assert accuracy(hits).tolist() == [50.0, 100.0, 25.0]
    assert transferability(hits, pivot).tolist() == [50.0, pytest.approx(200 / 3), 0.0]


def test_where_neither_side_hits_anything_nothing_is_transferred() -> None:
    assert transferability(np.zeros((2, 3), np.int8), np.zeros(3, np.int8)).tolist() == [0.0, 0.0]


def test_no_shared_fact_transfers_nothing() -> None:
    assert transferability(np.ones((1, 3), np.int8), np.full(3, -1, np.int8)).tolist() == [0.0]


def test_no_facts_give_zero_rather_than_not_a_number() -> None:
    empty = np.zeros((3, 0), np.int8)
    assert accuracy(empty).tolist() == [0.0, 0.0, 0.0]
    assert transferability(empty, np.zeros(0, np.int8)).tolist() == [0.0, 0.0, 0.0]


def test_the_metrics_change_nothing_they_are_given() -> None:
    hits, pivot = np.array([[1, -1, 0]], np.int8), np.array([1, 0, -1], np.int8)
    accuracy(hits), transferability(hits, pivot), fully_evaluated(hits)
    assert hits.tolist() == [[1, -1, 0]]
    assert pivot.tolist() == [1, 0, -1]


def test_values_by_fact_of_accuracy_are_its_hits_and_transferability_has_none_where_the_pivot_lacks_the_fact() -> None:
    hits, pivot = np.array([[1, 1, 1, 0]], np.int8), np.array([1, 0, -1, 1], np.int8)
    data = FactHits(hits, pivot, ("a",) * 4)
    assert metric("accuracy").fact_values(data, 50.0) == pytest.approx(hits)
    assert metric("transferability").fact_values(data, 50.0) == pytest.approx(np.array([[1.0, -0.5, 0.0, 0.0]]))
