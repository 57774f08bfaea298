"""Mean states of single sentences, layer by layer: what interventions are fitted on."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from lrp2_bench.core.batching import by_tokens, in_halves
from lrp2_bench.core.progress import progress
from lrp2_bench.interventions.tokens import Choose
from lrp2_bench.interventions.vectors import check_finite
from lrp2_bench.models.layered import LayeredModel


def sentence_means(
    model: LayeredModel, sequences: Sequence[Sequence[int]], choose: Choose, what: str, *, batch_tokens: int
) -> Float[Tensor, "layer sentence hidden"]:
    """The mean over each sequence's chosen tokens, of which it has one or more; float32 on the model's device.

    ``what`` names them in messages. Raises :class:`~lrp2_bench.core.errors.BenchError` where a mean is not finite.
    """
    means = torch.empty(model.blocks + 1, len(sequences), model.hidden_size, device=model.device)
    with progress(what, len(sequences), "sentences") as advance, torch.inference_mode():

        def add(indices: list[int]) -> None:
            batch = model.batch([sequences[index] for index in indices])
            context, hidden = model.context(batch), model.embed(batch)
            chosen = choose(batch).to(torch.float32)
            weights, rows = chosen / chosen.sum(dim=1, keepdim=True), torch.tensor(indices, device=model.device)
            for layer in range(model.blocks + 1):
                if layer:
                    hidden = model.block(layer, hidden, context)
                means[layer, rows] = torch.einsum("rt,rth->rh", weights, hidden.float())
            advance(len(indices))

        for indices in by_tokens([len(ids) for ids in sequences], batch_tokens):
            in_halves(indices, add)
    check_finite(means.flatten(1), what, model)
    return means
