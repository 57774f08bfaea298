"""A job's hits, relation by relation: what is stored and what is open."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lrp2_bench.core.types import NOT_EVALUATED, Hits, ParallelFacts, Relation, Setting
from lrp2_bench.results.hits import HitsStore


@dataclass
class RelationHits:
    """``language`` is ``[setting, fact]``; ``pivot`` the pivot's baseline on the pivot's facts, ``[1, pivot fact]``."""

    relation: Relation
    pivot_relation: Relation
    language: Hits
    pivot: Hits

    def pivot_by_fact(self) -> npt.NDArray[np.int8]:
        """The pivot's hits by the language's facts, ``[fact]``; -1 where the pivot lacks the fact. Every wording of a
        fact has those of the pivot's first."""
        if self.pivot_relation is self.relation:
            return np.array(self.pivot[0], dtype=np.int8)
        hit = {fact.line_id: self.pivot[0, column] for column, fact in enumerate(self.pivot_relation.facts)}
        return np.array([hit.get(fact.line_id, NOT_EVALUATED) for fact in self.relation.facts], dtype=np.int8)


class Board:
    """What is stored of every relation of a job and what is open, kept up with what other jobs store."""

    def __init__(
        self, store: HitsStore, facts: ParallelFacts, everything: Sequence[Setting], wanted: Sequence[Setting]
    ) -> None:
        self._store, self._everything, self._wanted = store, everything, wanted
        self._relations = {
            relation.name: (relation, pivot_relation)
            for relation, pivot_relation in zip(facts.relations, facts.pivot_relations, strict=True)
        }
        self._by_itself = facts.language == facts.pivot
        self.results: dict[str, RelationHits] = {}
        #: The wanted settings that are open, by relation: none where only the pivot's side is. Done ones are not in it.
        self.open: dict[str, list[Setting]] = {}
        for name in self._relations:
            self._load(name)

    def refresh(self) -> None:
        for name in self._store.refresh() & self._relations.keys():
            self._load(name)

    def note(self, name: str) -> None:
        """Read again what is open of a relation whose hits were written into."""
        result = self.results[name]
        if self._by_itself:
            result.pivot[0] = result.language[0]
        left = _open(result.language, self._everything, self._wanted)
        self.open.pop(name, None)
        if left or NOT_EVALUATED in result.pivot:
            self.open[name] = left

    def hits(self) -> list[RelationHits]:
        """Every stored setting of every relation, as it is now, in order; cheap where nobody has stored anything."""
        self.refresh()
        return [self.results[name] for name in self._relations]

    def by_relation(self) -> list[Hits]:
        """The language's hits ``[setting, fact]`` at hand, of every relation."""
        return [result.language for result in self.results.values()]

    def missing(self, among: Collection[str]) -> list[str]:
        """Those of the relations ``among`` that are open, in order."""
        return [name for name in self._relations if name in self.open and name in among]

    def _load(self, name: str) -> None:
        relation, pivot_relation = self._relations[name]
        self.results[name] = RelationHits(
            relation,
            pivot_relation,
            self._store.load("language", name, relation.facts, self._everything),
            self._store.load("pivot", pivot_relation.name, pivot_relation.facts, [None]),
        )
        self.note(name)


def _open(hits: Hits, everything: Sequence[Setting], wanted: Sequence[Setting]) -> list[Setting]:
    """The wanted settings with a fact not evaluated yet."""
    incomplete = {setting for setting, row in zip(everything, hits, strict=True) if NOT_EVALUATED in row}
    return [setting for setting in wanted if setting in incomplete]
