"""The pair that a new language would be given: the best on average over all the other languages, or none."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from lrp2_bench.core.types import Interval, LayerPair

#: Other languages below which their mean says nothing about one more.
FEWEST = 2


@dataclass(frozen=True)
class Transferred:
    """The pair that the other languages choose (None: no intervention), and what it changes in this one in points;
    that none changes nothing is no measurement, and has no interval."""

    pair: LayerPair | None
    gain: Interval


def leave_one_language_out(
    changes: Mapping[str, Mapping[LayerPair, Interval]], sign: float = 1.0
) -> dict[str, Transferred]:
    """By language, from its ``changes`` at every pair; ``sign`` is -1 for a metric of which less is better. Of pairs
    that all languages evaluated; the first of equals, no intervention before all. Empty with fewer than :data:`FEWEST`
    others. The other languages ask the same facts, so this speaks for new languages, not for new facts."""
    if len(changes) <= FEWEST:
        return {}
    shared = sorted(set.intersection(*(set(found) for found in changes.values())))
    if not shared:
        return {}
    values = np.array([[0.0, *(sign * found[pair].value for pair in shared)] for found in changes.values()])
    means = (values.sum(axis=0) - values) / (len(values) - 1)
    chosen = np.round(means, 9).argmax(axis=1)  # a sum's rounding is no difference
    return {
        language: Transferred(None, Interval(0.0, math.nan, math.nan)) if at == 0
        else Transferred(shared[at - 1], found[shared[at - 1]])
        for (language, found), at in zip(changes.items(), chosen.tolist(), strict=True)
    }  # fmt: skip
