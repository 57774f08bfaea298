"""All that a report says of a run beyond ``pairs.csv``, from its hits, which are read and drawn anew once.

What is kept is small (numbers of each pair, and the facts that the best pairs turn), so that the evidence of a hundred
runs can be held while their hits, some hundred megabytes while a run is looked at, cannot.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lrp2_bench.analysis.judge import Judged, judge
from lrp2_bench.analysis.sampled import Sampled
from lrp2_bench.errors import BenchError
from lrp2_bench.grid.stored import FactKey, StoredHits, read_hits
from lrp2_bench.report.runs import METRICS, Run, value
from lrp2_bench.types import HIT, Hits, LayerPair

Bounds = tuple[float, float]


@dataclass(frozen=True)
class Measured:
    """One metric of a run. ``changes`` holds each pair's 95 % bounds of the change against the untouched model in
    points, paired by fact; ``as_good`` the pairs that the facts cannot tell from the best."""

    changes: Mapping[LayerPair, Bounds]
    as_good: frozenset[LayerPair]


@dataclass(frozen=True)
class Turned:
    """Facts that the untouched model misses and the model under a pair hits (``won``), and the other way round
    (``lost``), in the file's order; ``right`` are those of them that the pivot's untouched model gets right."""

    won: tuple[FactKey, ...]
    lost: tuple[FactKey, ...]
    right: frozenset[FactKey]


@dataclass(frozen=True)
class Evidence:
    """``measured`` and ``judged`` by metric: of every pair, and of the best one by that metric (missing where there is
    none). ``counts`` says how many facts each pair wins and loses; ``turned`` has the facts of the best pairs."""

    measured: Mapping[str, Measured]
    judged: Mapping[str, Judged]
    counts: Mapping[LayerPair, tuple[int, int]]
    turned: Mapping[LayerPair, Turned]


def evidence_of(run: Run) -> Evidence:
    """From the hits beside ``pairs.csv``. Raises :class:`BenchError` where they are missing, damaged, or of another
    run than ``pairs.csv``."""
    hits = read_hits(run.folder / "hits.parquet")
    pivot = read_hits(run.folder / "pivot_hits.parquet").by_fact(None, hits.facts)
    sampled = Sampled(hits, pivot)
    _require_same(run, sampled)
    best = {metric: row.pair for metric in METRICS if (row := run.best(metric)) is not None and row.pair is not None}
    return Evidence(
        measured={metric: _measured(sampled, metric, best.get(metric)) for metric in METRICS},
        judged={metric: judge(sampled, pair, metric) for metric, pair in best.items()},
        counts=_counts(sampled),
        turned={pair: _turned(hits, pivot, pair) for pair in dict.fromkeys(best.values())},
    )


def _require_same(run: Run, sampled: Sampled) -> None:
    rows = {row.pair: row for row in (run.baseline, *run.pairs)}
    if set(sampled.settings) != set(rows):
        raise _disagrees(run, "settings")
    for metric in METRICS:
        stored = [value(rows[setting], metric) for setting in sampled.settings]
        if not np.allclose(sampled.measures[metric].value, stored, atol=1e-5, equal_nan=True):
            raise _disagrees(run, metric)


def _measured(sampled: Sampled, metric: str, best: LayerPair | None) -> Measured:
    if best is None:
        return Measured({}, frozenset())
    bounds = sampled.measures[metric].changes()[:, 1:].tolist()
    return Measured(
        {setting: (low, high) for setting, (low, high) in zip(sampled.settings, bounds, strict=True) if setting},
        frozenset(sampled.as_good(metric)) | {best},
    )


def _counts(sampled: Sampled) -> dict[LayerPair, tuple[int, int]]:
    untouched, *moved = sampled.hits == HIT
    return {pair: (int((row & ~untouched).sum()), int((untouched & ~row).sum()))
            for pair, row in zip(sampled.pairs, moved, strict=True)}  # fmt: skip


def _turned(hits: StoredHits, pivot: Hits, pair: LayerPair) -> Turned:
    untouched, moved = (hits.hits[hits.settings.index(setting)] == HIT for setting in (None, pair))

    def facts(chosen: npt.NDArray[np.bool_]) -> tuple[FactKey, ...]:
        return tuple(hits.facts[fact] for fact in np.flatnonzero(chosen))

    turned = untouched != moved
    return Turned(facts(turned & moved), facts(turned & untouched), frozenset(facts(turned & (pivot == HIT))))


def _disagrees(run: Run, what: str) -> BenchError:
    return BenchError(
        f"'{run.folder / 'hits.parquet'}' and pairs.csv disagree in their {what}. "
        "Run the same `lrp2-bench search` again: both are written anew from the stored hits."
    )
