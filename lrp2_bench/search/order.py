"""In which order a race looks at facts: seeded, and every beginning of it holds its share of every relation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lrp2_bench.search.task import Facts


def stratified_order(relations: Sequence[str], seed: int) -> Facts:
    """``[fact]``: all facts of ``relations`` ``[fact]``, drawn without regard to their place in the file.

    A relation's n facts come at random places within n equal steps of the way, so that the first share s of the order
    has s * n of them, give or take one.
    """
    rng = np.random.default_rng(seed)
    names = np.asarray(relations)
    key = np.empty(len(names))
    for name in dict.fromkeys(relations):
        places = np.flatnonzero(names == name)
        key[rng.permutation(places)] = (np.arange(len(places)) + rng.random(len(places))) / len(places)
    return np.argsort(key, kind="stable").astype(np.int64)


#: Facts of which a first rung has at least so many: on fewer, chance alone picks its leader.
FEWEST = 32


def rungs(facts: int, first: float) -> list[int]:
    """How many facts a pair has seen after each rung: the share ``first``, then twice as many each time, then all."""
    ends: list[int] = []
    share = max(first, FEWEST / facts) if facts else 1.0
    while share < 1.0:
        ends.append(max(1, round(facts * share)))
        share *= 2
    return sorted({*(end for end in ends if end < facts), facts})
