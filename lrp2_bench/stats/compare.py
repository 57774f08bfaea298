"""Two runs of one language compared fact by fact: their baselines, and their best pairs.

Only the facts that both asked count, and the interval is that of a paired difference by clusters of facts; it does not
account for the choice of the best pairs, which was made on the same facts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.types import NOT_EVALUATED, Hits, Interval, LayerPair, Setting
from lrp2_bench.results.choice import METRICS
from lrp2_bench.results.runs import Run
from lrp2_bench.results.stored_hits import FactKey, StoredHits
from lrp2_bench.stats.across_languages import Estimate
from lrp2_bench.stats.clusters import Clusters
from lrp2_bench.stats.fact_clusters import fact_clusters
from lrp2_bench.stats.paired_intervals import fact_influence, facts_of_runs, paired_runs
from lrp2_bench.stats.weighted import Floats, Weights


@dataclass(frozen=True)
class Difference:
    """A metric of both runs in percent, and the second's less the first's in points with its 95 % interval;
    ``resamples`` ``[resample]`` of it, to first order, by draws of clusters that all languages share; one fact is worth
    ``unit`` points."""

    first: float
    second: float
    difference: Interval
    resamples: Floats = field(compare=False)
    unit: float = field(compare=False)

    @property
    def estimate(self) -> Estimate:
        """For means over languages."""
        return Estimate(self.difference.value, self.resamples, self.unit)


@dataclass(frozen=True)
class Compared:
    """Over the ``facts`` that both runs asked. ``best`` are the pairs that are compared, None where either run has
    none. ``baseline`` and ``at_best`` have every metric by name; the latter is empty without two best pairs."""

    facts: int
    best: tuple[LayerPair, LayerPair] | None
    baseline: Mapping[str, Difference]
    at_best: Mapping[str, Difference]


@dataclass(frozen=True)
class Levels:
    """What of a run is compared: whether the baseline and the best pair (None where there is none) hit its facts, and
    the pivot its own."""

    run: Run
    hits: StoredHits
    best: LayerPair | None
    pivot: StoredHits


def levels_of(run: Run, select_by: str) -> Levels:
    """``select_by`` chooses the run's best pair. Raises :class:`BenchError` where hits cannot be read."""
    row = run.best(select_by)
    best = row.pair if row else None
    return Levels(run, run.files.hits().only({None, best}), best, run.files.stored_pivot_hits())


def compare_runs(first: Run, second: Run, select_by: str, cluster: str = "auto") -> Compared:
    """As :func:`compare_levels`, of two runs."""
    return compare_levels(levels_of(first, select_by), levels_of(second, select_by), cluster)


def compare_levels(first: Levels, second: Levels, cluster: str = "auto") -> Compared:
    """Over the facts that both asked. Raises :class:`BenchError` where hits lack what ``pairs.csv`` counts, and where
    the runs have no fact in common."""
    known = set(second.hits.facts)
    facts = [fact for fact in first.hits.facts if fact in known]
    if not facts:
        raise BenchError(
            f"'{first.run.folder}' and '{second.run.folder}' have no fact in common, so they cannot be compared."
        )
    best = (first.best, second.best) if first.best and second.best else None
    clusters = fact_clusters(first.run.files, facts, cluster)
    pivots = first.pivot.by_fact(None, facts), second.pivot.by_fact(None, facts)

    def found(of_first: Setting, of_second: Setting) -> dict[str, Difference]:
        return differences((_row(first, facts, of_first), _row(second, facts, of_second)), pivots, clusters)

    return Compared(len(facts), best, found(None, None), found(*best) if best else {})


def differences(rows: tuple[Hits, Hits], pivots: tuple[Hits, Hits], clusters: Clusters) -> dict[str, Difference]:
    """By metric, of the hits ``[fact]`` of two runs and of the pivot in each."""
    (before, after), found = rows, {}
    of_facts = [
        fact_influence(after, pivots[1], name)[1] - fact_influence(before, pivots[0], name)[1] for name in METRICS
    ]
    drawn = _centred(clusters.labels) @ clusters.sums(np.stack(of_facts, axis=1))
    for place, name in enumerate(METRICS):
        one, other, difference = paired_runs(before, after, pivots, clusters, name)
        samples = difference.value + drawn[:, place].astype(np.float64)
        unit = 100.0 / max(1, facts_of_runs(before, after, pivots, name))
        found[name] = Difference(one, other, difference, samples, unit)
    return found


@lru_cache(maxsize=2)
def _centred(labels: tuple[str, ...]) -> Weights:
    """``[resample, cluster]``: by how much more often than once each is drawn; the same for all pairs of a language."""
    clusters = Clusters(np.arange(len(labels)), labels)
    return clusters.draws().astype(np.float32) - 1.0


def _row(of: Levels, facts: list[FactKey], setting: Setting) -> Hits:
    row = of.hits.by_fact(setting, facts)
    if (row == NOT_EVALUATED).any():
        raise BenchError(
            f"hits.parquet in '{of.run.folder}' has fewer hits than pairs.csv counts. Search again: both are "
            "regenerated."
        )
    return row
