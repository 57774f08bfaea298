"""The halves that CKA's error comes from are fair, and hold whole clusters."""

from __future__ import annotations

import numpy as np
import pytest

from lrp2_bench.analyses.alignment.halves import split_halves
from lrp2_bench.stats.clusters import clusters_of

#: Clusters of 1 to 4 sentences, in mixed order.
LABELS = [f"{size} {number}" for size in (1, 2, 3, 4) for number in range(21) for _ in range(size)]
CLUSTERS = clusters_of([LABELS[at] for at in np.random.default_rng(0).permutation(len(LABELS))])


def test_halves_hold_whole_clusters_and_are_equal_within_every_size() -> None:
    sizes = np.bincount(CLUSTERS.codes)
    for half in split_halves(CLUSTERS, 50, 0):
        share = np.bincount(CLUSTERS.codes, weights=half) / sizes
        assert set(share) == {0.0, 1.0}
        assert abs(int(share.sum()) - int((1 - share).sum())) <= 1
        for size in set(sizes):
            assert abs(int(share[sizes == size].sum()) - int((1 - share[sizes == size]).sum())) <= 1


def test_every_fact_is_in_either_half_as_often_and_splits_differ() -> None:
    halves = split_halves(CLUSTERS, 2_000, 0)
    assert halves.mean(axis=0) == pytest.approx(0.5, abs=0.06)
    assert len({half.tobytes() for half in halves[:20]}) == 20
    apart = [at for at in range(1, 60) if CLUSTERS.codes[at] != CLUSTERS.codes[0]]
    together = [(halves[:, 0] == halves[:, at]).mean() for at in (apart[0], apart[-1])]
    assert together == pytest.approx([0.5, 0.5], abs=0.06)


def test_the_seed_decides_the_halves() -> None:
    first, again, other = (split_halves(CLUSTERS, 3, seed) for seed in (0, 0, 1))
    assert (first == again).all() and (first != other).any()
