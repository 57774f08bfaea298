"""The logit lens (nostalgebraist 2020; Wendler et al. 2024): what every layer's state would answer.

A layer's state at the answer's position goes through everything behind the last block, as layer L's does: the final
norm (of a masked model the prediction head's transform) is applied before the head, at every layer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from lrp2_bench.analyses.lens.prompts import LensPrompt
from lrp2_bench.analyses.states import layer_means
from lrp2_bench.core.batching import by_tokens
from lrp2_bench.core.progress import progress
from lrp2_bench.core.types import LayerPair
from lrp2_bench.interventions.base import Edit
from lrp2_bench.models.layered import LayeredModel
from lrp2_bench.stats.bootstrap import PERCENTILES
from lrp2_bench.stats.clusters import Clusters
from lrp2_bench.stats.weighted import Floats

#: The objects whose token is looked at.
OBJECTS = ("own", "pivot", "shuffled")
#: Without and with the intervention, and with a random shift of its length.
RUNS = ("baseline", "lrp2", "random")
#: What is resampled as one.
CLUSTERS = ("subject", "relation", "fact")

#: States that go through the head at once: a vocabulary may have 250,000 tokens.
_ROWS = 64


@dataclass(frozen=True)
class Lensed:
    """``bands`` are ``[run, object, layer, 3]`` in percent: the probability and the bounds of its 95 % band.

    ``change`` and ``beyond_random`` ``[object, layer, 3]`` are LRP2 less the baseline and less the random shift,
    paired; None without a pair.
    """

    language: str
    pair: LayerPair | None
    facts: int
    clusters: int
    bands: Floats
    change: Floats | None
    beyond_random: Floats | None


def lens(
    model: LayeredModel,
    language: str,
    prompts: Sequence[LensPrompt],
    pair: LayerPair | None,
    edits: tuple[Edit, Edit] | None,
    *,
    batch_tokens: int,
) -> Floats:
    """``[run, object, layer, prompt]``, 0 to 1, NaN for a control that there is not; ``edits`` are LRP2's and the
    random control's, for a ``pair``."""
    runs = 3 if pair is not None else 1
    found = np.full((runs, len(OBJECTS), model.blocks + 1, len(prompts)), np.nan)
    with progress(f"Lens {language}", len(prompts), "facts") as advance, torch.inference_mode():
        for indices in by_tokens([len(each.ids) for each in prompts], batch_tokens):
            chosen = [prompts[index] for index in indices]
            batch = model.batch([each.ids for each in chosen])
            weights = torch.zeros(batch.ids.shape, device=batch.ids.device)
            weights[torch.arange(len(chosen)), torch.tensor([each.position for each in chosen])] = 1.0
            if pair is None or edits is None:
                states = layer_means(model, batch, weights)
            else:
                own, control = (layer_means(model, batch, weights, pair, edit) for edit in edits)
                states = torch.cat([own, control[1:]])
            found[..., indices] = _probabilities(model, states, chosen)
            advance(len(indices))
    return found


def _probabilities(
    model: LayeredModel, states: Float[Tensor, "run layer row hidden"], prompts: Sequence[LensPrompt]
) -> Floats:
    """``[run, object, layer, row]``."""
    wanted = [(each.own, each.pivot, each.own if each.other is None else each.other) for each in prompts]
    tokens = torch.tensor(wanted, device=states.device)
    runs, layers, rows, hidden = states.shape
    flat = states.reshape(-1, hidden).to(model.dtype)
    targets = tokens.repeat(runs * layers, 1)
    parts = [
        model.logits(some).float().log_softmax(dim=-1).gather(1, at).exp()
        for some, at in zip(flat.split(_ROWS), targets.split(_ROWS), strict=True)
    ]
    found = torch.cat(parts).view(runs, layers, rows, len(OBJECTS)).permute(0, 3, 1, 2).double().cpu().numpy()
    found[:, OBJECTS.index("shuffled"), :, [place for place, each in enumerate(prompts) if each.other is None]] = np.nan
    return found


def summarised(
    language: str, pair: LayerPair | None, found: Floats, clusters: Clusters, resamples: int, seed: int
) -> Lensed:
    """Means over facts of :func:`lens`'s ``found``, with bands from resamples of whole ``clusters`` ``[prompt]``."""
    percent = 100.0 * found
    known = ~np.isnan(percent)
    sums, counts = (clusters.sums(part.T).T.astype(np.float64) for part in (np.where(known, percent, 0.0), known))
    drawn = clusters.draws(resamples, seed).T.astype(np.float64)
    whole = _ratio(np.where(known, percent, 0.0).sum(axis=-1), known.sum(axis=-1))
    samples = _ratio(sums @ drawn, counts @ drawn)
    moved = pair is not None

    def band(value: Floats, sample: Floats) -> Floats:
        low, high = np.nanpercentile(sample, PERCENTILES, axis=-1)
        return np.stack([value, low, high], axis=-1)

    return Lensed(
        language, pair, len(clusters.codes), clusters.count, band(whole, samples),
        band(whole[1] - whole[0], samples[1] - samples[0]) if moved else None,
        band(whole[1] - whole[2], samples[1] - samples[2]) if moved else None,
    )  # fmt: skip


def _ratio(sums: Floats, counts: Floats) -> Floats:
    return np.where(counts > 0, sums / np.where(counts > 0, counts, 1.0), np.nan)
