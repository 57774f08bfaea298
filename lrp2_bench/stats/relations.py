"""Transferability relation by relation, without and with LRP2 (the paper's Figures 6 and 7)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lrp2_bench.core.types import NOT_EVALUATED, Hits
from lrp2_bench.metrics import hits as metrics


@dataclass(frozen=True)
class RelationScore:
    """Transferability of one relation in percent over the ``shared`` facts that the pivot has too, baseline and at the
    language's best pair."""

    relation: str
    shared: int
    without: float
    lrp2: float


def score_relations(
    before: Hits, after: Hits, pivot_hits: npt.NDArray[np.int8], relations: Sequence[str]
) -> tuple[RelationScore, ...]:
    """All arguments are ``[fact]``. Relations in the order of their first fact; none without a shared fact."""
    names = np.asarray(relations)
    shared = pivot_hits != NOT_EVALUATED
    rows = np.stack([before, after])
    scores = []
    for relation in dict.fromkeys(names[shared].tolist()):
        of_it = shared & (names == relation)
        without, lrp2 = metrics.transferability(rows[:, of_it], pivot_hits[of_it])
        scores.append(RelationScore(relation, int(of_it.sum()), float(without), float(lrp2)))
    return tuple(scores)
