"""A job's intervention made without a corpus, for a plan: what it computes takes as long as the real one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from lrp2_bench.commands.search.projection import Projection, edit_of
from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.settings import SearchCommand
from lrp2_bench.core.types import ParallelFacts, Relation
from lrp2_bench.interventions.base import Edit
from lrp2_bench.interventions.sentence_means import sentence_means
from lrp2_bench.interventions.tokens import CHOICES
from lrp2_bench.interventions.vectors import token_sequences
from lrp2_bench.models.layered import LayeredModel

#: Sentences of each language.
_SENTENCES = 100


def stand_in_edit(projection: Projection, settings: SearchCommand, model: LayeredModel, facts: ParallelFacts) -> Edit:
    """The two languages' vectors, and what is fitted, are of the sentences of some facts, which both have; the vectors
    of further languages lie about them, as far off, dimension by dimension, as the two are from each other."""
    means = {
        code: _means(model, code, sentences, settings)
        for code, sentences in own_sentences(settings, facts, _SENTENCES).items()
    }
    vectors = {code: found.mean(dim=1) for code, found in means.items()}
    middle = torch.stack(list(vectors.values())).mean(dim=0)
    apart = (vectors[settings.language] - vectors[settings.pivot]).abs() + 1e-3 * middle.abs()
    random = torch.Generator().manual_seed(settings.seed)
    needs = projection.needs
    for code in (*([projection.other] if projection.other else []), *needs.among):
        if code not in vectors:
            vectors[code] = middle + apart * torch.randn(middle.shape, generator=random).to(middle)
    fitted: dict[str, Tensor] = {}
    if needs.fits:
        count = min(found.shape[1] for found in means.values())
        fitting = {code: found[:, :count] for code, found in means.items() if needs.parallel or code == settings.pivot}
        fitted = {name: found.to(model.device) for name, found in projection.intervention.fit(fitting).items()}
    return edit_of(projection, settings, model, vectors, fitted)


def own_sentences(settings: SearchCommand, facts: ParallelFacts, most: int) -> dict[str, list[str]]:
    """By language and pivot: the sentences of some facts, which both have where they share any."""
    known = [_filled(relations) for relations in (facts.relations, facts.pivot_relations)]
    shared = [fact for fact in known[0] if fact in known[1]]
    return {
        code: [sentences[fact] for fact in _some(shared or list(sentences), settings.seed, most)]
        for code, sentences in zip((settings.language, settings.pivot), known, strict=True)
    }


def _filled(relations: Sequence[Relation]) -> dict[tuple[str, str], str]:
    """The sentence of every fact, by relation and id."""
    return {
        (relation.name, fact.uuid): relation.fill(fact, fact.object).text
        for relation in relations
        for fact in relation.facts
    }


def _some(known: Sequence[tuple[str, str]], seed: int, most: int) -> list[tuple[str, str]]:
    chosen = np.random.default_rng(seed).choice(len(known), size=min(most, len(known)), replace=False)
    return [known[place] for place in chosen]


def _means(
    model: LayeredModel, code: str, sentences: Sequence[str], settings: SearchCommand
) -> Float[Tensor, "layer sentence hidden"]:
    tokens = settings.projection.tokens
    usable = [ids for ids in token_sequences(model, sentences, code, DataWarnings(), tokens) if ids]
    return sentence_means(model, usable, CHOICES[tokens].of(model), f"Sentences {code}", batch_tokens=1024)
