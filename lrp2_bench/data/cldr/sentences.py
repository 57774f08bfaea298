"""Sentences of the embedded testbed in one language: its facts in every wording, and its names alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lrp2_bench.core.prompts import SUBJECT, Span, fill_slots, fill_template
from lrp2_bench.core.types import Fact
from lrp2_bench.data.cldr.dataset import named
from lrp2_bench.data.cldr.facts import CldrFact, cldr_facts, kind_of
from lrp2_bench.data.cldr.names import names_of
from lrp2_bench.data.cldr.templates import wordings


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence and where its names are. ``fact`` is None for a sentence that states no fact; then ``object`` too, and
    ``entity`` is the kind and the id of what it names."""

    language: str
    text: str
    subject: Span
    object: Span | None = None
    fact: CldrFact | None = None
    entity: tuple[str, str] | None = None


def fact_sentences(language: str, facts: Iterable[CldrFact]) -> Iterator[Sentence]:
    """Each fact the language has names for, in all its wordings; facts its names give away are included."""
    templates = wordings(language).templates
    for entry in facts:
        fact = named(entry, language)
        if fact is None:
            continue
        for template in templates[entry.relation]:
            yield _filled(language, template, fact, entry)


def name_sentences(language: str) -> Iterator[Sentence]:
    """Every name of the language's facts once per kind, in a sentence that says what it is (*Stadt: Wien.*)."""
    names = names_of(language)
    for kind, entity in entities():
        label = names.label(entity)
        if label is None:
            continue
        text, spans = fill_slots(wordings(language).names[kind], {SUBJECT: label})
        yield Sentence(language, text, spans[SUBJECT], entity=(kind, entity))


def entities() -> list[tuple[str, str]]:
    """``(kind, entity)`` of everything facts are about, each once, in the table's order."""
    found: dict[tuple[str, str], None] = {}
    for relation, facts in cldr_facts().items():
        for fact in facts:
            for entity in (fact.subject, fact.object):
                found.setdefault((kind_of(relation, entity), entity))
    return list(found)


def all_facts() -> Iterator[CldrFact]:
    """Every fact of every relation, in the table's order."""
    for facts in cldr_facts().values():
        yield from facts


def _filled(language: str, template: str, fact: Fact, entry: CldrFact) -> Sentence:
    prompt = fill_template(template, fact.subject, fact.object)
    return Sentence(language, prompt.text, prompt.subject, prompt.object, entry)
