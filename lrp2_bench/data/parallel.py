"""What datasets of parallel facts have in common: their settings, the pivot's share of a relation, a digest."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.types import Relation

OTHER_FACT = "Facts of which the pivot has another subject or object under the same lineid"
OTHER_UUID = "Facts of which the pivot has another uuid under the same lineid"


def require_selection(relations: object, limit: object) -> tuple[str, ...] | None:
    """The names of ``dataset.relations``, None for all; YAML reads 101 as a number, which is the name '101'.

    Raises :class:`BenchError` where it or ``dataset.limit`` is not what it can be.
    """
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 1):
        raise BenchError(f"dataset.limit={limit}: give a whole number of facts from 1, or null for all facts.")
    if relations is None:
        return None
    if isinstance(relations, str) or not isinstance(relations, Sequence) or not relations:
        raise BenchError(f"dataset.relations={relations}: give a list such as [P36,P37], or null for all relations.")
    for name in relations:
        if isinstance(name, bool) or not isinstance(name, (str, int)):
            read = "null" if name is None else str(name).lower() if isinstance(name, bool) else name
            raise BenchError(
                f"dataset.relations={list(relations)}: {read} is no name of a relation. Give a list such as [P36,P37], "
                f"in quotes where YAML reads another thing: ['{read}']; or null for all relations."
            )
    return tuple(map(str, relations))


def matching(relation: Relation, counterpart: Relation | None) -> Relation:
    """``counterpart``, the pivot's relation, with just the facts whose line ids ``relation`` has, in its order."""
    if counterpart is None:
        return Relation(relation.name, relation.template, (), {})
    theirs = counterpart.by_line
    return counterpart.only(tuple(theirs[fact.line_id] for fact in relation.facts if fact.line_id in theirs))


def count_unlike(relations: Sequence[Relation], counterparts: Sequence[Relation], data_warnings: DataWarnings) -> None:
    """Count the pivot's facts that have a fact's line id and are another fact by their entities or uuid."""
    for relation, counterpart in zip(relations, counterparts, strict=True):
        for fact in counterpart.facts:
            ours = relation.by_line[fact.line_id]
            if (ours.subject_id, ours.object_id) != (fact.subject_id, fact.object_id):
                data_warnings.add(OTHER_FACT, f"{relation.name} lineid {fact.line_id}")
            elif ours.uuid != fact.uuid:
                data_warnings.add(OTHER_UUID, f"{relation.name} lineid {fact.line_id}")


def content(relations: Sequence[Relation]) -> list[object]:
    """What decides hits of the relations, for a digest."""
    return [
        [
            *(r.name, r.template, sorted(r.objects.items())),
            [[f.line_id, f.uuid, f.subject, f.object_id, *f.templates[:1]] for f in r.facts],
            # What a relation does not have leaves no trace, so that digests by the rules before it stay as they are.
            *([sorted(r.variants.items())] if r.variants else []),
            *([{"candidates": own}] if (own := _own_candidates(r)) else []),
        ]
        for r in relations
    ]


def _own_candidates(relation: Relation) -> list[object]:
    """Of the facts that are asked."""
    lists = relation.candidates
    ordered = {id(own): sorted(own) for own in {id(own): own for own in lists.values()}.values()}  # most share one
    return [[fact.line_id, ordered[id(lists[fact.line_id])]] for fact in relation.facts if fact.line_id in lists]


def natural(name: str) -> tuple[int, str, str]:
    """A key that sorts P36 before P101. Digits are compared as text, for Python converts no more than 4,300 of them."""
    number = "".join(str(unicodedata.decimal(digit)) for digit in re.findall(r"\d", name)).lstrip("0")
    return len(number), number, name
