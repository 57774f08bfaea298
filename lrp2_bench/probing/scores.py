"""Whether a model's scores are numbers, asked of a few facts before the work rather than seen after it."""

from __future__ import annotations

import logging
from dataclasses import replace

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.types import Fact, ParallelFacts, Relation
from lrp2_bench.models.finite import broken_at, way_out_of
from lrp2_bench.models.layered import LayeredModel
from lrp2_bench.probing.answer_prompts import AnswerPrompt, answer_prompts

log = logging.getLogger(__name__)

#: Relations that are probed on either side, the facts asked in all, and those of a relation that they are taken from.
_RELATIONS, _FACTS, _TRIED = 4, 8, 16


def require_scores(model: LayeredModel, facts: ParallelFacts) -> None:
    """Ask ``model`` for the baseline's scores of some facts' own objects, in the precision it is to run in.

    Raises :class:`BenchError` where none of a side's scores is a finite number, naming a fact, the part of the model
    where that begins, and the way out. Where only some are not, a warning says so: such scores can never win.
    """
    sides = {facts.language: facts.relations, facts.pivot: facts.pivot_relations}
    for language, relations in sides.items():
        probed = _some(model, relations)
        broken = [
            (f"{language} {relation.name} {fact.uuid} ('{fact.subject}', '{fact.object}')", where)
            for relation, fact, prompt in probed
            if (where := broken_at(model, prompt.ids, prompt.positions, prompt.targets)) is not None
        ]
        if not broken:
            continue
        fact, where = broken[0]
        told = (
            f"The model's scores are not finite numbers in model.precision={model.precision}, for {len(broken)} of "
            f"{len(probed)} facts tried. It begins in {where}, at the baseline of {fact}."
        )
        if len(broken) == len(probed):
            raise BenchError(f"{told}\n{way_out_of(model)}")
        log.warning("%s %s", told, way_out_of(model))


def _some(model: LayeredModel, relations: tuple[Relation, ...]) -> list[tuple[Relation, Fact, AnswerPrompt]]:
    """The first facts of some relations spread over all, as far as they can be asked."""
    chosen = relations[:: max(1, len(relations) // _RELATIONS)][:_RELATIONS]
    found = []
    for relation in chosen:
        first = relation.facts[:_TRIED]
        prompts = answer_prompts(model, replace(relation, facts=first), "", DataWarnings())
        asked = ((relation, fact, prompt) for fact, prompt in zip(first, prompts, strict=True) if prompt is not None)
        found += list(asked)[: _FACTS // len(chosen)]
    return found
