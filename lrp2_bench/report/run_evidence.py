"""All that a report says of a run beyond ``pairs.csv``, from its hits, which are read and resampled once.

What is kept is small (numbers of each pair, and the facts that the best pairs turn), so that the evidence of a hundred
runs can be held while their hits, some hundred megabytes while a run is looked at, cannot.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.settings import StatsSettings
from lrp2_bench.core.types import HIT, Hits, Interval, LayerPair
from lrp2_bench.metrics import hits as metrics
from lrp2_bench.metrics.registry import metric as named
from lrp2_bench.report.method import distinct, few_strengths
from lrp2_bench.results.choice import METRICS, measures, value
from lrp2_bench.results.runs import Run
from lrp2_bench.results.stored_hits import FactKey, StoredHits
from lrp2_bench.stats.assess import Assessed, assess
from lrp2_bench.stats.clusters import Clusters
from lrp2_bench.stats.fact_clusters import fact_clusters
from lrp2_bench.stats.resampled import Sampled


@dataclass(frozen=True)
class Measured:
    """One metric of a run. ``changes`` holds each pair's change against the baseline in points with its 95 % interval,
    paired by fact, as if the pair had been named beforehand; ``confidence_set`` the 95 % confidence set of best
    pairs."""

    changes: Mapping[LayerPair, Interval]
    confidence_set: frozenset[LayerPair]


@dataclass(frozen=True)
class Turned:
    """Facts that the baseline misses and the model under a pair hits (``gained``), and the other way round
    (``lost``), in the file's order; ``right`` are those of them that the pivot's baseline model gets right.
    ``relations`` has for each relation how many facts it has and how many of them the baseline hits."""

    gained: tuple[FactKey, ...]
    lost: tuple[FactKey, ...]
    right: frozenset[FactKey]
    relations: Mapping[str, tuple[int, int]]


@dataclass(frozen=True)
class Evidence:
    """``measured`` and ``assessed`` by metric: of every pair, and of the best one by that metric (missing where there
    is none). ``counts`` says how many facts each pair wins and loses; ``turned`` has the facts of the best pairs.
    ``by_strength`` is ``assessed`` once more, among the pairs at each of a few strengths that were searched. ``hits``
    has the baseline and all those best pairs, ``pivot`` what the pivot's baseline says of the same facts."""

    measured: Mapping[str, Measured]
    assessed: Mapping[str, Assessed]
    counts: Mapping[LayerPair, tuple[int, int]]
    turned: Mapping[LayerPair, Turned]
    hits: StoredHits
    pivot: StoredHits
    by_strength: Mapping[str, Mapping[str, Assessed]] = field(default_factory=dict)


def evidence_of(run: Run, stats: StatsSettings | None = None, select_by: str = METRICS[0]) -> Evidence:
    """From the hits beside ``pairs.csv``, by the paper's two metrics and by ``select_by``. Raises :class:`BenchError`
    where they are missing, damaged, or of another run than ``pairs.csv``.

    Of an ablation's pairs with the same states one is drawn and assessed, and says the same for the others.
    """
    hits = run.files.hits()
    pivot = run.files.pivot_hits(hits.facts)
    clusters = fact_clusters(run.files, hits.facts, (stats or StatsSettings()).cluster)
    names = measures(select_by)
    sampled = Sampled(distinct(run, hits), pivot, clusters, metric=named(select_by))
    drawn = _drawn(run, sampled)
    _require_same(run, hits, sampled, drawn, names)
    best = _best(run, names)
    parts = {each: run.at(each) for each in few_strengths([run])}
    all_best = {pair for part in (run, *parts.values()) for pair in _best(part, names).values()}
    return Evidence(
        measured={metric: _measured(sampled, metric, drawn, best.get(metric)) for metric in names},
        assessed={metric: assess(sampled, pair, metric) for metric, pair in best.items()},
        counts=_counts(sampled, drawn),
        turned={pair: _turned(hits, pivot, pair) for pair in dict.fromkeys(best.values())},
        hits=hits.only({None, *all_best}),
        pivot=StoredHits(hits.facts, (None,), pivot[None]),
        by_strength={each: _assessed_at(part, hits, pivot, clusters, select_by) for each, part in parts.items()},
    )


def _best(run: Run, names: Sequence[str]) -> dict[str, LayerPair]:
    return {name: row.pair for name in names if (row := run.best(name)) is not None and row.pair is not None}


def _assessed_at(run: Run, hits: StoredHits, pivot: Hits, clusters: Clusters, select_by: str) -> dict[str, Assessed]:
    """Of a ``run`` at one of its strengths, by metric."""
    own = hits.only({None, *(row.pair for row in run.pairs)})
    sampled = Sampled(distinct(run, own), pivot, clusters, metric=named(select_by))
    return {metric: assess(sampled, pair, metric) for metric, pair in _best(run, measures(select_by)).items()}


def _drawn(run: Run, sampled: Sampled) -> dict[LayerPair, LayerPair]:
    """The pair of ``sampled`` that says what each pair of ``run`` is worth; itself, but for ablations."""
    by_move = {run.stands_for(pair): pair for pair in sampled.pairs}
    return {
        row.pair: by_move[run.stands_for(row.pair)]
        for row in run.pairs
        if row.pair and run.stands_for(row.pair) in by_move
    }


def _require_same(
    run: Run, hits: StoredHits, sampled: Sampled, drawn: Mapping[LayerPair, LayerPair], names: Sequence[str]
) -> None:
    rows = {row.pair: row for row in (run.baseline, *run.pairs)}
    complete = metrics.fully_evaluated(hits.hits)
    if {setting for setting, whole in zip(hits.settings, complete, strict=True) if whole} != set(rows):
        raise _disagrees(run, "settings")
    place = {setting: number for number, setting in enumerate(sampled.settings)}
    for metric in names:
        stored = [value(row, metric) for row in rows.values()]
        counted = sampled.values[metric][[place[drawn[pair] if pair else None] for pair in rows]]
        if not np.allclose(counted, stored, atol=1e-5, equal_nan=True):
            raise _disagrees(run, metric)


def _measured(sampled: Sampled, metric: str, drawn: Mapping[LayerPair, LayerPair], best: LayerPair | None) -> Measured:
    if best is None:
        return Measured({}, frozenset())
    bounds = {setting: sampled.changes[metric].interval(row) for row, setting in enumerate(sampled.settings)}
    good = set(sampled.confidence_set(metric)) | {best}
    return Measured(
        {pair: bounds[one] for pair, one in drawn.items()},
        frozenset(pair for pair, one in drawn.items() if one in good),
    )


def _counts(sampled: Sampled, drawn: Mapping[LayerPair, LayerPair]) -> dict[LayerPair, tuple[int, int]]:
    baseline, *moved = sampled.hits == HIT
    counts = {pair: (int((row & ~baseline).sum()), int((baseline & ~row).sum()))
              for pair, row in zip(sampled.pairs, moved, strict=True)}  # fmt: skip
    return {pair: counts[one] for pair, one in drawn.items()}


def _turned(hits: StoredHits, pivot: Hits, pair: LayerPair) -> Turned:
    baseline, moved = (hits.hits[hits.settings.index(setting)] == HIT for setting in (None, pair))

    def facts(chosen: npt.NDArray[np.bool_]) -> tuple[FactKey, ...]:
        return tuple(hits.facts[fact] for fact in np.flatnonzero(chosen))

    turned = baseline != moved
    asked = Counter(relation for relation, _ in hits.facts)
    hit = Counter(relation for relation, _ in facts(baseline))
    return Turned(
        facts(turned & moved), facts(turned & baseline), frozenset(facts(turned & (pivot == HIT))),
        {relation: (count, hit[relation]) for relation, count in asked.items()},
    )  # fmt: skip


def _disagrees(run: Run, what: str) -> BenchError:
    return BenchError(
        f"'{run.folder / 'hits.parquet'}' and pairs.csv disagree in their {what}. "
        "Run the same `lrp2-bench search` again: both are regenerated from the stored hits."
    )
