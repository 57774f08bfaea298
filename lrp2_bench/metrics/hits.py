"""Accuracy and transferability (paper, section 3.2): pure functions of hits, in percent."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lrp2_bench.core.types import HIT, NOT_EVALUATED, Hits

Percent = npt.NDArray[np.float64]


def fully_evaluated(hits: Hits) -> npt.NDArray[np.bool_]:
    """``[setting]``: settings in which no fact is left open. Only these may win a search."""
    complete: npt.NDArray[np.bool_] = (hits != NOT_EVALUATED).all(axis=1)
    return complete


def accuracy(hits: Hits) -> Percent:
    """``[setting]``: the share of facts hit, ``100 * |R_l| / |D_l|``; 0 where there are no facts."""
    facts = hits.shape[1]
    counts = (hits == HIT).sum(axis=1)
    return 100.0 * counts / facts if facts else np.zeros(hits.shape[0])


def transferability(hits: Hits, pivot_hits: npt.NDArray[np.int8]) -> Percent:
    """``[setting]``: Jaccard overlap with the pivot's baseline, ``100 * |R_l & R_p| / |R_l | R_p|``.

    ``pivot_hits`` is ``[fact]``, not evaluated (-1) where the pivot lacks the fact; those facts do not count.
    0 where neither side hits any.
    """
    shared = pivot_hits != NOT_EVALUATED
    ours, theirs = hits[:, shared] == HIT, pivot_hits[shared] == HIT
    both = (ours & theirs).sum(axis=1)
    either = (ours | theirs).sum(axis=1)
    return np.where(either > 0, 100.0 * both / np.maximum(either, 1), 0.0)
