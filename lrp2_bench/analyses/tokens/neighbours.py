"""How many writing systems a token's nearest neighbours are of: exact, by cosine, in bounded memory."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Float, Int
from torch import Tensor

from lrp2_bench.analyses.languages.compute import Floats, Ints
from lrp2_bench.core.types import Interval
from lrp2_bench.stats.bootstrap import PERCENTILES
from lrp2_bench.stats.clusters import RESAMPLES

#: MiB for the cosines that are held at a time.
_MEMORY = 256


@dataclass(frozen=True)
class Neighbourhoods:
    """Of tokens asked for, ``[query]``: their ``label``, how many writing systems are among their neighbours, and which
    share of the neighbours is of their own."""

    label: Ints
    systems: Ints
    own: Floats


def neighbourhoods(
    embeddings: Float[Tensor, "token hidden"], label: Ints, queries: Ints, neighbours: int
) -> Neighbourhoods:
    """Of the tokens ``queries`` (rows of ``embeddings``) among all others; ``label`` is each token's writing system.

    Cosines, without the token itself; exact but for float32's rounding. ``neighbours`` must be fewer than the tokens.
    """
    unit = torch.nn.functional.normalize(embeddings, dim=1)
    labels = torch.from_numpy(label).to(unit.device)
    kinds = int(label.max()) + 1
    systems, own = [], []
    for chunk in torch.from_numpy(queries).to(unit.device).split(chunk_rows(len(unit))):
        found = labels[nearest(unit, chunk, neighbours)]
        counts = torch.zeros(len(chunk), kinds, dtype=torch.int32, device=unit.device)
        counts.scatter_add_(1, found, torch.ones_like(found, dtype=torch.int32))
        systems.append((counts > 0).sum(dim=1).cpu())
        own.append((counts.gather(1, labels[chunk][:, None])[:, 0] / neighbours).cpu())
    return Neighbourhoods(label[queries], torch.cat(systems).numpy(), torch.cat(own).double().numpy())


def nearest(
    unit: Float[Tensor, "token hidden"], rows: Int[Tensor, " query"], neighbours: int
) -> Int[Tensor, "query neighbour"]:
    """The tokens with the highest cosine to each of ``rows``, itself left out; ``unit`` has rows of length 1."""
    cosines = unit[rows] @ unit.T
    cosines[torch.arange(len(rows), device=rows.device), rows] = -math.inf
    return cosines.topk(neighbours, dim=1, sorted=False).indices


def chunk_rows(tokens: int) -> int:
    """Tokens asked for at a time: their cosines with all others take :data:`_MEMORY` MiB at most."""
    return max(1, _MEMORY * 2**20 // (4 * tokens))


def by_chance(sizes: Ints, neighbours: int) -> float:
    """Writing systems among ``neighbours`` tokens drawn without looking, on average; ``sizes`` are tokens of each."""
    total = int(sizes.sum())

    def none_of(size: int) -> float:
        if total - size < neighbours:
            return 0.0
        return math.exp(_log_choose(total - size, neighbours) - _log_choose(total, neighbours))

    return math.fsum(1 - none_of(int(size)) for size in sizes)


def mean_interval(counts: npt.NDArray[np.integer], seed: int = 0, resamples: int = RESAMPLES) -> Interval:
    """The mean of whole numbers with its 95 % bootstrap interval over them; NaN without any."""
    if not len(counts):
        return Interval(math.nan, math.nan, math.nan)
    # Resampling tokens is drawing how often each number occurs: a row of a few counts, whatever the tokens.
    times = np.bincount(counts)
    drawn = np.random.default_rng(seed).multinomial(len(counts), times / len(counts), size=resamples)
    means = drawn @ np.arange(len(times)) / len(counts)
    low, high = np.percentile(means, PERCENTILES)
    return Interval(float(counts.mean()), float(low), float(high))


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
