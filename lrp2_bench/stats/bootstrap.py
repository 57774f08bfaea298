"""Bootstrap resamples of any metric, by clusters of facts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lrp2_bench.metrics.base import FactHits, Metric
from lrp2_bench.metrics.registry import PAPER
from lrp2_bench.stats.clusters import RESAMPLES, SEED, Clusters
from lrp2_bench.stats.weighted import ClusterSums, Floats, as_weights, check_same_facts

#: The bounds' percentiles: 95 % of the resamples lie between them.
PERCENTILES = (2.5, 97.5)


@dataclass(frozen=True)
class Resampled:
    """A measure of every setting: ``value`` ``[setting]`` over the facts themselves, ``samples``
    ``[setting, resample]`` over those resampled. NaN over no facts."""

    value: Floats
    samples: Floats


def resample_metric(
    metric: Metric, data: FactHits, clusters: Clusters, resamples: int = RESAMPLES, seed: int = SEED
) -> Resampled:
    """Any metric, by ``clusters`` of facts: products of matrices for the paper's two, else one computation a resample.

    Raises ValueError where a setting leaves a fact open.
    """
    check_same_facts(data.hits, data.pivot, clusters)
    draws = clusters.draws(resamples, seed)
    if not data.relations:
        return Resampled(np.full(len(data.hits), np.nan), np.full((len(data.hits), resamples), np.nan))
    if metric.name in PAPER:
        counts = ClusterSums(data.hits, data.pivot, clusters)(as_weights(draws))
        return Resampled(metric.values(data), counts.measure(metric.name).T)
    samples = np.empty((len(data.hits), resamples))
    for row, counts_of in enumerate(draws):
        drawn = np.repeat(np.arange(len(data.relations)), counts_of[clusters.codes])
        samples[:, row] = metric.values(data.of(drawn))
    return Resampled(metric.values(data), samples)
