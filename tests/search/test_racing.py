"""A race drops pairs early, never by accident the best one, and spends what it was given."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.types import LayerPair, all_pairs
from lrp2_bench.grid.plan import plan_grid
from lrp2_bench.search.order import rungs, stratified_order
from lrp2_bench.search.racing import RaceRules, race
from lrp2_bench.search.task import Watch, best_of
from tests.support.planted import planted

BEST = LayerPair(5, 9)


class _Log(Watch):
    def __init__(self) -> None:
        self.begun: list[int] = []
        self.dropped: list[LayerPair] = []

    def begin(self, pairs: object, what: str) -> None:
        self.begun.append(len(pairs))

    def drop(self, pair: LayerPair) -> None:
        self.dropped.append(pair)


# The order of facts


def test_every_beginning_of_the_order_holds_its_share_of_every_relation() -> None:
    relations = ["a"] * 200 + ["b"] * 50 + ["c"] * 7
    order = stratified_order(relations, 0)
    assert sorted(order.tolist()) == list(range(257))
    for end in (16, 64, 128, 200):
        seen = Counter(relations[at] for at in order[:end])
        for name, size in (("a", 200), ("b", 50), ("c", 7)):
            assert abs(seen[name] - size * end / 257) < 2


def test_another_seed_is_another_order_and_the_same_seed_the_same() -> None:
    relations = ["a"] * 60
    assert stratified_order(relations, 1).tolist() == stratified_order(relations, 1).tolist()
    assert stratified_order(relations, 1).tolist() != stratified_order(relations, 2).tolist()


@pytest.mark.parametrize(
    ("facts", "first", "ends"),
    [(1600, 1 / 16, [100, 200, 400, 800, 1600]), (1000, 0.3, [300, 600, 1000]), (50, 1 / 16, [32, 50]), (9, 0.5, [9])],
)
def test_rungs_double_from_the_first_share_and_end_with_all(facts: int, first: float, ends: list[int]) -> None:
    assert rungs(facts, first) == ends


# The race


@pytest.mark.parametrize("metric", ["accuracy", "transferability", "accuracy_macro", "hit_to_miss_pivot_hit"])
def test_a_planted_best_pair_is_found_within_a_quarter_of_the_block_runs(metric: str) -> None:
    task, _ = planted(12, 1600, best=BEST, metric=metric)
    found = race(task, RaceRules())
    assert best_of(task, found) == BEST
    assert found.spending.block_runs <= 0.25 * task.grid_runs


def test_only_survivors_see_all_facts_and_the_dropped_no_more_than_their_rungs() -> None:
    task, oracle = planted(12, 1600, best=BEST)
    log = _Log()
    found = race(task, RaceRules(), log)
    order, ends = stratified_order(task.relations, 0), rungs(1600, 1 / 16)
    assert (found.hits == np.where(oracle.asked > 0, oracle.hits, -1)).all()
    assert oracle.asked.max() == 1, "no cell is asked twice"
    for pair, curve in found.curves.items():
        seen = max(curve)
        assert list(curve) == ends[: ends.index(seen) + 1]
        row = 1 + all_pairs(12).index(pair)
        assert set(np.flatnonzero(oracle.asked[row])) == set(order[:seen].tolist())
    assert sorted([*log.dropped, *found.complete()]) == list(task.pairs)
    assert log.begun[0] == 66 and log.begun == sorted(log.begun, reverse=True)


def test_the_bill_is_that_of_the_engine_calls() -> None:
    task, oracle = planted(8, 300, best=LayerPair(2, 5))
    found = race(task, RaceRules(budget=0.5))
    runs = sum(
        facts * plan_grid(8, [s for s in settings if s], baseline=None in settings).block_runs
        for settings, facts in oracle.calls
    )
    assert found.spending.block_runs == runs and found.spending.cells == oracle.asked.sum()
    assert task.grid_runs == 300 * plan_grid(8, all_pairs(8)).block_runs


def test_without_a_budget_statistics_alone_decide() -> None:
    alike, _ = planted(6, 400)
    assert len(race(alike, RaceRules(budget=None)).complete()) == 15
    apart, _ = planted(6, 1600, best=LayerPair(2, 4), gap=0.15)
    assert race(apart, RaceRules(budget=None)).complete() == [LayerPair(2, 4)]
    assert len(race(apart, RaceRules(budget=None, alpha=0.0)).complete()) == 15


def test_the_truly_best_pair_is_lost_by_statistics_in_at_most_the_share_asked_for() -> None:
    """Fourteen rivals are as good, so that one of them leads by luck; loosely bounded, since 200 races are few."""

    def lost(alpha: float, races: int) -> int:
        tasks = (planted(6, 256, seed=seed, flip=0.3)[0] for seed in range(races))
        rules = RaceRules(budget=None, alpha=alpha, first=1 / 4)
        return sum(LayerPair(1, 2) not in race(task, rules).complete() for task in tasks)

    assert lost(0.2, races=200) <= 0.2 * 200
    assert lost(0.99, races=50) > 0, "this would prove nothing"


def test_a_race_that_was_stopped_makes_the_same_way_again() -> None:
    whole, oracle = planted(12, 800, best=BEST)
    expected = race(whole, RaceRules())
    for call in range(len(oracle.calls)):
        task, dying = planted(12, 800, best=BEST)
        dying.dies = call
        with pytest.raises(KeyboardInterrupt):
            race(task, RaceRules())
        dying.dies = None
        again = race(task, RaceRules())
        assert (again.hits == expected.hits).all() and again.curves == expected.curves
        assert again.spending == expected.spending


def test_a_model_of_two_blocks_and_a_task_without_facts_are_races_too() -> None:
    task, _ = planted(2, 100)
    assert best_of(task, race(task, RaceRules())) == LayerPair(1, 2)
    empty, _ = planted(4, 0)
    assert race(empty, RaceRules()).spending.block_runs == 0


@pytest.mark.parametrize(
    "bad", [{"first": 0.0}, {"first": 1.5}, {"budget": 0.0}, {"budget": 1.5}, {"alpha": 1.0}, {"alpha": -0.1}]
)
def test_rules_that_cannot_be_are_refused_with_what_can(bad: dict[str, float]) -> None:
    with pytest.raises(BenchError, match=f"search.{next(iter(bad))}=.*Give a number"):
        RaceRules(**bad)
    with pytest.raises(BenchError, match="search.seed=-1 is no seed.\nGive a whole number from 0 on"):
        RaceRules(seed=-1)


# The statistic
