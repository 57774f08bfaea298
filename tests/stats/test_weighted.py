"""Products of matrices give what counting facts gives, whatever the clusters."""

from __future__ import annotations

import numpy as np
import pytest

from lrp2_bench.metrics import hits as metrics
from lrp2_bench.stats.clusters import Clusters, clusters_of
from lrp2_bench.stats.weighted import ClusterSums, as_weights

RNG = np.random.default_rng(0)
HITS = (RNG.random((5, 90)) < 0.4).astype(np.int8)
PIVOT = RNG.integers(-1, 2, 90).astype(np.int8)


def some(kind: str) -> Clusters:
    labels = range(90) if kind == "fact" else RNG.integers(0, 20, 90)
    return clusters_of([str(label) for label in labels])


@pytest.mark.parametrize("kind", ["fact", "cluster"])
def test_a_weighting_is_that_of_facts_repeated_so_often(kind: str) -> None:
    clusters = some(kind)
    draws = clusters.draws(6)
    counts = ClusterSums(HITS, PIVOT, clusters)(as_weights(draws))
    for row, times in enumerate(draws):
        drawn = np.repeat(np.arange(90), times[clusters.codes])
        assert counts.measure("accuracy")[row] == pytest.approx(metrics.accuracy(HITS[:, drawn]))
        overlap = metrics.transferability(HITS[:, drawn], PIVOT[drawn])
        assert counts.measure("transferability")[row] == pytest.approx(overlap)


def test_folds_add_up_and_one_is_its_own_clusters() -> None:
    clusters = some("cluster")
    sums, fold = ClusterSums(HITS, PIVOT, clusters), clusters.folds(4, RNG)
    weights = as_weights(np.ones((1, clusters.count)))
    folds = sums.by_fold(weights, fold, 4)
    assert folds.summed(0).measure("accuracy")[0] == pytest.approx(sums(weights).measure("accuracy"))
    chosen = fold[clusters.codes] == 2
    overlap = metrics.transferability(HITS[:, chosen], PIVOT[chosen])
    assert folds.measure("transferability")[2, 0] == pytest.approx(overlap)


def test_what_does_not_fit_is_refused() -> None:
    clusters = some("fact")
    with pytest.raises(ValueError, match="shape"):
        ClusterSums(HITS, PIVOT[:5], clusters)
    with pytest.raises(ValueError, match="clusters are of"):
        ClusterSums(HITS, PIVOT, clusters.of(np.arange(5)))
    with pytest.raises(ValueError, match="leaves facts open"):
        ClusterSums(np.where(HITS == 1, -1, HITS).astype(np.int8), PIVOT, clusters)
