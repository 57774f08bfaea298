"""Choosing on one half and reporting on the other: the halves are fair, and nothing leaks from one to the other."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest

from lrp2_bench.core.types import Hits
from lrp2_bench.metrics import hits as metrics
from lrp2_bench.stats.held_out import held_out_gains, split_halves

RELATIONS = ["P36"] * 41 + ["P30"] * 30 + ["P17"] + ["P37"] * 7 + ["P36"] * 12


def some_hits(settings: int, facts: int, seed: int = 0) -> tuple[Hits, npt.NDArray[np.int8]]:
    rng = np.random.default_rng(seed)
    return (rng.random((settings, facts)) < 0.4).astype(np.int8), rng.integers(-1, 2, facts).astype(np.int8)


def test_halves_are_equal_within_every_relation_and_all_in_all() -> None:
    for half in split_halves(RELATIONS, splits=50):
        assert abs(int(half.sum()) - int((~half).sum())) <= 1
        for relation in set(RELATIONS):
            of_it = np.array(RELATIONS) == relation
            assert abs(int(half[of_it].sum()) - int((~half)[of_it].sum())) <= 1


def test_every_fact_is_in_either_half_as_often_and_splits_differ() -> None:
    halves = split_halves(RELATIONS, splits=2_000)
    assert halves.mean(axis=0) == pytest.approx(0.5, abs=0.06)
    assert len({half.tobytes() for half in halves[:20]}) == 20
    together = [(halves[:, 0] == halves[:, at]).mean() for at in (1, 50)]
    assert together == pytest.approx([0.5, 0.5], abs=0.06)


def test_the_seed_decides_the_halves() -> None:
    first, again, other = (split_halves(RELATIONS, 3, seed) for seed in (0, 0, 1))
    assert (first == again).all() and (first != other).any()


@pytest.mark.parametrize("select_by", ["accuracy", "transferability"])
def test_it_is_the_mean_of_the_measures_at_the_other_halfs_choice(select_by: str) -> None:
    hits, pivot = some_hits(8, len(RELATIONS))
    changes, rows = [], []
    for first in split_halves(RELATIONS, splits=5, seed=3):
        for choose, report in ((first, ~first), (~first, first)):
            values = {
                "accuracy": metrics.accuracy(hits[:, choose]),
                "transferability": metrics.transferability(hits[:, choose], pivot[choose]),
            }[select_by]
            row = 1 + int(np.argmax(values[1:]))
            rows.append(row)
            accuracy = metrics.accuracy(hits[:, report])
            overlap = metrics.transferability(hits[:, report], pivot[report])
            changes.append((accuracy[row] - accuracy[0], overlap[row] - overlap[0]))
    found = held_out_gains(hits, pivot, RELATIONS, select_by, splits=5, seed=3)
    assert [found.accuracy, found.transferability] == pytest.approx(np.mean(changes, axis=0).tolist())
    assert found.chosen == {row: rows.count(row) for row in set(rows)}


def test_where_all_pairs_are_noise_the_held_out_gain_is_nought_and_the_papers_is_not() -> None:
    rng = np.random.default_rng(0)
    pivot = np.ones(300, dtype=np.int8)
    held_out, papers, p = [], [], []
    for _ in range(40):
        hits = (rng.random((30, 300)) < 0.5).astype(np.int8)
        accuracy = metrics.accuracy(hits)
        found = held_out_gains(hits, pivot, ["P36"] * 300, "accuracy", splits=5)
        held_out.append(found.accuracy)
        p.append(found.p)
        papers.append(accuracy[1:].max() - accuracy[0])
    assert abs(float(np.mean(held_out))) < 1.6  # its standard error is about 0.55
    assert float(np.mean(papers)) > 4
    assert float(np.mean(np.array(p) < 0.05)) <= 0.05


def test_a_gain_that_is_there_is_found_and_significant() -> None:
    rng = np.random.default_rng(0)
    before = (rng.random(600) < 0.3).astype(np.int8)
    better = np.where(rng.random(600) < 0.3, 1, before).astype(np.int8)
    hits = np.stack([before, before, better])
    found = held_out_gains(hits, np.ones(600, dtype=np.int8), ["P36"] * 600, "transferability")
    expected = metrics.accuracy(hits)
    assert found.accuracy == pytest.approx(expected[2] - expected[0], abs=0.5)
    assert found.chosen == {2: 40} and found.p < 1e-6


def test_without_a_pair_or_with_a_single_fact_there_is_nothing_to_report() -> None:
    hits, pivot = some_hits(4, 1)
    for rows in (hits, np.repeat(hits, 50, axis=1)[:1]):
        found = held_out_gains(rows, np.resize(pivot, rows.shape[1]), ["P36"] * rows.shape[1], "accuracy")
        assert math.isnan(found.accuracy) and math.isnan(found.p) and found.chosen == {}
