"""TPE asks for pairs that can be, each once."""

from __future__ import annotations

import numpy as np
import pytest

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.types import LayerPair, all_pairs
from lrp2_bench.search.space import folded
from lrp2_bench.search.task import best_of
from lrp2_bench.search.tpe import TpeRules, tpe
from tests.support.planted import planted


def test_every_point_of_the_square_stands_for_a_pair_and_every_pair_for_itself() -> None:
    blocks = 7
    square = [(i, j) for i in range(1, blocks) for j in range(2, blocks + 1)]
    assert {folded(i, j) for i, j in square} == set(all_pairs(blocks))
    assert all(folded(pair.lirp, pair.lsrp) == pair for pair in all_pairs(blocks))


@pytest.mark.parametrize(("trials", "batch"), [(1, 1), (7, 3), (10, 4), (20, 50)])
def test_so_many_pairs_are_evaluated_on_all_facts_and_none_twice(trials: int, batch: int) -> None:
    task, oracle = planted(8, 60)
    found = tpe(task, TpeRules(trials, batch))
    assert len(found.complete()) == trials == len(found.curves)
    assert oracle.asked.max() == 1 and oracle.asked.sum() == (trials + 1) * 60 == found.spending.cells
    assert max(len(settings) for settings, _ in oracle.calls) <= batch + 1, "the first batch takes the baseline along"


def test_more_trials_than_pairs_end_all_the_same() -> None:
    task, oracle = planted(3, 40)
    found = tpe(task, TpeRules(trials=50))
    assert len(found.complete()) == 3 and oracle.asked.max() == 1


def test_the_same_seed_asks_for_the_same_pairs_and_goes_the_same_way_after_a_stop() -> None:
    task, oracle = planted(12, 200, best=LayerPair(4, 9), gap=0.1)
    first = tpe(task, TpeRules(16, 4))
    for call in range(len(oracle.calls)):
        again, dying = planted(12, 200, best=LayerPair(4, 9), gap=0.1)
        dying.dies = call
        with pytest.raises(KeyboardInterrupt):
            tpe(again, TpeRules(16, 4))
        dying.dies = None
        assert tpe(again, TpeRules(16, 4)).curves == first.curves
    assert tpe(task, TpeRules(16, 4, seed=1)).curves.keys() != first.curves.keys()


def test_it_learns_where_the_good_pairs_are() -> None:
    """Accuracy falls with the distance from a peak: after the first ten, which are random, it comes nearer."""
    blocks, facts = 12, 400
    task, oracle = planted(blocks, facts)
    rng = np.random.default_rng(0)
    for row, pair in enumerate(all_pairs(blocks), start=1):
        distance = abs(pair.lirp - 3) + abs(pair.lsrp - 10)
        oracle.hits[row] = rng.random(facts) < 0.9 - 0.06 * distance
    found = tpe(task, TpeRules(trials=26, batch=4))
    scores = [next(iter(curve.values())) for curve in found.curves.values()]
    assert np.mean(scores[-12:]) > np.mean(scores[:12]) + 5
    best = best_of(task, found)
    assert best is not None and abs(best.lirp - 3) + abs(best.lsrp - 10) <= 3


def test_rules_that_cannot_be_are_refused() -> None:
    for bad in ({"trials": 0}, {"batch": 0}):
        with pytest.raises(BenchError, match=f"search.{next(iter(bad))}=0: give a number from 1"):
            TpeRules(**bad)
    for seed in (-1, 2**32):
        with pytest.raises(
            BenchError, match=f"search.seed={seed} is no seed.\nGive a whole number from 0 to 4294967295"
        ):
            TpeRules(seed=seed)
