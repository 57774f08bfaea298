"""How many blocks a whole grid runs: what the formula says, and what the paper's models take."""

from __future__ import annotations

from math import comb

import pytest

from lrp2_bench.core.types import all_pairs
from lrp2_bench.grid.plan import plan_grid


@pytest.mark.parametrize("blocks", [2, 4, 12, 24])
def test_the_whole_grid_costs_what_the_formula_says(blocks: int) -> None:
    plan = plan_grid(blocks, all_pairs(blocks))
    assert plan.block_runs == blocks + sum(blocks - i for i in range(1, blocks)) + comb(blocks, 3)
    assert plan.naive_block_runs == (1 + blocks * (blocks - 1) // 2) * blocks


def test_the_formula_gives_the_published_counts() -> None:
    assert plan_grid(12, all_pairs(12)).block_runs == 298
    assert plan_grid(24, all_pairs(24)).block_runs == 2324
