"""What is known of a run beyond ``pairs.csv``: intervals, pairs as good as the best, facts won and lost."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lrp2_bench import metrics
from lrp2_bench.analysis.as_good import as_good_as_best
from lrp2_bench.analysis.bootstrap import Resampled, resample_measures
from lrp2_bench.analysis.weighted import Floats
from lrp2_bench.errors import BenchError
from lrp2_bench.grid.stored import FactKey, StoredHits, read_hits
from lrp2_bench.report.runs import METRICS, Run, value
from lrp2_bench.types import HIT, MISS, Hits, LayerPair

Bounds = tuple[float, float]
Counts = npt.NDArray[np.int64]

#: Which pairs are statistically as good as the best one: ``[pair]`` from a metric's values ``[pair]`` and its resamples
#: ``[pair, resample]``, the same draws for all pairs.
AsGood = Callable[[Floats, Floats], npt.NDArray[np.bool_]]


@dataclass(frozen=True)
class Measured:
    """One metric of a run. ``changes`` holds each pair's 95 % bounds of the change against the untouched model in
    points, paired by fact; ``as_good`` the pairs that the facts cannot tell from the best."""

    changes: Mapping[LayerPair, Bounds]
    as_good: frozenset[LayerPair]


@dataclass(frozen=True)
class Evidence:
    """``measured`` by metric. ``hits`` are the run's own, ``pivot`` ``[fact]`` those of the pivot's untouched model
    on the same facts, -1 where it lacks one."""

    measured: Mapping[str, Measured]
    hits: StoredHits
    pivot: Hits

    def counts(self, pairs: Sequence[LayerPair | None]) -> tuple[Counts, Counts]:
        """``[pair]``: how many facts each of the run's ``pairs`` wins and loses."""
        rows = {setting: row for row, setting in enumerate(self.hits.settings)}
        untouched, moved = self.hits.hits[rows[None]], self.hits.hits[[rows[pair] for pair in pairs]]
        won = ((untouched == MISS) & (moved == HIT)).sum(axis=1)
        lost = ((untouched == HIT) & (moved == MISS)).sum(axis=1)
        return won, lost

    def won(self, pair: LayerPair) -> list[FactKey]:
        """Facts that the untouched model misses and the model under ``pair`` hits, in the file's order."""
        return self._turned(pair, MISS, HIT)

    def lost(self, pair: LayerPair) -> list[FactKey]:
        """Facts that the untouched model hits and the model under ``pair`` misses."""
        return self._turned(pair, HIT, MISS)

    def _turned(self, pair: LayerPair, before: int, after: int) -> list[FactKey]:
        untouched, moved = self.hits.row(None), self.hits.row(pair)
        if untouched is None or moved is None:
            return []
        return [self.hits.facts[fact] for fact in np.flatnonzero((untouched == before) & (moved == after))]


#: Reads a run's evidence; raises :class:`BenchError` where there is none. A report may bring its own.
Witness = Callable[[Run], Evidence]


def evidence_of(run: Run, as_good: AsGood = as_good_as_best) -> Evidence:
    """From the hits beside ``pairs.csv``. Raises :class:`BenchError` where they are missing, damaged, or of another
    run than ``pairs.csv``."""
    hits = read_hits(run.folder / "hits.parquet")
    pivot = read_hits(run.folder / "pivot_hits.parquet").by_fact(None, hits.facts)
    whole = metrics.fully_evaluated(hits.hits)
    settings = [setting for setting, kept in zip(hits.settings, whole, strict=True) if kept]
    rows = {row.pair: row for row in (run.baseline, *run.pairs)}
    if set(settings) != set(rows):
        raise _disagrees(run, "settings")
    resampled = dict(zip(METRICS, resample_measures(hits.hits[whole], pivot, hits.relations), strict=True))
    for metric, measure in resampled.items():
        stored = [value(rows[setting], metric) for setting in settings]
        if not np.allclose(measure.value, stored, atol=1e-5, equal_nan=True):
            raise _disagrees(run, metric)
    measured = {metric: _measured(run, metric, settings, measure, as_good) for metric, measure in resampled.items()}
    return Evidence(measured, hits, pivot)


def _measured(run: Run, metric: str, settings: list[LayerPair | None], measure: Resampled, as_good: AsGood) -> Measured:
    best = run.best(metric)
    if best is None or best.pair is None:
        return Measured({}, frozenset())
    bounds = measure.changes()[:, 1:].tolist()
    pairs = [row for row, setting in enumerate(settings) if setting]
    alike = as_good(measure.value[pairs], measure.samples[pairs])
    return Measured(
        {setting: (low, high) for setting, (low, high) in zip(settings, bounds, strict=True) if setting},
        frozenset(pair for row, one in zip(pairs, alike, strict=True) if one and (pair := settings[row])) | {best.pair},
    )


def _disagrees(run: Run, what: str) -> BenchError:
    return BenchError(
        f"'{run.folder / 'hits.parquet'}' and pairs.csv disagree in their {what}. "
        "Run the same `lrp2-bench search` again: both are written anew from the stored hits."
    )
