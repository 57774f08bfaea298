"""Search tasks whose answers are known: hits drawn with a planted best pair, and oracles that count and die."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lrp2_bench.core.types import NOT_EVALUATED, Hits, LayerPair, Setting, all_pairs
from lrp2_bench.metrics.registry import metric as metric_named
from lrp2_bench.search.task import Facts, Task


class Oracle:
    """Answers from ``hits``; counts how often each cell was asked, and fails before call number ``dies``."""

    def __init__(self, hits: Hits, blocks: int, dies: int | None = None) -> None:
        self.hits, self.dies = hits, dies
        self._row = {setting: row for row, setting in enumerate((None, *all_pairs(blocks)))}
        self.asked = np.zeros_like(hits, dtype=np.int64)
        self.calls: list[tuple[tuple[Setting, ...], int]] = []

    def __call__(self, settings: Sequence[Setting], facts: Facts) -> Hits:
        if self.dies is not None and len(self.calls) == self.dies:
            raise KeyboardInterrupt
        self.calls.append((tuple(settings), len(facts)))
        cells = np.array([self._row[setting] for setting in settings])[:, None], facts
        self.asked[cells] += 1
        found: Hits = self.hits[cells]
        return found


def planted(
    blocks: int = 6,
    facts: int = 400,
    *,
    best: LayerPair | None = None,
    gap: float = 0.05,
    metric: str = "accuracy",
    seed: int = 0,
    flip: float = 0.04,
) -> tuple[Task, Oracle]:
    """A baseline that hits half of the facts; every pair differs from it on a share ``flip`` of facts, as often for
    the better as for the worse, and all pairs but ``best`` lose a further share ``gap``. Three relations, a tenth of
    the facts unknown to the pivot."""
    rng = np.random.default_rng(seed)
    pairs = all_pairs(blocks)
    base = rng.random(facts) < 0.5
    hits = np.tile(base, (1 + len(pairs), 1))
    for row, pair in enumerate(pairs, start=1):
        flipped = rng.random(facts) < flip
        hits[row] = np.where(flipped, rng.random(facts) < 0.5, base)
        if best is not None and pair != best:
            hits[row] &= rng.random(facts) >= gap / 0.5
    pivot = np.where(rng.random(facts) < 0.1, NOT_EVALUATED, base | (rng.random(facts) < 0.3)).astype(np.int8)
    relations = tuple(("P17", "P30", "P36")[at % 7 % 3] for at in range(facts))
    oracle = Oracle(hits.astype(np.int8), blocks)
    return Task(blocks, relations, pivot, metric_named(metric), oracle), oracle
