"""How far a search is: seldom told, and counted from the hits at hand."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lrp2_bench.commands.search.live import Live, standing
from lrp2_bench.core.types import HIT, MISS, NOT_EVALUATED, LayerPair

SETTINGS = (None, LayerPair(1, 2), LayerPair(1, 3))
OPEN = np.full((3, 4), NOT_EVALUATED, dtype=np.int8)
DONE = np.array([[HIT, MISS], [HIT, HIT], [MISS, MISS]], dtype=np.int8)


def test_a_standing_is_that_of_the_facts_evaluated_so_far() -> None:
    assert standing(SETTINGS, [DONE, OPEN]) == {
        "facts": 2, "facts_total": 6, "baseline_accuracy": 50.0, "best_accuracy_in_sample": 100.0, "lirp": 1, "lsrp": 2,
    }  # fmt: skip


def test_before_the_first_fact_there_is_no_best_pair() -> None:
    assert standing(SETTINGS, [OPEN]) == {"facts": 0, "facts_total": 4}


def test_a_pair_that_saw_few_facts_does_not_lead_those_that_saw_more() -> None:
    raced = np.array([[HIT, MISS, HIT], [HIT, NOT_EVALUATED, NOT_EVALUATED], [MISS, MISS, HIT]], dtype=np.int8)
    found = standing(SETTINGS, [raced])
    assert (found["lirp"], found["lsrp"], found["facts"]) == (1, 3, 3)
    assert round(found["best_accuracy_in_sample"], 2) == 33.33 and round(found["baseline_accuracy"], 2) == 66.67


def test_a_baseline_alone_has_a_standing_without_a_pair() -> None:
    assert standing([None], [DONE[:1]]) == {"facts": 2, "facts_total": 2, "baseline_accuracy": 50.0}


def test_a_baseline_of_other_facts_than_the_best_pairs_is_not_set_beside_it() -> None:
    hits = np.array([[NOT_EVALUATED, HIT], [HIT, HIT], [MISS, HIT]], dtype=np.int8)
    assert "baseline_accuracy" not in standing(SETTINGS, [hits])


def test_progress_is_told_every_so_many_seconds_and_at_the_end_however_often_it_moves() -> None:
    clock, told, moved, looks = [0.0], list[Mapping[str, float]](), list[int](), list[int]()

    def look() -> list[np.ndarray]:
        looks.append(1)
        return [DONE]

    advance = Live(told.append, 30.0, lambda: clock[0]).beside(
        lambda steps=1: moved.append(steps), 1000, SETTINGS, look
    )
    for second in range(100):
        clock[0] = float(second)
        advance(10)
    assert moved == [10] * 100, "the bar hears of every step"
    assert [each["cells"] for each in told] == [310, 610, 910, 1000] and len(looks) == 4
    assert told[-1]["cells_total"] == 1000


def test_a_search_shorter_than_the_interval_tells_nothing() -> None:
    told: list[Mapping[str, float]] = []
    Live(told.append, 30.0, lambda: 0.0).beside(lambda steps=1: None, 1, SETTINGS, lambda: [DONE])(1)
    assert not told


def test_who_wants_no_progress_costs_not_even_a_look_at_the_clock() -> None:
    def advance(steps: int = 1) -> None: ...

    assert Live(lambda progress: None, 0.0).beside(advance, 1, SETTINGS, lambda: [DONE]) is advance
