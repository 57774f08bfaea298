"""What a search computes beside its hits, and for about how long: vectors, alignment, damage and random draws."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lrp2_bench.commands.search.projection import Projection
from lrp2_bench.commands.search.stand_in import own_sentences
from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.settings import SearchCommand, SearchKind
from lrp2_bench.core.types import ParallelFacts, Relation
from lrp2_bench.data.corpus import Corpus
from lrp2_bench.grid.divergence import SENTENCES
from lrp2_bench.interventions.cached_vectors import sentences_to_compute
from lrp2_bench.interventions.sentence_means import sentence_means
from lrp2_bench.interventions.tokens import CHOICES
from lrp2_bench.interventions.vectors import batch_tokens_of, token_sequences
from lrp2_bench.models.devices import clock
from lrp2_bench.models.layered import LayeredModel
from lrp2_bench.models.loading import Checkpoint

#: Sentences that are timed, and scales at which a random draw's KL is usually tried until it matches.
_TIMED, _SCALES = 64, 3


@dataclass(frozen=True)
class Sides:
    """Seconds of one setting's hits of all facts, in the language and in the pivot."""

    language: float
    pivot: float


@dataclass(frozen=True)
class Part:
    """``what`` is computed, over how much, in about how many seconds."""

    what: str
    seconds: float


def beside(
    model: LayeredModel,
    checkpoint: Checkpoint,
    settings: SearchCommand,
    facts: ParallelFacts,
    projection: Projection | None,
    pairs: int,
    one: Sides,
    make_corpus: Callable[[], Corpus],
) -> tuple[list[Part], str]:
    """The parts of a job of so many ``pairs`` (without a ``projection``: of baselines), and what could not be counted,
    "" for nothing.

    States of sentences are priced by running some of the facts' own, hits by what one setting of them takes (``one``);
    vectors that are cached cost nothing.
    """
    if facts.language == facts.pivot:
        return [], ""
    ours, theirs = (_ids(relations) for relations in (facts.relations, facts.pivot_relations))
    shared = len(ours & theirs)
    token, sentence = _rates(model, settings, facts)
    if projection is None:
        return [Part(f"alignment ({shared:,} facts)", 2 * shared * sentence)], ""
    vectors, unknown = _vectors(model, checkpoint, settings, projection, make_corpus)
    parts = [Part(f"vectors ({len(vectors):,} sentences)", token * sum(vectors))] if vectors else []
    parts.append(Part(f"alignment ({shared:,} facts)", 3 * shared * sentence))  # two languages, and one of them moved
    if settings.damage:
        at = pairs if settings.search.kind is SearchKind.pairs else 1
        of = "1 pair" if at == 1 else f"{at} pairs"
        neutral = 0.0 if settings.vectors.path is not None else SENTENCES * sentence
        parts.append(Part(f"damage (at {of})", at * one.pivot + (at + 1) * neutral))
        if seeds := settings.projection.seeds:
            parts.append(Part(f"random draws ({seeds})", seeds * (one.language + _SCALES * neutral)))
    return parts, unknown


def _ids(relations: Sequence[Relation]) -> set[tuple[str, str]]:
    return {(relation.name, fact.uuid) for relation in relations for fact in relation.facts}


def _rates(model: LayeredModel, settings: SearchCommand, facts: ParallelFacts) -> tuple[float, float]:
    """Seconds that the states of a token take, and those of a fact's sentence in either language."""
    sequences = [
        ids
        for code, sentences in own_sentences(settings, facts, _TIMED).items()
        for ids in token_sequences(model, sentences, code, DataWarnings(), settings.projection.tokens)
        if ids
    ]
    if not sequences:
        return 0.0, 0.0
    choose = CHOICES[settings.projection.tokens].of(model)
    start = clock(model.device)
    sentence_means(model, sequences, choose, "Sentences", batch_tokens=batch_tokens_of(settings.vectors, model))
    seconds = clock(model.device) - start
    return seconds / sum(map(len, sequences)), seconds / len(sequences)


def _vectors(
    model: LayeredModel,
    checkpoint: Checkpoint,
    settings: SearchCommand,
    projection: Projection,
    make_corpus: Callable[[], Corpus],
) -> tuple[list[int], str]:
    """The lengths in tokens of the sentences whose states the vectors need, and why they are not known."""
    if settings.vectors.path is not None:
        return [], ""
    lengths: list[int] = []
    try:
        corpus = make_corpus()
        for code in projection.codes(settings.language, settings.pivot):
            sentences = sentences_to_compute(
                model, checkpoint.digest, code, corpus, Path(settings.paths.cache).expanduser(),
                checkpoint.other_digest, settings.projection.tokens,
            )  # fmt: skip
            lengths += map(len, model.tokenize(list(sentences)))
    except BenchError as error:
        return lengths, f"Language vectors are not all counted: {error}"
    return lengths, ""
