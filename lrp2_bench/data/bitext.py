"""Parallel sentences of a language and the pivot: the same facts filled in, or a corpus's translations."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.prompts import Span
from lrp2_bench.core.types import Fact, ParallelFacts, Relation
from lrp2_bench.data.corpus import Corpus
from lrp2_bench.data.dataset import Dataset

#: Kinds of :class:`DataWarnings` counted here.
BLANK = "Parallel sentences with a blank side were left out"
TWICE = "Parallel sentences that occur more than once were taken once"

#: Where parallel sentences come from.
SOURCES = ("facts", "corpus")


@dataclass(frozen=True, slots=True)
class Sentence:
    """``answer`` is where a query's object stands, ``[start, end)`` in characters; None in a corpus's sentences."""

    text: str
    answer: Span | None = None


@dataclass(frozen=True, slots=True)
class SentencePair:
    """A sentence in the language (``ours``) and in the pivot (``theirs``).

    ``id`` is the same in every language where the pivot's side is: a fact's relation and uuid, or that text.
    ``cluster`` names what stands or falls together: the facts of a subject, the translations of a sentence.
    """

    id: str
    cluster: str
    ours: Sentence
    theirs: Sentence


@dataclass(frozen=True)
class Bitext:
    """The parallel sentences of two languages, in their source's order. ``source`` names that for tables."""

    language: str
    pivot: str
    source: str
    pairs: tuple[SentencePair, ...]

    def sample(self, limit: int | None, seed: int) -> Bitext:
        """At most ``limit`` pairs, in their order. Which ones depends on their ids, so that languages keep the same."""
        if limit is None or len(self.pairs) <= limit:
            return self
        ranks = [hashlib.sha256(f"{seed}:{pair.id}".encode()).digest() for pair in self.pairs]
        kept = sorted(sorted(range(len(ranks)), key=lambda at: (ranks[at], at))[:limit])
        return replace(self, pairs=tuple(self.pairs[at] for at in kept))


def facts_bitext(dataset: Dataset, language: str, pivot: str, data_warnings: DataWarnings) -> Bitext:
    """The queries of the facts both languages have, each filled with its own object. Errors are the dataset's."""
    facts = dataset.facts(language, pivot, data_warnings)
    return Bitext(language, pivot, dataset.name, tuple(_filled_pairs(facts)))


def corpus_bitext(corpus: Corpus, language: str, pivot: str, data_warnings: DataWarnings) -> Bitext:
    """A corpus's translations, without those of which a side is blank and without repeats of a pair (both counted).

    ``corpus.sentences`` is about language vectors and cuts nothing here. Errors are the corpus's.
    """
    found: dict[tuple[str, str], None] = {}
    for number, sides in enumerate(corpus.translations(language, pivot, data_warnings), start=1):
        ours, theirs = (" ".join(side.split()) for side in sides)
        if not ours or not theirs:
            data_warnings.add(BLANK, f"{language}-{pivot} {number}")
        elif (ours, theirs) in found:
            data_warnings.add(TWICE, f"{language}-{pivot} {number}")
        else:
            found[ours, theirs] = None
    pairs = (SentencePair(theirs, theirs, Sentence(ours), Sentence(theirs)) for ours, theirs in found)
    return Bitext(language, pivot, corpus.name, tuple(pairs))


def through_english(pairs: Callable[[str], list[tuple[str, str]]], language: str, pivot: str) -> list[tuple[str, str]]:
    """The translations of two languages from ``pairs``, which gives a language's with English: two others' sentences
    are joined where their English side is the same."""
    if pivot == "en":
        return pairs(language)
    if language == "en":
        return [(english, sentence) for sentence, english in pairs(pivot)]
    return joined(pairs(language), pairs(pivot))


def joined(ours: Iterable[tuple[str, str]], theirs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Two lists of (sentence, translation) as pairs of the sentences whose translation is the same text."""
    by_translation: dict[str, list[str]] = defaultdict(list)
    for sentence, translation in theirs:
        by_translation[translation].append(sentence)
    return [(sentence, other) for sentence, translation in ours for other in by_translation.get(translation, ())]


def _filled_pairs(facts: ParallelFacts) -> list[SentencePair]:
    pairs = []
    for ours, theirs in zip(facts.relations, facts.pivot_relations, strict=True):
        for fact in theirs.facts:
            mine = ours.by_line[fact.line_id]
            pairs.append(
                SentencePair(
                    f"{theirs.name} {fact.uuid}", f"subject {fact.subject_id}",
                    filled(ours, mine), filled(theirs, fact),
                )
            )  # fmt: skip
    return pairs


def filled(relation: Relation, fact: Fact) -> Sentence:
    """The fact's query with its own object, and where that stands in it."""
    prompt = relation.fill(fact, fact.object)
    return Sentence(prompt.text, prompt.object)
