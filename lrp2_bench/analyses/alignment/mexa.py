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


def nearest(
    ours: Float[Tensor, "sentence hidden"],
    theirs: Float[Tensor, "sentence hidden"],
    match: Int[Tensor, " sentence"] | None = None,
) -> Bool[Tensor, " sentence"]:
    """Whether each sentence's translation (of the same number, or ``match``) is strictly the nearest both ways."""
    ours, theirs = (torch.nn.functional.normalize(side.double(), dim=1) for side in (ours, theirs))
    if match is not None:
        theirs = theirs[match]
    cosines = ours @ theirs.T
    own = cosines.diagonal().clone()
    others = cosines.fill_diagonal_(-torch.inf)
    return own > torch.maximum(others.max(dim=0).values, others.max(dim=1).values)


def shuffled(sentences: int, seed: int) -> npt.NDArray[np.int64]:
    """A control: to each sentence the translation of another, none its own."""
    order = np.random.default_rng(seed).permutation(sentences)
    found = np.empty(sentences, dtype=np.int64)
    found[order] = np.roll(order, 1)
    return found
