"""Candidates of a fact's own, and filtered pools: the other true objects of its subject are no rivals."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lrp2_bench.core.types import Fact, Relation
from lrp2_bench.probing.pools import Pool, pool_of

PEOPLE = {"Curie": ("Physics", "Chemistry"), "Bohr": ("Physics",), "Haber": ("Chemistry",), "Yeats": ("Literature",)}


@pytest.fixture
def prizes() -> Relation:
    pairs = [(person, field) for person, fields in PEOPLE.items() for field in fields]
    facts = tuple(
        Fact("prize", line, f"p{line}", who, who, what, f"id of {what}") for line, (who, what) in enumerate(pairs)
    )
    objects = {f"id of {label}": label for label in ("Chemistry", "Literature", "Medicine", "Peace", "Physics")}
    return Relation.whole("prize", "[X] won it for [Y].", facts, objects)


def rivals(pool: Pool, row: int) -> list[str]:
    return [pool.labels[index] for index in pool.allowed[row].nonzero()[0] if index != pool.gold[row]]


def test_the_other_right_objects_of_a_subject_leave_its_pools(prizes: Relation) -> None:
    pool = pool_of(prizes, None, 0, filtered=True)
    assert rivals(pool, 0) == ["Literature", "Medicine", "Peace"]  # Curie's Physics, without Chemistry
    assert rivals(pool, 1) == ["Literature", "Medicine", "Peace"]
    assert rivals(pool, 2) == ["Chemistry", "Literature", "Medicine", "Peace"]
    assert pool_of(prizes, None, 0).allowed.all()


@pytest.mark.parametrize("seed", range(5))
def test_a_cut_pool_is_filled_up_with_untrue_objects(seed: int, prizes: Relation) -> None:
    cut = pool_of(prizes, 4, seed, filtered=True)
    assert rivals(cut, 0) == rivals(cut, 1) == ["Literature", "Medicine", "Peace"]
    assert [len(rivals(cut, row)) for row in range(5)] == [3] * 5


def test_facts_that_a_limit_cut_off_are_still_true(prizes: Relation) -> None:
    pool = pool_of(prizes.only(prizes.facts[:1]), None, 0, filtered=True)
    assert rivals(pool, 0) == ["Literature", "Medicine", "Peace"]


def test_namesakes_of_the_right_object_are_one_candidate_with_it(prizes: Relation) -> None:
    named = replace(prizes, objects={**prizes.objects, "id of Chemistry": "Physics"})
    named = replace(named, facts=tuple(replace(fact, object=named.objects[fact.object_id]) for fact in named.facts))
    assert rivals(pool_of(named, None, 0, filtered=True), 0) == ["Literature", "Medicine", "Peace"]


def test_a_fact_with_a_list_of_its_own_is_asked_with_that_alone(prizes: Relation) -> None:
    own = replace(
        prizes,
        candidates={2: ("id of Physics", "id of Peace", "id of Medicine"), 0: ("id of Physics", "id of Chemistry")},
    )
    pool = pool_of(own, None, 0)
    assert (rivals(pool, 2), rivals(pool, 0)) == (["Medicine", "Peace"], ["Chemistry"])
    assert len(rivals(pool, 3)) == 4
    assert len(rivals(pool_of(own, 2, 0), 2)) == 1
    assert rivals(pool_of(own, None, 0, filtered=True), 0) == []
