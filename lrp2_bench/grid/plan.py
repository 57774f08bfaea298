"""Which blocks run for a set of layer pairs, once everything they share is run once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.types import LayerPair


@dataclass(frozen=True)
class GridPlan:
    """``settings[0]`` of an engine run is the baseline (if ``baseline``), then ``pairs`` in (lirp, lsrp) order.

    The baseline states up to block i serve every pair with lirp i; the run after LIRP at i serves every lsrp.
    """

    blocks: int
    pairs: tuple[LayerPair, ...]
    baseline: bool

    @property
    def settings(self) -> tuple[LayerPair | None, ...]:
        return ((None,) if self.baseline else ()) + self.pairs

    @property
    def branches(self) -> dict[int, tuple[int, ...]]:
        """lirp -> its lsrps, both ascending."""
        branches: dict[int, list[int]] = defaultdict(list)
        for pair in self.pairs:
            branches[pair.lirp].append(pair.lsrp)
        return {lirp: tuple(lsrps) for lirp, lsrps in branches.items()}

    @property
    def block_runs(self) -> int:
        """Blocks run per query: ``L + sum_i (L - i) + C(L, 3)`` for every pair with the baseline."""
        trunk = self.blocks if self.baseline else max(self.branches, default=0)
        after_lirp = sum(lsrps[-1] - lirp for lirp, lsrps in self.branches.items())
        after_lsrp = sum(self.blocks - pair.lsrp for pair in self.pairs)
        return trunk + after_lirp + after_lsrp

    @property
    def naive_block_runs(self) -> int:
        """Blocks run per query by one full forward pass per setting."""
        return len(self.settings) * self.blocks


def plan_grid(blocks: int, pairs: Sequence[LayerPair], *, baseline: bool = True) -> GridPlan:
    """Plan ``pairs`` (any set of a model's) and, unless switched off, the baseline."""
    for pair in pairs:
        if pair.lsrp > blocks:
            raise BenchError(
                f"Layer pair {pair} is out of range: the model has {blocks} blocks, so 1 <= lirp < lsrp <= {blocks}."
            )
    if not pairs and not baseline:
        raise BenchError("There is nothing to evaluate: no layer pairs and no baseline.")
    return GridPlan(blocks, tuple(sorted(set(pairs))), baseline)
