"""Linear CKA of two sets of states (Kornblith et al. 2019), without its bias from few sentences, and how sure it is.

The plain form rises towards 1 as sentences get fewer than hidden units, whatever the states. With the unbiased
estimator of HSIC (Song et al. 2012; Nguyen, Raghu and Kornblith 2021) unrelated states have 0 at any number. A
bootstrap would bring that bias back, for a sentence drawn twice is like itself, so the error comes from random halves
without repeats: the variance of an estimate on half the sentences about the one on all is the latter's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

#: Below this share of the plain one, an unbiased HSIC is rounding: the states do not differ.
_NOTHING = 1e-9


@dataclass(frozen=True)
class Cka:
    """``value`` is unbiased, ``error`` its standard error from halves, ``plain`` the form of Kornblith et al.

    NaN where the states of a side do not differ from sentence to sentence.
    """

    value: float
    error: float
    plain: float


def linear_cka(
    ours: Sequence[Float[Tensor, "sentence hidden"]],
    theirs: Float[Tensor, "sentence hidden"],
    halves: Float[Tensor, "half sentence"],
) -> list[Cka]:
    """CKA of each of ``ours`` with ``theirs``, all of the same sentences; at least 8, for halves need 4.

    ``halves`` are rows of 0 and 1. Gram matrices, so memory grows with the square of the sentences.
    """
    everything = torch.ones(1, len(theirs), dtype=torch.float64, device=theirs.device)
    right = _Side(theirs, everything, halves)
    found = []
    for states in ours:
        left = _Side(states, everything, halves)
        crossed = left.gram * right.gram
        plain = crossed.sum() + left.diagonal @ right.diagonal
        value = _ratio(_hsic(everything, crossed, left.whole, right.whole), left.own, right.own)
        half = _ratio(_hsic(halves, crossed.float(), left.half, right.half), left.half_own, right.half_own)
        found.append(
            Cka(
                float(value[0]),
                float(half.var(correction=1).sqrt()) if len(half) > 1 else float("nan"),
                float(plain / (left.plain * right.plain).sqrt()),
            )
        )
    return found


class _Side:
    """One side's Gram matrix, centred, its diagonal apart; and what of the statistic is its own alone."""

    def __init__(self, states: Tensor, everything: Tensor, halves: Tensor) -> None:
        states = states.double()
        states = states - states.mean(dim=0)
        gram = states @ states.T
        self.diagonal = gram.diagonal().clone()
        self.gram = gram.fill_diagonal_(0.0)
        squared = self.gram.square()
        self.plain = squared.sum() + self.diagonal @ self.diagonal
        self.whole = everything @ self.gram
        self.half = halves @ self.gram.float()
        own = _hsic(everything, squared, self.whole, self.whole)
        self.own = torch.where(own > _NOTHING * self.plain, own, torch.nan)
        self.half_own = _hsic(halves, squared.float(), self.half, self.half)


def _hsic(
    chosen: Float[Tensor, "subset sentence"],
    crossed: Float[Tensor, "sentence sentence"],
    left: Float[Tensor, "subset sentence"],
    right: Float[Tensor, "subset sentence"],
) -> Float[Tensor, " subset"]:
    """The unbiased HSIC on each subset of m sentences, times m(m - 3), which cancels in CKA.

    ``left`` and ``right`` are each sentence's sums over the subset.
    """
    size = chosen.sum(dim=1)
    left, right = left * chosen, right * chosen
    pairs = ((chosen @ crossed) * chosen).sum(dim=1)
    sums = left.sum(dim=1) * right.sum(dim=1) / ((size - 1) * (size - 2))
    return pairs + sums - 2 * (left * right).sum(dim=1) / (size - 2)


def _ratio(both: Tensor, left: Tensor, right: Tensor) -> Tensor:
    product = left * right
    return both / torch.where((left > 0) & (right > 0), product, torch.nan).sqrt()
