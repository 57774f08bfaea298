"""The intervention of a job: the vectors it is made of, and what distinguishes it from others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from lrp2_bench.commands.search.board import RelationHits
from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError, UnknownNameError
from lrp2_bench.core.prompts import OBJECT
from lrp2_bench.core.settings import ProjectionTokens, SearchCommand
from lrp2_bench.core.types import LayerPair, ParallelFacts, Setting
from lrp2_bench.data.corpus import Corpus
from lrp2_bench.interventions.among import FEWEST
from lrp2_bench.interventions.base import Edit, FittingData, Intervention, Needs
from lrp2_bench.interventions.cached_fit import Fitted, cached_fit, codes_lacking, fit_sentences
from lrp2_bench.interventions.cached_vectors import language_vectors
from lrp2_bench.interventions.registry import intervention
from lrp2_bench.interventions.tokens import on_tokens
from lrp2_bench.interventions.vectors import LanguageVectors
from lrp2_bench.models.layered import LayeredModel
from lrp2_bench.models.loading import Checkpoint

UNMOVED = "Relations whose template begins with the object: projection.tokens=last moves none of their tokens"


@dataclass(frozen=True)
class Projection:
    """An intervention on one language: ``other`` is the third language whose vectors it takes, ``needs`` what else of
    the corpus. A run of baselines has no vectors and no edit."""

    intervention: Intervention
    other: str | None
    needs: Needs = field(default_factory=Needs)
    vectors: dict[str, LanguageVectors] = field(default_factory=dict)  # by code
    fitted: Fitted | None = None
    edit: Edit | None = None

    @property
    def name(self) -> str:
        """In a run's identity."""
        among = f" among {'+'.join(self.needs.among)}" if self.needs.among else ""
        return f"{self.intervention.identity(self.other)}{among}"

    @property
    def label(self) -> str:
        """In folders and tables."""
        return self.intervention.label

    def stands_for(self, blocks: int) -> Callable[[LayerPair], LayerPair]:
        """The pair that is evaluated for a pair."""
        return lambda pair: self.intervention.stands_for(pair, blocks)

    def codes(self, language: str, pivot: str) -> list[str]:
        """The languages whose vectors it is made of."""
        return list(dict.fromkeys([language, pivot, *([self.other] if self.other else []), *self.needs.among]))

    def filled(
        self, hits: Sequence[RelationHits], everything: Sequence[Setting], blocks: int
    ) -> tuple[list[Setting], list[RelationHits]]:
        """Every setting, in order, and its hits from those of ``everything``, of which it may be the same as one."""
        found = self.intervention.spread_over(everything, blocks)
        rows = [row for _, row in found]
        return [setting for setting, _ in found], [replace(each, language=each.language[rows]) for each in hits]

    def details(self, blocks: int) -> dict[str, Any]:
        """For ``manifest.json``."""
        return {
            "kind": self.intervention.name,
            "label": self.label,
            "other": self.other,
            "tokens": self.intervention.settings.tokens.value,
            "strength": list(self.intervention.strengths),
            "distinct_pairs": len(self.intervention.distinct_pairs(blocks)),
            **({"among": list(self.needs.among)} if self.needs.among else {}),
            **({"fit": dict(self.fitted.metadata)} if self.fitted is not None else {}),
        }

    def origin(self, language: str) -> str | None:
        """Where the language's vectors come from; null without any."""
        return self.vectors[language].origin if language in self.vectors else None


def choose_projection(settings: SearchCommand, languages: Callable[[], Sequence[str]]) -> Projection:
    """The projection before its vectors; ``languages`` are the dataset's. Raises :class:`BenchError`."""
    chosen = intervention(settings.projection)
    chosen.require(settings.language, settings.pivot)
    sides = settings.language, settings.pivot
    # The pivot has nothing to be moved by, and its baseline can be asked for with any projection.
    needs = chosen.needs(*sides, languages) if settings.language != settings.pivot else Needs()
    return Projection(chosen, chosen.other(*sides, languages), needs)


def require_sentences(
    projection: Projection,
    settings: SearchCommand,
    make_corpus: Callable[[], Corpus],
    languages: Callable[[], Sequence[str]],
) -> None:
    """Refuse, before a model is loaded, what the corpus cannot give; ``languages`` are the dataset's. Raises
    :class:`BenchError`."""
    needs = projection.needs
    if needs.fits:
        fit_sentences(needs, settings.language, settings.pivot, make_corpus(), DataWarnings())
    if settings.vectors.path is not None:
        return
    if projection.other is not None:
        _require_third(projection, projection.other, settings, make_corpus(), languages)
    others = [code for code in needs.among if code not in (settings.language, settings.pivot)]
    if others and (lacking := codes_lacking(corpus := make_corpus(), others)):
        left = [code for code in needs.among if code not in lacking]
        raise BenchError(
            f"projection={projection.intervention.name} compares the vectors of {len(needs.among)} languages, and "
            f"corpus={corpus.name} has no sentences of {', '.join(lacking)}.\n{_way_out(projection, left)}"
        )


def _way_out(projection: Projection, left: Sequence[str]) -> str:
    """What to do where the corpus has sentences of the languages ``left`` alone; nothing that would be refused next."""
    made, own = projection.intervention, projection.intervention.settings
    if len(left) < FEWEST:
        others = "name others that it has in projection.among, " if own.among is not None else ""
        return (
            f"That leaves {' and '.join(left)}, which is too few: this corpus cannot serve the projection. Pass one of "
            f"more languages, {others}or choose another projection."
        )
    too_many = "rank" in made.uses and own.rank is not None and own.rank >= len(left)
    rank = f" projection.rank={len(left) - 1}" if too_many else ""
    return f"Name languages that it has: projection.among=[{','.join(left)}]{rank}."


def _require_third(
    projection: Projection,
    other: str,
    settings: SearchCommand,
    corpus: Corpus,
    languages: Callable[[], Sequence[str]],
) -> None:
    """Refuse a third language that the corpus lacks, be it named or drawn."""
    try:
        corpus.sentences(other, DataWarnings())
    except BenchError as error:
        made, own = projection.intervention, settings.projection
        among = "projection.among" if own.among is not None else "the dataset's languages"
        chosen = f"'{other}', which projection.language names"
        if own.language is None:
            chosen = f"'{other}', which it drew from {among} (projection.seed={own.seed})"
        known = dict.fromkeys([*(own.among or ()), *languages()])
        others = [code for code in known if code not in (settings.language, settings.pivot, other)]
        # Other errors, of a network say, would be met again with every language.
        lacks = isinstance(error, UnknownNameError)
        found = next((code for code in others if lacks and not codes_lacking(corpus, [code])), None)
        if lacks and found is None:
            next_step = (
                "It has none of the dataset's other languages either: this corpus cannot serve the projection. Pass "
                "one of more languages, or choose another projection."
            )
        else:
            next_step = f"Name another that it has: projection.language={found or 'CODE'}"
            if own.language is None and "among" in made.uses:
                several = ",".join([settings.language, found or "CODE"])
                next_step += f", or those to draw from: projection.among=[{several}]"
            next_step += "."
        raise BenchError(
            f"projection={made.name} takes the vectors of {chosen}, and corpus={corpus.name} does not give its "
            f"sentences: {str(error).splitlines()[0]}\n{next_step}"
        ) from error


def note_unmoved(projection: Projection, facts: ParallelFacts, family: str, data_warnings: DataWarnings) -> None:
    """Count the relations whose queries have no last token: a causal model is asked for the object before it reads any.

    Raises :class:`BenchError` where that is all of them.
    """
    if family != "causal" or projection.intervention.settings.tokens is not ProjectionTokens.last:
        return
    unmoved = [each.name for each in facts.relations if each.template.lstrip().startswith(OBJECT)]
    if unmoved and len(unmoved) == len(facts.relations):
        raise BenchError(
            f"projection.tokens=last moves the last token before the object, and every template of {facts.language} "
            "begins with the object, so that nothing would be moved.\nUse projection.tokens=all or text."
        )
    for name in unmoved:
        data_warnings.add(UNMOVED, f"{facts.language} {name}")


def with_edit(
    projection: Projection,
    settings: SearchCommand,
    make_corpus: Callable[[], Corpus],
    model: LayeredModel,
    checkpoint: Checkpoint,
    data_warnings: DataWarnings,
) -> Projection:
    """The projection with its vectors (read, or computed from the corpus) and its edit on the model's device."""
    needs, sides = projection.needs, (settings.language, settings.pivot)
    corpus = make_corpus() if settings.vectors.path is None or needs.fits else None
    cache = Path(settings.paths.cache).expanduser()
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
        for code in projection.codes(*sides)
    }
    values = {code: found.values.to(model.device) for code, found in vectors.items()}
    made, fitted = projection.intervention, None
    if needs.fits and corpus is not None:
        fitted = cached_fit(
            made, needs, model, checkpoint.digest, corpus, sides, settings.vectors, cache, data_warnings
        )
    edit = edit_of(projection, settings, model, values, fitted.tensors if fitted else {})
    return replace(projection, vectors=vectors, fitted=fitted, edit=edit)


def edit_of(
    projection: Projection,
    settings: SearchCommand,
    model: LayeredModel,
    vectors: Mapping[str, Tensor],
    fitted: Mapping[str, Tensor],
) -> Edit:
    """What the projection does at the run's strength and to its tokens; ``vectors`` are by code, on the model's
    device."""
    data = FittingData(settings.language, settings.pivot, projection.other, vectors, projection.needs.among, fitted)
    made = projection.intervention
    return on_tokens(made.edit(data).at_strength(*made.strengths), settings.projection.tokens, model)
