"""Layer-wise alignment of parallel queries (paper, figure 2a): with and without LRP2."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from lrp2_bench.analyses.states import layer_means, mean_of
from lrp2_bench.core.batching import by_tokens, in_halves
from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.progress import progress
from lrp2_bench.core.settings import ProjectionTokens
from lrp2_bench.core.types import LayerPair, ParallelFacts
from lrp2_bench.interventions.base import Edit
from lrp2_bench.interventions.projection import Shifts
from lrp2_bench.interventions.tokens import CHOICES
from lrp2_bench.models.layered import LayeredModel
from lrp2_bench.results.tables import AlignmentRow

#: A kind of :class:`DataWarnings`.
NOT_FINITE = "Parallel queries whose states are no finite numbers were left out of the alignment"


def alignment(
    model: LayeredModel,
    facts: ParallelFacts,
    pair: LayerPair | None,
    edit: Shifts | Edit | None,
    *,
    batch_tokens: int,
    data_warnings: DataWarnings,
    tokens: ProjectionTokens = ProjectionTokens.all,
) -> list[AlignmentRow]:
    """A row per layer 0..L: the mean, over the facts both languages have, of the cosine between the mean-pooled
    states of the fact's query filled with its own object, in the language and in the pivot: over the ``tokens`` that
    ``edit`` moves.

    ``lrp2`` is the same with ``pair``'s projections on the language's side only, read behind them (layer i's state
    is the one LIRP has moved); None without a pair. Sentences longer than the model's positions are left out
    (counted), and so are those with states that are no finite numbers.
    """
    texts = _parallel_sentences(facts)
    encoded = [_encode(model, side) for side in zip(*texts, strict=True)] if texts else [[], []]
    sentences = [
        (ours, theirs, where)
        for ours, theirs, where in zip(*encoded, _ids(facts), strict=True)
        if _fits(model, ours, where, data_warnings) and _fits(model, theirs, where, data_warnings)
    ]
    sums = torch.zeros(2, model.blocks + 1, dtype=torch.float64)
    lengths = [max(len(ours), len(theirs)) for ours, theirs, _ in sentences]
    count, choose = 0, CHOICES[tokens].of(model)
    with progress("Alignment", len(sentences), "facts") as advance, torch.inference_mode():

        def add(indices: list[int]) -> None:
            nonlocal count
            ours = model.batch([sentences[index][0] for index in indices])
            pivot = model.batch([sentences[index][1] for index in indices])
            theirs = layer_means(model, pivot, mean_of(choose(pivot)))[0]
            runs = layer_means(model, ours, mean_of(choose(ours)), pair, edit)
            found = torch.stack([cosines(states, theirs) for states in runs])
            known = found.isfinite().flatten(0, 1).all(dim=0)
            for row in (~known).nonzero().flatten().tolist():
                data_warnings.add(NOT_FINITE, sentences[indices[row]][2])
            new = torch.zeros_like(sums)
            new[: len(runs)] = found[..., known].sum(dim=2)
            sums.add_(new)
            count += int(known.sum())
            advance(len(indices))

        for batch in by_tokens(lengths, batch_tokens):
            in_halves(batch, add)
    means = (sums / count).tolist() if count else [[float("nan")] * (model.blocks + 1)] * 2
    return [
        AlignmentRow(layer, means[0][layer], means[1][layer] if pair is not None else None, count)
        for layer in range(model.blocks + 1)
    ]


def _parallel_sentences(facts: ParallelFacts) -> list[tuple[str, str]]:
    sentences = []
    for ours, theirs in zip(facts.relations, facts.pivot_relations, strict=True):
        for fact in theirs.facts:
            mine = ours.by_line[fact.line_id]
            sentences.append((ours.fill(mine, mine.object).text, theirs.fill(fact, fact.object).text))
    return sentences


def _ids(facts: ParallelFacts) -> list[str]:
    return [f"{relation.name} {fact.uuid}" for relation in facts.pivot_relations for fact in relation.facts]


def _encode(model: LayeredModel, texts: Sequence[str]) -> list[list[int]]:
    return model.tokenize(texts)


def _fits(model: LayeredModel, ids: Sequence[int], where: str, data_warnings: DataWarnings) -> bool:
    if ids and (model.max_tokens is None or len(ids) <= model.max_tokens):
        return True
    data_warnings.add("Parallel queries the model cannot hold were left out of the alignment", where)
    return False


def cosines(
    ours: Float[Tensor, "layer row hidden"], theirs: Float[Tensor, "layer row hidden"]
) -> Float[Tensor, "layer row"]:
    """The cosine of each row's two states, float64 on the CPU."""
    return torch.nn.functional.cosine_similarity(ours, theirs, dim=-1).double().cpu()
