"""The ceiling of accuracy where a query has several right objects: one query has one first place.

Facts with the same query compete for it, so that all of them can be hit only if their pools keep them apart (filtered
ranking does). The ceiling is exact for full pools and an upper bound for cut ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lrp2_bench.core.types import Relation
from lrp2_bench.probing.pools import Pool, pool_of


@dataclass(frozen=True)
class Ceiling:
    """Of ``facts``, ``several`` share their query with a fact of another object; at most ``hits`` can be hit."""

    facts: int
    several: int
    hits: int

    def as_dict(self) -> dict[str, int]:
        return {"facts": self.facts, "several": self.several, "most_hits": self.hits}


def ceiling_of(relations: Iterable[Relation], size: int | None, seed: int, *, filtered: bool) -> Ceiling:
    """Of the facts asked with pools of :func:`~lrp2_bench.probing.pools.pool_of`."""
    facts = several = hits = 0
    for relation in relations:
        queries: dict[str, list[int]] = {}
        for place, fact in enumerate(relation.facts):
            queries.setdefault(relation.fill(fact, "[Y]").text, []).append(place)
        facts += len(relation.facts)
        hits += sum(len(places) == 1 for places in queries.values())
        contested = [places for places in queries.values() if len(places) > 1]
        asked = relation.only(tuple(relation.facts[place] for places in contested for place in places))
        pool = pool_of(asked, size, seed, filtered=filtered)
        start = 0
        for places in contested:
            rows = range(start, start := start + len(places))
            several += len(rows) * (len({pool.gold[row] for row in rows}) > 1)
            hits += _most_hits(pool, rows)
    return Ceiling(facts, several, hits)


def _most_hits(pool: Pool, rows: Sequence[int]) -> int:
    """At most one of facts of which each is a rival of all others can be hit: they are parted into such groups."""
    groups: list[list[int]] = []
    for row in rows:
        for group in groups:
            if all(_exclude(pool, row, other) for other in group):
                group.append(row)
                break
        else:
            groups.append([row])
    return len(groups)


def _exclude(pool: Pool, one: int, other: int) -> bool:
    mine, theirs = pool.gold[one], pool.gold[other]
    return bool(mine != theirs and pool.allowed[one, theirs] and pool.allowed[other, mine])
