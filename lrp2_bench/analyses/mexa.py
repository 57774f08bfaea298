"""MEXA (Kargaran et al. 2024): the share of sentences that are nearer to their translation than to any other sentence.

``c_ii > max over j != i of (c_ij, c_ji)``, c the cosines of all of one side with all of the other. Unlike a cosine it
does not rise because all sentences of a language move towards the pivot together.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

#: Cosines held at once.
_CHUNK = 16 * 2**20


def nearest(
    ours: Float[Tensor, "sentence hidden"],
    theirs: Float[Tensor, "sentence hidden"],
    match: Int[Tensor, " sentence"] | None = None,
    chunk: int = _CHUNK,
) -> Bool[Tensor, " sentence"]:
    """Whether each sentence's translation (of the same number, or ``match``) is strictly the nearest both ways; never
    more than ``chunk`` cosines at once (a row of them at least)."""
    ours, theirs = (torch.nn.functional.normalize(side.double(), dim=1) for side in (ours, theirs))
    if match is not None:
        theirs = theirs[match]
    count = len(ours)
    own, in_row = torch.empty_like(ours[:, 0]), torch.empty_like(ours[:, 0])
    in_column = torch.full_like(own, -torch.inf)
    rows = max(1, chunk // max(1, count))
    for start in range(0, count, rows):
        cosines = ours[start : start + rows] @ theirs.T
        here = torch.arange(len(cosines), device=cosines.device)
        own[start : start + rows] = cosines[here, start + here]
        cosines[here, start + here] = -torch.inf
        in_row[start : start + rows] = cosines.max(dim=1).values
        in_column = torch.maximum(in_column, cosines.max(dim=0).values)
    return own > torch.maximum(in_row, in_column)


def shuffled(sentences: int, seed: int) -> npt.NDArray[np.int64]:
    """A control: to each sentence the translation of another, none its own."""
    order = np.random.default_rng(seed).permutation(sentences)
    found = np.empty(sentences, dtype=np.int64)
    found[order] = np.roll(order, 1)
    return found
