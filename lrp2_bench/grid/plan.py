"""Which blocks run for a set of layer pairs, once everything they share is run once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.types import LayerPair

#: In the place of a strength that a pair does not name; 0 is one, of the way back.
UNNAMED = -1.0


class Entry(NamedTuple):
    """What pairs that share the run behind their LIRP layer have in common."""

    layer: int
    strength: float
    back: float


def entry_of(pair: LayerPair, uses_back: bool) -> Entry:
    """``uses_back``: the edit's ``before_leaving_uses_back``."""
    return Entry(pair.lirp, or_unnamed(pair.strength), or_unnamed(pair.back) if uses_back else UNNAMED)


def or_unnamed(strength: float | None) -> float:
    return UNNAMED if strength is None else strength


@dataclass(frozen=True)
class GridPlan:
    """``settings[0]`` of an engine run is the baseline (if ``baseline``), then ``pairs`` in order.

    The baseline states up to block i serve every pair with lirp i; the run after LIRP at i serves every lsrp, and every
    strength of the way back unless the edit ``uses_back`` before it leaves.
    """

    blocks: int
    pairs: tuple[LayerPair, ...]
    baseline: bool
    uses_back: bool = False

    @property
    def settings(self) -> tuple[LayerPair | None, ...]:
        return ((None,) if self.baseline else ()) + self.pairs

    @cached_property
    def branches(self) -> dict[Entry, tuple[int, ...]]:
        """Entry -> its lsrps, both ascending."""
        branches: dict[Entry, set[int]] = defaultdict(set)
        for pair in self.pairs:
            branches[entry_of(pair, self.uses_back)].add(pair.lsrp)
        return {entry: tuple(sorted(lsrps)) for entry, lsrps in sorted(branches.items())}

    @property
    def block_runs(self) -> int:
        """Blocks run per query: ``L + sum_i (L - i) + C(L, 3)`` for every pair with the baseline."""
        trunk = self.blocks if self.baseline else max((entry.layer for entry in self.branches), default=0)
        after_lirp = sum(lsrps[-1] - entry.layer for entry, lsrps in self.branches.items())
        after_lsrp = sum(self.blocks - pair.lsrp for pair in self.pairs)
        return trunk + after_lirp + after_lsrp

    @property
    def final_runs(self) -> int:
        """How many of those are of the last block: pairs that leave behind it may differ in how strongly alone."""
        left = sum(pair.lsrp < self.blocks for pair in self.pairs)
        return self.baseline + left + sum(lsrps[-1] == self.blocks for lsrps in self.branches.values())

    @property
    def naive_block_runs(self) -> int:
        """Blocks run per query by one full forward pass per setting."""
        return len(self.settings) * self.blocks


def plan_grid(blocks: int, pairs: Sequence[LayerPair], *, baseline: bool = True, uses_back: bool = False) -> GridPlan:
    """Plan ``pairs`` (any set of a model's) and, unless switched off, the baseline."""
    for pair in pairs:
        if pair.lsrp > blocks:
            raise BenchError(
                f"Layer pair {pair} is out of range: the model has {blocks} blocks, so 1 <= lirp < lsrp <= {blocks}."
            )
    if not pairs and not baseline:
        raise BenchError("There is nothing to evaluate: no layer pairs and no baseline.")
    return GridPlan(blocks, tuple(sorted(set(pairs))), baseline, uses_back)
