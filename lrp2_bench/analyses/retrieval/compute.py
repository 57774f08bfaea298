"""Finding a sentence's translation by its state: nearest neighbour and margin (Artetxe and Schwenk 2019).

A side's distinct sentences are its candidates. A sentence is found where the best of the other side's candidates is
one of its translations; of equally good ones the first counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from lrp2_bench.analyses.mexa import nearest, shuffled
from lrp2_bench.stats.clusters import Clusters
from lrp2_bench.stats.paired_intervals import level_interval

#: ``nearest``: highest cosine; ``margin``: highest cosine over the mean of both sentences' cosines with k neighbours.
METHODS = ("nearest", "margin")

#: Similarities held at once.
_CHUNK = 16 * 2**20
#: A margin's denominator is at least this, for states without any near neighbour would turn its sign.
_LEAST = 1e-6


@dataclass(frozen=True)
class Parallel:
    """Distinct sentences of both sides by number, and ``links``, the (ours, theirs) that translate each other."""

    ours: int
    theirs: int
    links: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Retrieved:
    """Whether a method found each sentence's translation: ``[method, sentence]`` from ours, and from theirs."""

    forward: Bool[Tensor, "method ours"]
    backward: Bool[Tensor, "method theirs"]


def number_distinct(texts: Sequence[str]) -> tuple[list[int], list[int]]:
    """Each text's number among the distinct ones, and where each of those occurs first."""
    numbers: dict[str, int] = {}
    first: list[int] = []
    for place, text in enumerate(texts):
        if text not in numbers:
            numbers[text] = len(first)
            first.append(place)
    return [numbers[text] for text in texts], first


def retrieve(
    ours: Float[Tensor, "ours hidden"],
    theirs: Float[Tensor, "theirs hidden"],
    parallel: Parallel,
    k: int,
    chunk: int = _CHUNK,
) -> Retrieved:
    """Both methods in both directions; never more than ``chunk`` similarities at once (a row of them at least).

    Raises ValueError where a side has fewer than ``k`` sentences.
    """
    if min(len(ours), len(theirs)) < k:
        raise ValueError(f"Margins over {k} neighbours need {k} sentences a side, not {len(ours)} and {len(theirs)}.")
    ours, theirs = (torch.nn.functional.normalize(side, dim=1) for side in (ours, theirs))
    rows = max(1, chunk // len(theirs))
    starts = range(0, len(ours), rows)
    near = torch.empty(len(ours), device=ours.device)
    nearest = torch.empty(len(ours), dtype=torch.long, device=ours.device)
    top = theirs.new_full((0, len(theirs)), 0.0)
    best = _Best(len(theirs), ours.device)
    for start in starts:
        similar = ours[start : start + rows] @ theirs.T
        nearest[start : start + rows] = similar.argmax(dim=1)
        near[start : start + rows] = similar.topk(k, dim=1).values.mean(dim=1)
        best.update(similar, start)
        stacked = torch.cat([top, similar])
        top = stacked.topk(min(k, len(stacked)), dim=0).values
    away = top.mean(dim=0)
    margin = torch.empty_like(nearest)
    best_margin = _Best(len(theirs), ours.device)
    for start in starts:
        similar = ours[start : start + rows] @ theirs.T
        similar /= ((near[start : start + rows].unsqueeze(1) + away) / 2).clamp_min_(_LEAST)
        margin[start : start + rows] = similar.argmax(dim=1)
        best_margin.update(similar, start)
    codes = torch.tensor([one * parallel.theirs + other for one, other in parallel.links], device=ours.device)
    numbers = torch.arange(parallel.ours, device=ours.device), torch.arange(parallel.theirs, device=ours.device)
    forward = torch.stack([nearest, margin])
    backward = torch.stack([best.row, best_margin.row])
    return Retrieved(
        torch.isin(numbers[0] * parallel.theirs + forward, codes).cpu(),
        torch.isin(backward * parallel.theirs + numbers[1], codes).cpu(),
    )


def by_layer(
    ours: Float[Tensor, "layer ours hidden"],
    theirs: Float[Tensor, "layer theirs hidden"],
    parallel: Parallel,
    vectors: tuple[Float[Tensor, "layer hidden"], Float[Tensor, "layer hidden"]],
    k: int,
    device: torch.device,
) -> npt.NDArray[np.float64]:
    """``[removed, method, direction, layer]``: the share found, 0 to 1, of ours in theirs and of theirs in ours.

    ``removed`` 1 is with each side's language vector (``vectors``: ours, theirs) subtracted. A layer at a time moves
    to ``device``.
    """
    shares = np.empty((2, len(METHODS), 2, len(ours)))
    for layer in range(len(ours)):
        sides = ours[layer].to(device), theirs[layer].to(device)
        means = vectors[0][layer].to(device), vectors[1][layer].to(device)
        for removed, (one, other) in enumerate((sides, (sides[0] - means[0], sides[1] - means[1]))):
            found = retrieve(one, other, parallel, k)
            shares[removed, :, 0, layer] = found.forward.double().mean(dim=1)
            shares[removed, :, 1, layer] = found.backward.double().mean(dim=1)
    return shares


def unambiguous(numbers: Sequence[Sequence[int]]) -> list[int]:
    """Of pairs with the ``numbers`` ``[side][pair]`` of their sentences, those that come first on both sides: where
    each sentence has one translation."""
    seen: tuple[set[int], set[int]] = set(), set()
    kept = []
    for place, (one, other) in enumerate(zip(*numbers, strict=True)):
        if one not in seen[0] and other not in seen[1]:
            kept.append(place)
        seen[0].add(one)
        seen[1].add(other)
    return kept


def mexa_by_layer(
    ours: Float[Tensor, "layer pair hidden"],
    theirs: Float[Tensor, "layer pair hidden"],
    vectors: tuple[Float[Tensor, "layer hidden"], Float[Tensor, "layer hidden"]],
    clusters: Clusters,
    seed: int,
    device: torch.device,
) -> npt.NDArray[np.float64]:
    """``[variant, layer, 3]`` in percent: MEXA as states are, with each side's language vector subtracted, and with the
    translations of other sentences (the control); with Wilson's bounds at the effective number of ``clusters``."""
    match = torch.from_numpy(shuffled(ours.shape[1], seed)).to(device)
    found = np.empty((3, len(ours), 3))
    for layer in range(len(ours)):
        sides = ours[layer].to(device), theirs[layer].to(device)
        removed = [side - vector[layer].to(device) for side, vector in zip(sides, vectors, strict=True)]
        runs = nearest(*sides), nearest(removed[0], removed[1]), nearest(*sides, match)
        for variant, run in enumerate(runs):
            row = run.cpu().numpy().astype(np.int8)
            share = level_interval(row, row, clusters, "accuracy")[0]
            found[variant, layer] = share.value, share.low, share.high
    return found


class _Best:
    """The highest value of every column so far, and the first row it stands in."""

    def __init__(self, columns: int, device: torch.device) -> None:
        self.value = torch.full((columns,), -torch.inf, device=device)
        self.row: Int[Tensor, " column"] = torch.zeros(columns, dtype=torch.long, device=device)

    def update(self, values: Float[Tensor, "row column"], first: int) -> None:
        value, row = values.max(dim=0)
        better = value > self.value
        self.value = torch.where(better, value, self.value)
        self.row = torch.where(better, row + first, self.row)
