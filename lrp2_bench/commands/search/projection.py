"""The moves of a job: the vectors they are made of, and what tells them from other moves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lrp2_bench.commands.search.hits import RelationHits
from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.settings import ProjectionKind, SearchCommand
from lrp2_bench.core.types import LayerPair
from lrp2_bench.data.corpus import Corpus
from lrp2_bench.interventions.ablations import (
    distinct_pairs,
    label,
    representative,
    require_projection,
    spread,
    stand_in,
)
from lrp2_bench.interventions.cached_vectors import language_vectors
from lrp2_bench.interventions.moves import moves
from lrp2_bench.interventions.projection import Moves, shifts
from lrp2_bench.interventions.vectors import LanguageVectors
from lrp2_bench.models.layered import LayeredModel
from lrp2_bench.models.loading import Checkpoint


@dataclass(frozen=True)
class Projection:
    """``name`` is the projection in a run's identity, ``other`` the third language whose vectors it takes. A run of
    baselines has no vectors and no moves."""

    kind: ProjectionKind
    name: str
    label: str
    other: str | None
    vectors: dict[str, LanguageVectors] = field(default_factory=dict)  # by code
    moves: Moves | None = None

    def pairs(self, blocks: int) -> tuple[LayerPair, ...]:
        """The pairs to evaluate."""
        return distinct_pairs(self.kind, blocks)

    def stands_for(self, blocks: int) -> Callable[[LayerPair], LayerPair]:
        """The pair that is evaluated for a pair."""
        return lambda pair: representative(self.kind, pair, blocks)

    def filled(self, hits: Sequence[RelationHits], blocks: int) -> list[RelationHits]:
        """Hits of every pair from those of the evaluated ones."""
        return [replace(each, language=spread(self.kind, each.language, blocks)) for each in hits]

    def details(self, blocks: int) -> dict[str, Any]:
        """For ``manifest.json``."""
        return {
            "kind": self.kind.name,
            "label": self.label,
            "other": self.other,
            "distinct_pairs": len(self.pairs(blocks)),
        }

    def origin(self, language: str) -> str | None:
        """Where the language's vectors come from; null without any."""
        return self.vectors[language].origin if language in self.vectors else None


def choose_projection(settings: SearchCommand, languages: Callable[[], Sequence[str]]) -> Projection:
    """The projection before its vectors; ``languages`` are the dataset's. Raises :class:`BenchError`."""
    wanted, kind = settings.projection, settings.projection.kind
    require_projection(wanted, settings.language, settings.pivot)
    other, name = wanted.language, kind.name
    if kind is ProjectionKind.shuffled and other is None and settings.language != settings.pivot:
        other = stand_in(settings.language, wanted.among or languages(), settings.pivot, wanted.seed)
    if other is not None:
        name = f"{kind.name}({other})"
    elif kind is ProjectionKind.random:
        name = f"{kind.name}(seed={wanted.seed})"
    return Projection(kind, name, label(wanted), other)


def with_moves(
    projection: Projection,
    settings: SearchCommand,
    make_corpus: Callable[[], Corpus],
    model: LayeredModel,
    checkpoint: Checkpoint,
    data_warnings: DataWarnings,
) -> Projection:
    """The projection with its vectors (read, or computed from the corpus) and its moves on the model's device."""
    corpus = make_corpus() if settings.vectors.path is None else None
    cache = Path(settings.paths.cache).expanduser()
    codes = [settings.language, settings.pivot, *([projection.other] if projection.other else [])]
    vectors = {
        code: language_vectors(
            model, checkpoint.digest, code, corpus, settings.vectors, cache, data_warnings, checkpoint.other_digest
        )
        for code in codes
    }
    source, target = settings.language, settings.pivot
    if projection.other is not None and projection.kind is ProjectionKind.other_pivot:
        target = projection.other
    elif projection.other is not None:
        source = projection.other
    shift = shifts(vectors[source].values, vectors[target].values)
    moved = moves(projection.kind, shift, settings.projection.seed, settings.language).to(model.device)
    return replace(projection, vectors=vectors, moves=moved)
