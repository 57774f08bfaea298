"""The facts as ``probing`` has them asked: in all their wordings, with filtered pools; and the digest that says so."""

from __future__ import annotations

from dataclasses import replace

from lrp2_bench.core.files import sha256_json
from lrp2_bench.core.settings import ProbingSettings, Templates
from lrp2_bench.core.types import ParallelFacts, Relation


def as_asked(facts: ParallelFacts, probing: ProbingSettings) -> ParallelFacts:
    """``facts`` themselves by default. ``templates=all`` has each fact of the language once for each of its wordings;
    the pivot's are asked in their first, whose hit stands beside each wording. What that and filtering add to what
    decides hits becomes part of the digest."""
    added: list[object] = []
    if probing.templates is Templates.all:
        relations = tuple(map(_in_all_wordings, facts.relations))
        same = facts.language == facts.pivot
        facts = replace(facts, relations=relations, pivot_relations=relations if same else facts.pivot_relations)
        added.append([[[fact.uuid, *fact.templates] for fact in relation.facts] for relation in relations])
    if probing.filtered:
        sides = (facts.relations, facts.pivot_relations)
        added.append([[_answers(relation) for relation in relations] for relations in sides])
    return replace(facts, digest=sha256_json([facts.digest, *added])) if added else facts


def _in_all_wordings(relation: Relation) -> Relation:
    return relation.only(
        tuple(each for fact in relation.facts for each in fact.in_wordings(relation.templates_of(fact)))
    )


def _answers(relation: Relation) -> list[list[str]]:
    """Of the facts that are asked, the labels that leave their pools."""
    return [sorted(relation.other_answers(fact)) for fact in relation.facts]
