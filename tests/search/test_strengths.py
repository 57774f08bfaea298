"""Searches over strengths: TPE in a continuous space, races over each, and what both cost beside a planted truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from optuna.distributions import FloatDistribution

from lrp2_bench.core.types import Hits, LayerPair, Setting, all_pairs
from lrp2_bench.metrics.registry import metric
from lrp2_bench.results.stored_hits import StoredHits
from lrp2_bench.results.tables import PairRow
from lrp2_bench.search.racing import RaceRules, race
from lrp2_bench.search.regret import replay, truth
from lrp2_bench.search.space import Ranges, pair_of, suggested
from lrp2_bench.search.study import write_study
from lrp2_bench.search.task import Facts, Task, best_of
from lrp2_bench.search.tpe import TpeRules, tpe

BLOCKS, FACTS = 6, 300
STRENGTHS = ((0.5, None), (1.0, None), (1.5, None))
ACCURACY = metric("accuracy")


def _hits(setting: Setting, facts: int = FACTS) -> Hits:
    """The more, the nearer the pair to 2/5 and its strengths to 0.6 there and 1.2 back; the same each time."""
    share = 0.3
    if setting is not None:
        off = abs(setting.lirp - 2) + abs(setting.lsrp - 5)
        share = 0.9 - 0.08 * off
        if setting.strength is not None and setting.back is not None:
            share -= 0.2 * abs(setting.strength - 0.6)
            share -= 0.2 * abs(setting.back - 1.2) if setting.strength_back is not None else 0.0
    return (np.arange(facts) * 0.618 % 1 < share).astype(np.int8)


class _Calls:
    def __init__(self) -> None:
        self.asked: list[tuple[Setting, ...]] = []

    def __call__(self, settings: Sequence[Setting], facts: Facts) -> Hits:
        self.asked.append(tuple(settings))
        return np.stack([_hits(setting)[facts] for setting in settings])


def _task(calls: _Calls, **space: object) -> Task:
    task = Task(BLOCKS, ("P1",) * FACTS, np.ones(FACTS, dtype=np.int8), ACCURACY, calls)
    return replace(task, **space)


@pytest.mark.parametrize("ranges", [Ranges((0.1, 2.0)), Ranges((0.1, 2.0), (0.5, 1.5))])
def test_tpe_looks_at_so_many_pairs_and_strengths_in_batches_that_share_an_engine_call(ranges: Ranges) -> None:
    calls = _Calls()
    task = _task(calls, ranges=ranges)
    found = tpe(task, TpeRules(trials=25, batch=5))
    assert [len(each) for each in calls.asked] == [6, 5, 5, 5, 5], "the baseline comes along once"
    pairs = found.complete()
    assert len(set(pairs)) == 25 == len(found.curves)
    for pair in pairs:
        for strength, within in ((pair.strength, ranges.there), (pair.back, ranges.back or ranges.there)):
            assert strength is not None and within[0] <= strength <= within[1] and round(strength, 3) == strength
    assert any(pair.strength_back is not None for pair in pairs) == (ranges.back is not None)
    again = tpe(_task(_Calls(), ranges=ranges), TpeRules(trials=25, batch=5))
    assert again.complete() == pairs and (again.hits == found.hits).all()
    best = best_of(task, found)
    assert best is not None and _hits(best).mean() == max(_hits(pair).mean() for pair in pairs)


def test_tpe_and_a_race_over_listed_strengths_stay_on_them() -> None:
    everything = {pair.at(*each) for pair in all_pairs(BLOCKS) for each in STRENGTHS}
    calls = _Calls()
    task = _task(calls, strengths=STRENGTHS)
    assert set(task.pairs) == everything
    assert set(tpe(task, TpeRules(trials=12)).complete()) <= everything
    found = race(task, RaceRules(first=0.25, budget=0.4))
    assert best_of(task, found) == LayerPair(2, 5, 0.5)
    assert found.spending.block_runs <= 0.4 * task.grid_runs


def test_regret_is_measured_on_a_grid_of_strengths() -> None:
    settings: tuple[Setting, ...] = (None, *(pair.at(*each) for pair in all_pairs(BLOCKS) for each in STRENGTHS))
    facts = tuple(("P1", str(number)) for number in range(FACTS))
    stored = StoredHits(facts, settings, np.stack([_hits(setting) for setting in settings]))
    pivot = StoredHits(facts, (None,), np.ones((1, FACTS), dtype=np.int8))
    known = truth(stored, pivot, BLOCKS, ACCURACY)
    assert known.best == LayerPair(2, 5, 0.5) and len(known.scores) == 45
    found = replay(lambda task: tpe(task, TpeRules(trials=10, seed=1)), known)
    assert found.pairs == 10 and found.share < 1
    assert found.regret == pytest.approx(known.scores.max() - known.scores[known.task.pairs.index(found.pair)])


def test_a_suggestion_is_evaluated_as_it_is_written() -> None:
    params = {"lirp": 4, "lsrp": 2, "strength": 0.12345, "strength_back": 1.99999}
    assert suggested(params, Ranges((0.1, 2.0))) == LayerPair(1, 5, 0.123)
    assert suggested(params, Ranges((0.1234, 2.0), (0.1, 1.9999))) == LayerPair(1, 5, 0.1234, 1.9999)


def test_a_study_has_strengths_as_parameters(tmp_path: Path) -> None:
    rows = [PairRow(None, None, 40, 10, 10, 10)]
    rows += [PairRow(1, 2, 40 + n, 10, 10, 10, strength=s, strength_back=b)
             for n, (s, b) in enumerate([(0.5, None), (0.5, 2.0), (1.25, None)])]  # fmt: skip
    study = write_study(tmp_path / "study.journal", "s", rows, 4, ACCURACY)
    assert [pair_of(trial) for trial in study.trials] == [row.pair for row in rows[1:]]
    assert study.trials[0].distributions["strength_back"] == FloatDistribution(0.5, 2.0)
    assert study.best_params == {"lirp": 1, "lsrp": 2, "strength": 1.25, "strength_back": 1.25}
