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
    """The two languages' vectors, and what is fitted, are of some facts' sentences; the vectors of further languages
    lie about them, as far off as the two are from each other."""
    sides = settings.language, settings.pivot
    both = facts.relations, facts.pivot_relations
    means = {code: _means(model, code, of, settings) for code, of in dict(zip(sides, both, strict=True)).items()}
    vectors = {code: found.mean(dim=1) for code, found in means.items()}
    middle = torch.stack(list(vectors.values())).mean(dim=0)
    apart = (vectors[settings.language] - vectors[settings.pivot]).norm(dim=-1) + 1e-3 * middle.norm(dim=-1)
    random = torch.Generator().manual_seed(settings.seed)
    needs = projection.needs
    for code in (*([projection.other] if projection.other else []), *needs.among):
        if code not in vectors:
            way = torch.randn(middle.shape, generator=random).to(middle)
            vectors[code] = middle + apart.unsqueeze(-1) * way / way.norm(dim=-1, keepdim=True)
    fitted: dict[str, Tensor] = {}
    if needs.fits:
        count = min(found.shape[1] for found in means.values())
        fitting = {code: found[:, :count] for code, found in means.items() if needs.parallel or code == settings.pivot}
        fitted = {name: found.to(model.device) for name, found in projection.intervention.fit(fitting).items()}
    return edit_of(projection, settings, model, vectors, fitted)


def _means(
    model: LayeredModel, code: str, relations: Sequence[Relation], settings: SearchCommand
) -> Float[Tensor, "layer sentence hidden"]:
    filled = [relation.fill(fact, fact.object).text for relation in relations for fact in relation.facts]
    some = np.random.default_rng(settings.seed).choice(len(filled), size=min(_SENTENCES, len(filled)), replace=False)
    tokens = settings.projection.tokens
    sequences = token_sequences(model, [filled[number] for number in some], code, DataWarnings(), tokens)
    usable = [ids for ids in sequences if ids]
    return sentence_means(model, usable, CHOICES[tokens].of(model), f"Sentences {code}", batch_tokens=1024)
