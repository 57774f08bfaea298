"""The intervention of a job: the vectors it is made of, and what distinguishes it from others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lrp2_bench.commands.search.hits import RelationHits
from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.settings import SearchCommand
from lrp2_bench.core.types import LayerPair
from lrp2_bench.data.corpus import Corpus
from lrp2_bench.interventions.base import Edit, FittingData, Intervention
from lrp2_bench.interventions.cached_vectors import language_vectors
from lrp2_bench.interventions.registry import intervention
from lrp2_bench.interventions.tokens import on_tokens
from lrp2_bench.interventions.vectors import LanguageVectors
from lrp2_bench.models.layered import LayeredModel
from lrp2_bench.models.loading import Checkpoint


@dataclass(frozen=True)
class Projection:
    """An intervention on one language: ``other`` is the third language whose vectors it takes. A run of baselines has
    no vectors and no edit."""

    intervention: Intervention
    other: str | None
    vectors: dict[str, LanguageVectors] = field(default_factory=dict)  # by code
    edit: Edit | None = None

    @property
    def name(self) -> str:
        """In a run's identity."""
        return self.intervention.identity(self.other)

    @property
    def label(self) -> str:
        """In folders and tables."""
        return self.intervention.label

    def pairs(self, blocks: int) -> tuple[LayerPair, ...]:
        """The pairs to evaluate."""
        return self.intervention.distinct_pairs(blocks)

    def stands_for(self, blocks: int) -> Callable[[LayerPair], LayerPair]:
        """The pair that is evaluated for a pair."""
        return lambda pair: self.intervention.representative(pair, blocks)

    def filled(self, hits: Sequence[RelationHits], blocks: int) -> list[RelationHits]:
        """Hits of every pair from those of the evaluated ones."""
        return [replace(each, language=self.intervention.spread(each.language, blocks)) for each in hits]

    def details(self, blocks: int) -> dict[str, Any]:
        """For ``manifest.json``."""
        return {
            "kind": self.intervention.name,
            "label": self.label,
            "other": self.other,
            "tokens": self.intervention.settings.tokens.value,
            "strength": list(self.intervention.strengths),
            "distinct_pairs": len(self.pairs(blocks)),
        }

    def origin(self, language: str) -> str | None:
        """Where the language's vectors come from; null without any."""
        return self.vectors[language].origin if language in self.vectors else None


def choose_projection(settings: SearchCommand, languages: Callable[[], Sequence[str]]) -> Projection:
    """The projection before its vectors; ``languages`` are the dataset's. Raises :class:`BenchError`."""
    chosen = intervention(settings.projection)
    chosen.require(settings.language, settings.pivot)
    return Projection(chosen, chosen.other(settings.language, settings.pivot, languages))


def with_edit(
    projection: Projection,
    settings: SearchCommand,
    make_corpus: Callable[[], Corpus],
    model: LayeredModel,
    checkpoint: Checkpoint,
    data_warnings: DataWarnings,
) -> Projection:
    """The projection with its vectors (read, or computed from the corpus) and its edit on the model's device."""
    corpus = make_corpus() if settings.vectors.path is None else None
    cache = Path(settings.paths.cache).expanduser()
    codes = [settings.language, settings.pivot, *([projection.other] if projection.other else [])]
    vectors = {
        code: language_vectors(
            model,
            checkpoint.digest,
            code,
            corpus,
            settings.vectors,
            cache,
            data_warnings,
            checkpoint.other_digest,
            settings.projection.tokens,
        )
        for code in codes
    }
    values = {code: found.values.to(model.device) for code, found in vectors.items()}
    data = FittingData(settings.language, settings.pivot, projection.other, values)
    made = projection.intervention.edit(data).at_strength(*projection.intervention.strengths)
    edit = on_tokens(made, settings.projection.tokens, model)
    return replace(projection, vectors=vectors, edit=edit)
