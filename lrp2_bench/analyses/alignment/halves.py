"""Random halves of sentences, for the error of CKA."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lrp2_bench.stats.clusters import Clusters


def split_halves(clusters: Clusters, splits: int, seed: int = 0) -> npt.NDArray[np.bool_]:
    """``[split, sentence]``: the sentences of one half; the others are the other. A half holds whole clusters, of every
    size as many as the other, give or take one."""
    sizes = np.bincount(clusters.codes, minlength=clusters.count)
    rng = np.random.default_rng(seed)
    halves = np.empty((splits, clusters.count), dtype=bool)
    for half in halves:
        # Dealt out in turn, size by size: the odd cluster of one goes to the half that the last one left short.
        order = np.lexsort((rng.random(clusters.count), rng.permutation(sizes.max() + 1)[sizes]))
        half[order] = (np.arange(clusters.count) + rng.integers(2)) % 2 == 0
    return halves[:, clusters.codes]
