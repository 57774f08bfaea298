"""Facts as a logit lens asks them: where the answer is read, and the token that tells it in either language."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.types import ParallelFacts, Relation
from lrp2_bench.models.layered import LayeredModel
from lrp2_bench.probing.answer_prompts import AnswerPrompt, answer_prompts

#: Kinds of :class:`DataWarnings`.
SAME_TOKENS = "Facts whose object has, or begins with, the same tokens in both languages were left out of the lens"
OTHER_PLACE = "Facts whose query does not stand the same before the pivot's object were left out of the lens"


@dataclass(frozen=True)
class LensPrompt:
    """``ids`` are read at ``position``; ``own`` and ``pivot`` are the first token in which the fact's own object
    and what the pivot calls it differ, ``other`` that of another fact of the relation, a control (None: there is none
    but these)."""

    ids: tuple[int, ...]
    position: int
    own: int
    pivot: int
    other: int | None
    relation: str
    subject: str


def lens_prompts(model: LayeredModel, facts: ParallelFacts, data_warnings: DataWarnings) -> list[LensPrompt]:
    """Of the facts that both languages have and that can be asked; others are counted.

    Masked models get as many masks as the own object has tokens, and are read at the mask of that token; causal ones
    get the query up to it, what both objects begin with included. The pivot's object is put into the language's own
    query, so that its tokens are those that it would have there.
    """
    found: list[LensPrompt] = []
    for relation, pivot_relation in zip(facts.relations, facts.pivot_relations, strict=True):
        made = list(_of_relation(model, relation, pivot_relation, f"{facts.language} {relation.name}", data_warnings))
        found += [replace(one, other=_other(made, place)) for place, one in enumerate(made)]
    return found


def _of_relation(
    model: LayeredModel, relation: Relation, pivot_relation: Relation, where: str, data_warnings: DataWarnings
) -> Iterator[LensPrompt]:
    theirs = {fact.line_id: fact.object for fact in pivot_relation.facts}
    shared = tuple(fact for fact in relation.facts if fact.line_id in theirs)
    translated = tuple(replace(fact, object=theirs[fact.line_id]) for fact in shared)
    sides = [
        answer_prompts(model, replace(relation, facts=each), where, data_warnings) for each in (shared, translated)
    ]
    for fact, ours, other in zip(shared, *sides, strict=True):
        if ours is None or other is None:
            continue
        place = next((k for k, (a, b) in enumerate(zip(ours.targets, other.targets, strict=False)) if a != b), None)
        if place is None:
            data_warnings.add(SAME_TOKENS, f"{where} {fact.uuid} '{fact.object}'")
        elif model.family == "causal" and _before(ours, place) != _before(other, place):
            data_warnings.add(OTHER_PLACE, f"{where} {fact.uuid}")
        else:
            ids = _before(ours, place) if model.family == "causal" else ours.ids
            subject = fact.subject_id or fact.subject
            own, pivot = ours.targets[place], other.targets[place]
            yield LensPrompt(ids, ours.positions[place], own, pivot, None, relation.name, subject)


def _before(prompt: AnswerPrompt, place: int) -> tuple[int, ...]:
    """Up to where the answer's token number ``place`` is read."""
    return prompt.ids[: prompt.positions[place] + 1]


def _other(prompts: Sequence[LensPrompt], place: int) -> int | None:
    """The own token of the next fact, round the relation, that is neither of this one's."""
    mine = prompts[place]
    turned = (*prompts[place + 1 :], *prompts[:place])
    return next((one.own for one in turned if one.own not in (mine.own, mine.pivot)), None)
