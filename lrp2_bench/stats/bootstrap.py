"""Bootstrap resamples of any metric, by clusters of facts; and of sentences, within groups."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from lrp2_bench.metrics.base import FactHits, Metric
from lrp2_bench.metrics.registry import PAPER
from lrp2_bench.stats.clusters import RESAMPLES, SEED, Clusters
from lrp2_bench.stats.weighted import ClusterSums, Floats, Weights, as_weights, check_same_facts

#: The bounds' percentiles: 95 % of the resamples lie between them.
PERCENTILES = (2.5, 97.5)

#: Weights are held for this many resamples at a time. It does not change what is drawn.
_CHUNK = 128


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


def resample_weights(relations: Sequence[str], resamples: int, seed: int) -> Iterator[tuple[int, Weights]]:
    """The first resample's number and how often each fact was drawn in it and those after it, chunk by chunk."""
    _, group, sizes = np.unique(np.asarray(relations), return_inverse=True, return_counts=True)
    by_group = np.argsort(group, kind="stable")
    size = sizes[group][by_group]
    first = (np.cumsum(sizes) - sizes)[group][by_group]
    facts = len(group)
    rng = np.random.default_rng(seed)
    for start in range(0, resamples, _CHUNK):
        rows = min(_CHUNK, resamples - start)
        drawn = by_group[first + rng.integers(size, size=(rows, facts))]
        drawn += facts * np.arange(rows)[:, None]
        counts = np.bincount(drawn.reshape(-1), minlength=rows * facts)
        yield start, as_weights(counts.reshape(rows, facts))
