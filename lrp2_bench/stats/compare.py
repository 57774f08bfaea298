"""Two runs of one language compared fact by fact: their baselines, and their best pairs.

Only the facts that both asked count, and the interval is that of a paired difference by clusters of facts; it does not
account for the choice of the best pairs, which was made on the same facts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.types import NOT_EVALUATED, Hits, Interval, LayerPair, Setting
from lrp2_bench.results.choice import METRICS
from lrp2_bench.results.runs import Run
from lrp2_bench.results.stored_hits import FactKey, StoredHits
from lrp2_bench.stats.fact_clusters import fact_clusters
from lrp2_bench.stats.paired_intervals import paired_runs


@dataclass(frozen=True)
class Difference:
    """A metric of both runs in percent, and the second's less the first's in points with its 95 % interval."""

    first: float
    second: float
    difference: Interval


@dataclass(frozen=True)
class Compared:
    """Over the ``facts`` that both runs asked. ``best`` are the pairs that are compared, None where either run has
    none. ``baseline`` and ``at_best`` have every metric by name; the latter is empty without two best pairs."""

    facts: int
    best: tuple[LayerPair, LayerPair] | None
    baseline: Mapping[str, Difference]
    at_best: Mapping[str, Difference]


def compare_runs(first: Run, second: Run, select_by: str, cluster: str = "auto") -> Compared:
    """``select_by`` chooses each run's best pair. Raises :class:`BenchError` where hits cannot be read, where they lack
    what ``pairs.csv`` counts, and where the runs have no fact in common."""
    ours, theirs = first.files.hits(), second.files.hits()
    known = set(theirs.facts)
    facts = [fact for fact in ours.facts if fact in known]
    if not facts:
        raise BenchError(f"'{first.folder}' and '{second.folder}' have no fact in common, so they cannot be compared.")
    pairs = [row.pair if (row := run.best(select_by)) else None for run in (first, second)]
    best = (pairs[0], pairs[1]) if pairs[0] and pairs[1] else None
    clusters = fact_clusters(first.files, facts, cluster)

    def differences(of_first: Setting, of_second: Setting) -> dict[str, Difference]:
        before, after = _row(first, ours, facts, of_first), _row(second, theirs, facts, of_second)
        pivots = first.files.pivot_hits(facts), second.files.pivot_hits(facts)
        return {
            name: Difference(*found)
            for name in METRICS
            if (found := paired_runs(before, after, pivots, clusters, name))
        }

    return Compared(len(facts), best, differences(None, None), differences(*best) if best else {})


def _row(run: Run, hits: StoredHits, facts: list[FactKey], setting: Setting) -> Hits:
    row = hits.by_fact(setting, facts)
    if (row == NOT_EVALUATED).any():
        raise BenchError(
            f"hits.parquet in '{run.folder}' has fewer hits than pairs.csv counts. Search again: both are regenerated."
        )
    return row
