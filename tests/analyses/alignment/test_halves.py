"""The halves that CKA's error comes from are fair."""

from __future__ import annotations

import numpy as np
import pytest

from lrp2_bench.analyses.alignment.halves import split_halves

GROUPS = ["P36"] * 41 + ["P30"] * 30 + ["P17"] + ["P37"] * 7 + ["P36"] * 12


def test_halves_are_equal_within_every_group_and_all_in_all() -> None:
    for half in split_halves(GROUPS, 50, 0):
        assert abs(int(half.sum()) - int((~half).sum())) <= 1
        for group in set(GROUPS):
            of_it = np.array(GROUPS) == group
            assert abs(int(half[of_it].sum()) - int((~half)[of_it].sum())) <= 1


def test_every_fact_is_in_either_half_as_often_and_splits_differ() -> None:
    halves = split_halves(GROUPS, 2_000, 0)
    assert halves.mean(axis=0) == pytest.approx(0.5, abs=0.06)
    assert len({half.tobytes() for half in halves[:20]}) == 20
    together = [(halves[:, 0] == halves[:, at]).mean() for at in (1, 50)]
    assert together == pytest.approx([0.5, 0.5], abs=0.06)


def test_the_seed_decides_the_halves() -> None:
    first, again, other = (split_halves(GROUPS, 3, seed) for seed in (0, 0, 1))
    assert (first == again).all() and (first != other).any()
