"""What a search would have found and cost on a grid that is already there: strategies replayed on stored hits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.types import NOT_EVALUATED, Hits, LayerPair, Setting, all_pairs
from lrp2_bench.metrics.base import Metric
from lrp2_bench.results.stored_hits import StoredHits
from lrp2_bench.search.task import Facts, Found, StandsFor, Task, best_of, itself
from lrp2_bench.stats.bootstrap import resample_metric
from lrp2_bench.stats.clusters import Clusters, clusters_of
from lrp2_bench.stats.confidence_set import confidence_set_of_best

Strategy = Callable[[Task], Found]


@dataclass(frozen=True)
class Truth:
    """The exhaustive grid of one (model, dataset, language): ``scores`` ``[pair]`` in percent, and ``confidence_set``
    ``[pair]``, which pairs are in the 95 % confidence set."""

    task: Task
    scores: npt.NDArray[np.float64]
    confidence_set: npt.NDArray[np.bool_]

    @property
    def best(self) -> LayerPair:
        """The first of the best."""
        return self.task.pairs[int(self.task.metric.merit(self.scores).argmax())]


@dataclass(frozen=True)
class Replay:
    """What a strategy found. ``regret``: points below the exhaustive best; ``confidence_set``: in the 95 % set of best
    pairs; ``share``: block runs relative to the exhaustive grid's; ``pairs`` have seen every fact."""

    pair: LayerPair
    regret: float
    confidence_set: bool
    pairs: int
    cells: int
    share: float


def truth(
    stored: StoredHits,
    pivot: StoredHits,
    blocks: int,
    metric: Metric,
    stands_for: StandsFor = itself,
    clusters: Clusters | None = None,
) -> Truth:
    """The grid in ``hits.parquet`` and ``pivot_hits.parquet``, of pairs that differ (``stands_for``); each fact is a
    cluster without ``clusters``.

    Raises :class:`BenchError` where a cell is open.
    """
    strengths = strengths_of(stored)
    pairs = (pair.at(*each) for pair in all_pairs(blocks) for each in strengths or ((None, None),))
    settings: tuple[Setting, ...] = (None, *pairs)
    row = {setting: number for number, setting in enumerate(stored.settings)}
    missing = [setting for setting in settings if setting not in row]
    if missing or (stored.hits == NOT_EVALUATED).any():
        raise BenchError("its grid is incomplete: run the same `lrp2-bench search` with search=grid")
    hits: Hits = stored.hits[[row[setting] for setting in settings]]
    of = {setting: number for number, setting in enumerate(settings)}

    def look_up(wanted: Sequence[Setting], facts: Facts) -> Hits:
        found: Hits = hits[[of[setting] for setting in wanted]][:, facts]
        return found

    by_fact = pivot.by_fact(None, stored.facts)
    task = Task(blocks, stored.relations, by_fact, metric, look_up, stands_for, strengths)
    distinct = hits[[of[pair] for pair in task.pairs]]
    return Truth(task, task.scores(distinct, np.arange(task.facts)), confidence_set(task, distinct, clusters))


def strengths_of(stored: StoredHits) -> tuple[tuple[float, float | None], ...]:
    """The strengths that were searched, ascending; none where there is a run's own alone."""
    pairs = (setting for setting in stored.settings if setting is not None)
    found = {(pair.strength, pair.strength_back) for pair in pairs if pair.strength is not None}
    return tuple(sorted(found, key=lambda each: (each[0], each[0] if each[1] is None else each[1])))


def confidence_set(task: Task, hits: Hits, clusters: Clusters | None = None) -> npt.NDArray[np.bool_]:
    """``[pair]``: the confidence set of the best of ``hits`` ``[pair, fact]``, as every table of a report has it."""
    clusters = clusters or clusters_of([str(fact) for fact in range(task.facts)], "fact")
    measure = resample_metric(task.metric, task.fact_hits(hits, np.arange(task.facts)), clusters)
    sign = task.metric.sign
    return confidence_set_of_best(sign * measure.value, sign * measure.samples)


def replay(found_by: Strategy, known: Truth) -> Replay:
    """Run a strategy on stored hits; nothing is evaluated."""
    task = known.task
    found = found_by(task)
    pair = best_of(task, found)
    if pair is None:
        raise BenchError("the strategy evaluated no pair on every fact")
    at, merit = task.pairs.index(pair), task.metric.merit(known.scores)
    return Replay(
        pair=pair,
        regret=float(merit.max() - merit[at]),
        confidence_set=bool(known.confidence_set[at]),
        pairs=len(found.complete()),
        cells=found.spending.cells,
        share=found.spending.block_runs / max(1, task.grid_runs),
    )
