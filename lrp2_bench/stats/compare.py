"""Two runs of one language compared fact by fact: their baselines, and their best pairs.

Only the facts that both asked count. Each resample draws the same facts for both runs, so that the interval is that of
a paired difference; it does not account for the choice of the best pairs, which was made on the same facts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.types import NOT_EVALUATED, Hits, Interval, LayerPair, Setting
from lrp2_bench.results.choice import METRICS
from lrp2_bench.results.runs import Run
from lrp2_bench.results.stored_hits import FactKey, StoredHits
from lrp2_bench.stats.bootstrap import PERCENTILES, Resampled, resample_measures


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


def compare_runs(first: Run, second: Run, select_by: str) -> Compared:
    """``select_by`` chooses each run's best pair. Raises :class:`BenchError` where hits cannot be read, where they lack
    what ``pairs.csv`` counts, and where the runs have no fact in common."""
    ours, theirs = first.files.hits(), second.files.hits()
    known = set(theirs.facts)
    facts = [fact for fact in ours.facts if fact in known]
    if not facts:
        raise BenchError(f"'{first.folder}' and '{second.folder}' have no fact in common, so they cannot be compared.")
    pairs = [row.pair if (row := run.best(select_by)) else None for run in (first, second)]
    best = (pairs[0], pairs[1]) if pairs[0] and pairs[1] else None
    before = _measured(first, ours, facts, best and best[0])
    after = _measured(second, theirs, facts, best and best[1])
    baseline = {metric: _difference(before[metric], after[metric], 0) for metric in METRICS}
    at_best = {metric: _difference(before[metric], after[metric], 1) for metric in METRICS} if best else {}
    return Compared(len(facts), best, baseline, at_best)


def _measured(run: Run, hits: StoredHits, facts: list[FactKey], best: Setting) -> dict[str, Resampled]:
    """Row 0 is the baseline, row 1 the best pair if there is one."""
    settings = (None, best) if best else (None,)
    rows: Hits = np.stack([hits.by_fact(setting, facts) for setting in settings])
    if (rows == NOT_EVALUATED).any():
        raise BenchError(
            f"hits.parquet in '{run.folder}' has fewer hits than pairs.csv counts. Search again: both are regenerated."
        )
    found = resample_measures(rows, run.files.pivot_hits(facts), [relation for relation, _ in facts])
    return dict(zip(METRICS, found, strict=True))


def _difference(first: Resampled, second: Resampled, row: int) -> Difference:
    value = float(second.value[row] - first.value[row])
    low, high = np.percentile(second.samples[row] - first.samples[row], PERCENTILES)
    return Difference(float(first.value[row]), float(second.value[row]), Interval(value, float(low), float(high)))
