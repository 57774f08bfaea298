"""What is ranked first for each fact, and what that is: right, right in another form, true as well, or wrong."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from lrp2_bench.commands.score.compute import ScoredRelation
from lrp2_bench.core.types import Fact, Setting
from lrp2_bench.results.score_tables import Answer
from lrp2_bench.results.scores import Strengths, layers_of


def answers_of(found: ScoredRelation, settings: Sequence[Setting], usual: Strengths) -> Iterator[Answer]:
    """Setting by setting, each fact's. Of equal scores the first label's is the answer, as for hits."""
    relation, labels = found.relation, found.relation.pool
    judge = _Judge(found)
    for setting, scores in zip(settings, found.scores, strict=True):
        lirp, lsrp, there, back = layers_of(setting, usual)
        for fact, row in zip(relation.facts, scores, strict=True):
            finite = np.where(np.isfinite(row), row, -np.inf)
            place = int(finite.argmax()) if len(finite) and np.isfinite(finite).any() else None
            answer = None if place is None else labels[place]
            kind, language = (None, None) if answer is None else judge(fact, answer)
            yield Answer(relation.name, fact.uuid, lirp, lsrp, there, answer, kind, language, back)


class _Judge:
    """What an answer of one relation is, and in which language."""

    def __init__(self, found: ScoredRelation) -> None:
        self._ids: dict[str, set[str]] = defaultdict(set)
        for object_id, label in found.relation.objects.items():
            self._ids[label].add(object_id)
        self._pivot = found.pivot_relation.objects
        self._pivot_labels = set(self._pivot.values())
        self._relation = found.relation
        for fact in found.relation.facts:
            self._ids[fact.object].add(fact.object_id)

    def __call__(self, fact: Fact, answer: str) -> tuple[str, str]:
        """Its kind and its language."""
        pivot = {self._pivot[object_id] for object_id in self._ids[answer] if object_id in self._pivot}
        language = "both" if answer in pivot else "pivot" if answer in self._pivot_labels else "own"
        if answer == fact.object:
            return "right", language
        if self._is_same(fact, answer, pivot):
            return "form", language
        return ("true" if answer in self._relation.other_answers(fact) else "wrong"), language

    def _is_same(self, fact: Fact, answer: str, pivot: set[str]) -> bool:
        """Whether ``answer`` is another form of the fact's object: but for case, by an object's id, or because the
        pivot calls both the same, or the one what the other is called here."""
        own = self._pivot.get(fact.object_id)
        alike = answer.casefold() in {fact.object.casefold(), own.casefold() if own is not None else None}
        return alike or fact.object_id in self._ids[answer] or (own is not None and own in pivot)
