"""The ceiling of accuracy, against the best of all rankings."""

from __future__ import annotations

import itertools
import random

import pytest

from lrp2_bench.core.types import Fact, Relation
from lrp2_bench.probing.ceiling import ceiling_of
from lrp2_bench.probing.pools import pool_of


def relation_of(pairs: list[tuple[str, str]]) -> Relation:
    facts = tuple(Fact("P", n, f"u{n}", who, who, what, what) for n, (who, what) in enumerate(pairs))
    return Relation.whole("P", "[X]: [Y]", facts, {label: label for label in "abcde"})


def best_of_all_rankings(relation: Relation, size: int | None, *, filtered: bool) -> int:
    """Try every order of the candidates for each query."""
    pool = pool_of(relation, size, 0, filtered=filtered)
    total = 0
    for subject in {fact.subject for fact in relation.facts}:
        rows = [row for row, fact in enumerate(relation.facts) if fact.subject == subject]
        total += max(
            sum(min(pool.allowed[row].nonzero()[0], key=order.index) == pool.gold[row] for row in rows)
            for order in itertools.permutations(range(len(pool.labels)))
        )
    return total


@pytest.mark.parametrize("seed", range(4))
def test_the_ceiling_of_full_pools_is_that_of_the_best_ranking(seed: int) -> None:
    drawn = random.Random(seed)
    relation = relation_of([(drawn.choice("xyz"), drawn.choice("abc")) for _ in range(8)])
    assert ceiling_of([relation], None, 0, filtered=False).hits == best_of_all_rankings(relation, None, filtered=False)
    assert ceiling_of([relation], None, 0, filtered=True).hits == 8


@pytest.mark.parametrize("seed", range(4))
def test_the_ceiling_of_cut_pools_is_never_below_the_best_ranking(seed: int) -> None:
    drawn = random.Random(seed)
    relation = relation_of([(drawn.choice("xyz"), drawn.choice("abcd")) for _ in range(8)])
    best = best_of_all_rankings(relation, 3, filtered=False)
    assert best <= ceiling_of([relation], 3, 0, filtered=False).hits <= 8


def test_facts_that_share_their_query_with_another_object_are_counted() -> None:
    found = ceiling_of(
        [relation_of([("x", "a"), ("x", "b"), ("y", "a"), ("z", "c"), ("z", "c")])], None, 0, filtered=False
    )
    assert found.as_dict() == {"facts": 5, "several": 2, "most_hits": 4}
