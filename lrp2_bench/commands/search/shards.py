"""One job split over several: which relations each of them evaluates."""

from __future__ import annotations

from dataclasses import dataclass, replace

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.settings import ShardSettings
from lrp2_bench.core.types import ParallelFacts, Relation


@dataclass(frozen=True)
class Shard:
    """The ``index``-th of ``count`` parts, counted from 0."""

    index: int
    count: int

    def __str__(self) -> str:
        return f"{self.index}-of-{self.count}"


def shard_of(settings: ShardSettings) -> Shard | None:
    """None for a job that is not split. Raises :class:`BenchError` for a part that cannot be."""
    if settings.count < 1:
        raise BenchError(f"shard.count={settings.count} is not a number of jobs: use 1 or more.")
    if not 0 <= settings.index < settings.count:
        last = settings.count - 1
        valid = f"shard.index=0 to shard.index={last}" if last else "shard.index=0"
        raise BenchError(
            f"There is no shard.index={settings.index} with shard.count={settings.count}: use {valid}, "
            f"or all of them by -m shard.count={settings.count} 'shard.index=range({settings.count})'."
        )
    return Shard(settings.index, settings.count) if settings.count > 1 else None


def relations_of(shard: Shard | None, relations: tuple[Relation, ...]) -> tuple[str, ...]:
    """The names of those that ``shard`` evaluates, in order; all of them without one.

    The same on every machine, and whatever is stored already. Each relation goes to the shard with the fewest facts so
    far, the largest relation first; so the largest shard has at most 4/3 of the facts it has in the fairest division.
    """
    if shard is None:
        return tuple(relation.name for relation in relations)
    loads = [0] * shard.count
    mine = set()
    for relation in sorted(relations, key=lambda relation: -len(relation.facts)):  # stable: ties stay in order
        least = loads.index(min(loads))
        loads[least] += len(relation.facts)
        if least == shard.index:
            mine.add(relation.name)
    return tuple(relation.name for relation in relations if relation.name in mine)


def part_of(shard: Shard | None, facts: ParallelFacts) -> ParallelFacts:
    """``facts`` with the relations of ``shard`` alone."""
    names = set(relations_of(shard, facts.relations))
    return replace(
        facts,
        relations=tuple(relation for relation in facts.relations if relation.name in names),
        pivot_relations=tuple(relation for relation in facts.pivot_relations if relation.name in names),
    )
