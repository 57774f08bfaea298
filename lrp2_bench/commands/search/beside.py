"""What a search computes beside its hits, and for about how long: vectors, alignment, damage and random draws."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lrp2_bench.commands.search.draws import DRAWN_AT_ONCE
from lrp2_bench.commands.search.projection import Projection
from lrp2_bench.commands.search.stand_in import own_sentences, stand_in_edit
from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.settings import SearchCommand, SearchKind
from lrp2_bench.core.types import LayerPair, ParallelFacts, Relation
from lrp2_bench.data.corpus import Corpus
from lrp2_bench.grid.divergence import SENTENCES
from lrp2_bench.grid.limits import limits_for
from lrp2_bench.grid.pilot import estimate
from lrp2_bench.grid.plan import plan_grid
from lrp2_bench.interventions.base import Edit
from lrp2_bench.interventions.cached_fit import sentences_to_fit
from lrp2_bench.interventions.cached_vectors import sentences_to_compute
from lrp2_bench.interventions.sentence_means import sentence_means
from lrp2_bench.interventions.tokens import CHOICES
from lrp2_bench.interventions.vectors import batch_tokens_of, token_sequences
from lrp2_bench.models.devices import clock
from lrp2_bench.models.layered import LayeredModel
from lrp2_bench.models.loading import Checkpoint
from lrp2_bench.probing.build import build_log_partition, build_probe, pool_size
from lrp2_bench.probing.log_partition import LogPartition
from lrp2_bench.probing.pools import pool_of
from lrp2_bench.probing.probe import Probe
from lrp2_bench.results.damage import read_damage
from lrp2_bench.results.draws import read_draws
from lrp2_bench.results.layout import ALIGNMENT, DAMAGE, DRAWS

#: Sentences that are timed; scales at which a random draw's KL is usually tried until it matches; and seconds for which
#: hits of damage and of draws are tried.
_TIMED, _SCALES, _SECONDS = 64, 3, 5.0


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
    pairs: Sequence[LayerPair],
    make_corpus: Callable[[], Corpus],
    folder: Path | None = None,
) -> tuple[list[Part], str]:
    """The parts of a job of these ``pairs`` (without a ``projection``: of baselines) that its ``folder`` lacks, and
    what could not be counted, "" for nothing.

    States of sentences are priced by running some of the facts' own, hits by running a few; vectors that are cached
    cost nothing.
    """
    if facts.language == facts.pivot:
        return [], ""
    ours, theirs = (_ids(relations) for relations in (facts.relations, facts.pivot_relations))
    shared = len(ours & theirs)
    token, sentence = _rates(model, settings, facts)
    # Two languages, and one of them moved.
    states = (2 if projection is None else 3) * shared * sentence
    wanted = settings.alignment and not (folder is not None and (folder / ALIGNMENT).is_file())
    aligned = [Part(f"alignment ({shared:,} facts)", states)] if wanted else []
    if projection is None:
        return aligned, ""
    vectors, fits, unknown = _sentences(model, checkpoint, settings, projection, make_corpus)
    parts = [
        Part(f"{what} ({len(lengths):,} sentences)", token * sum(lengths))
        for what, lengths in (("vectors", vectors), ("fit", fits))
        if lengths
    ]
    parts += aligned
    if settings.damage and pairs:
        edit = stand_in_edit(projection, settings, model, facts)
        neutral = 0.0 if settings.vectors.path is not None else SENTENCES * sentence
        if at := _lacking_damage(settings, pairs, folder):
            of = "1 pair" if len(at) == 1 else f"{len(at)} pairs"
            seconds = _seconds(model, settings, facts.pivot_relations, at, edit)
            parts.append(Part(f"damage (at {of})", seconds + (len(at) + 1) * neutral))
        if (seeds := settings.projection.seeds - _drawn(folder)) > 0:
            layers = pairs[len(pairs) // 2].layers
            together = [layers.at(0.5 + number / 20) for number in range(min(seeds, DRAWN_AT_ONCE))]
            seconds = _seconds(model, settings, facts.relations, together, edit) * seeds / len(together)
            parts.append(Part(f"random draws ({seeds})", seconds + seeds * _SCALES * neutral))
    return parts, unknown


def _lacking_damage(settings: SearchCommand, pairs: Sequence[LayerPair], folder: Path | None) -> list[LayerPair]:
    """The given pairs whose damage the folder lacks; of a search, a pair in the place of the best one unless it has
    some pair's."""
    try:
        known = [row.pair for row in read_damage(folder / DAMAGE)] if folder and (folder / DAMAGE).is_file() else []
    except BenchError:
        known = []
    if settings.search.kind is SearchKind.pairs:
        return [pair for pair in pairs if pair not in known]
    return [] if any(pair is not None for pair in known) else [pairs[len(pairs) // 2]]


def _drawn(folder: Path | None) -> int:
    try:
        return len(read_draws(folder / DRAWS)) - 1 if folder and (folder / DRAWS).is_file() else 0
    except BenchError:
        return 0


def _seconds(
    model: LayeredModel, settings: SearchCommand, relations: Sequence[Relation], pairs: Sequence[LayerPair], edit: Edit
) -> float:
    """What hits of ``pairs``, evaluated together, take."""
    start, log_partition = clock(model.device), build_log_partition(model, settings.grid)
    probes = [probe_of(model, relation, settings, log_partition) for relation in relations]
    building = clock(model.device) - start
    plan = plan_grid(model.blocks, pairs, baseline=False, uses_back=edit.before_leaving_uses_back)
    limits = limits_for(model, plan, settings.grid)
    return building + estimate(probes, plan, edit, limits, settings.seed, most=_SECONDS).seconds


def probe_of(model: LayeredModel, relation: Relation, settings: SearchCommand, log_partition: LogPartition) -> Probe:
    """A relation's, whose data warnings nobody hears."""
    probing = settings.probing
    pool = pool_of(relation, pool_size(model, probing), settings.seed, filtered=probing.filtered)
    return build_probe(model, relation, pool, relation.name, probing, log_partition, DataWarnings())


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


def _sentences(
    model: LayeredModel,
    checkpoint: Checkpoint,
    settings: SearchCommand,
    projection: Projection,
    make_corpus: Callable[[], Corpus],
) -> tuple[list[int], list[int], str]:
    """The lengths in tokens of the sentences whose states the vectors need, and what is fitted; and why they are not
    known."""
    vectors: list[int] = []
    fits: list[int] = []
    cache, sides = Path(settings.paths.cache).expanduser(), (settings.language, settings.pivot)
    try:
        corpus = make_corpus() if settings.vectors.path is None or projection.needs.fits else None
        if corpus is not None:
            for code in projection.codes(*sides) if settings.vectors.path is None else ():
                sentences = sentences_to_compute(
                    model, checkpoint.digest, code, corpus, cache, checkpoint.other_digest, settings.projection.tokens
                )
                vectors += map(len, model.tokenize(list(sentences)))
            fitted = sentences_to_fit(
                projection.intervention, projection.needs, model, checkpoint.digest, corpus, sides, cache
            )
            fits += map(len, model.tokenize(fitted))
    except BenchError as error:
        return vectors, fits, f"Language vectors, and what is fitted, are not all counted: {error}"
    return vectors, fits, ""
