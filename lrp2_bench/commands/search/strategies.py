"""``search=tpe`` and ``search=racing``: a strategy over the store, resumable because it is a function of hits."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lrp2_bench.commands.search.asked import Asked
from lrp2_bench.commands.search.board import RelationHits
from lrp2_bench.commands.search.hits import HitsEvaluator
from lrp2_bench.commands.search.live import UNSEEN, Live
from lrp2_bench.commands.search.projection import Projection
from lrp2_bench.core.progress import progress
from lrp2_bench.core.settings import SearchKind, SearchSettings
from lrp2_bench.core.types import NOT_EVALUATED, Hits, LayerPair, Setting
from lrp2_bench.metrics.registry import metric_of_hits
from lrp2_bench.results.status import JobStatus
from lrp2_bench.results.tables import PairRow
from lrp2_bench.search import order
from lrp2_bench.search.racing import RaceRules, race
from lrp2_bench.search.recorder import StudyRecorder
from lrp2_bench.search.task import Facts, Found, Task, Watch, runs_of
from lrp2_bench.search.tpe import TpeRules, tpe

log = logging.getLogger(__name__)

#: Kinds that choose what they evaluate.
CHOOSING = (SearchKind.tpe, SearchKind.racing)


def run_strategy(
    evaluator: HitsEvaluator,
    hits: Sequence[RelationHits],
    projection: Projection,
    asked: Asked,
    status: JobStatus,
    recorder: StudyRecorder,
    live: Live = UNSEEN,
) -> Found:
    """Let the strategy ask for cells; those that ``hits`` lacks are evaluated and written into it and the store.

    A (rung or batch, relation) is stored as soon as it is finished; a job that starts again makes the same way through
    what is stored and goes on from there.
    """
    blocks, settings = evaluator.model.blocks, evaluator.settings
    watch = _JobWatch(status, recorder, live)
    task = Task(
        blocks,
        tuple(part.relation.name for part in hits for _ in part.relation.facts),
        np.concatenate([part.pivot_by_fact() for part in hits]),
        metric_of_hits(settings.select_by),
        _StoredEvaluate(hits, evaluator, watch),
        projection.stands_for(blocks),
        asked.strengths,
        asked.ranges,
        evaluator.edit is not None and evaluator.edit.before_leaving_uses_back,
    )
    found = search(task, settings.search, watch)
    _say_what_it_cost(task, settings.search, found)
    status.set_missing([])
    return found


def search(task: Task, settings: SearchSettings, watch: Watch | None = None) -> Found:
    """The strategy that ``settings.kind`` names, one of :data:`CHOOSING`."""
    rules = rules_of(settings)
    if isinstance(rules, TpeRules):
        return tpe(task, rules, watch)
    if isinstance(rules, RaceRules):
        return race(task, rules, watch)
    raise ValueError(f"search={settings.kind.value} chooses no pairs.")


def rules_of(settings: SearchSettings) -> TpeRules | RaceRules | None:
    """None of a search that chooses no pairs. Raises :class:`BenchError` for rules that cannot be, naming them."""
    if settings.kind is SearchKind.tpe:
        return TpeRules(settings.trials, settings.batch, settings.seed)
    if settings.kind is SearchKind.racing:
        return RaceRules(settings.first, settings.alpha, settings.budget, settings.seed)
    return None


def _say_what_it_cost(task: Task, settings: SearchSettings, found: Found) -> None:
    share = found.spending.block_runs / max(1, task.grid_runs)
    log.info(
        "%s: %d %s saw all %d facts, at %.0f %% of the grid's block runs%s.",
        settings.kind.value, len(found.complete()), _of_how_many(task), task.facts, 100 * share,
        " at one strength" if task.ranges else "",
    )  # fmt: skip
    if settings.kind is SearchKind.racing and settings.budget is not None and share > settings.budget:
        fewer = f"search.first={settings.first / 2:g} sees fewer facts first"
        least = (
            f"a first rung has {order.FEWEST} facts at least, and these are {task.facts}: search=grid sees every pair"
        )
        log.warning(
            "search.budget=%g was too little for this model: the first rung, the baseline and a single pair on all "
            "facts take more; %s.",
            settings.budget, fewer if task.facts * settings.first > order.FEWEST else least,
        )  # fmt: skip


def _of_how_many(task: Task) -> str:
    if task.ranges is not None:
        return "pairs, each at a strength of its own,"
    layers = len({pair.layers for pair in task.pairs})
    return f"of {layers} pairs" + (f" x {len(task.strengths)} strengths" if task.strengths else "")


def search_summary(
    settings: SearchSettings, pairs: Sequence[LayerPair], blocks: int, rows: Sequence[PairRow], found: Found | None
) -> dict[str, Any]:
    """For the manifest: how pairs were searched, and what it takes from nothing, beside the exhaustive grid.

    ``pairs`` are those that differ, which make the grid. ``rows`` are those of ``pairs.csv``: all that the folder
    holds, of this search and of earlier ones.
    """
    facts, everything = rows[0].facts, (None, *pairs)
    grid = facts * runs_of(blocks, everything)
    if found is None:
        settings_run = (None,) if settings.kind is SearchKind.baseline else everything
        done, cells, runs = len(settings_run) - 1, len(settings_run) * facts, facts * runs_of(blocks, settings_run)
    else:
        whole = found.complete()
        done, cells, runs = len(whole), found.spending.cells, found.spending.block_runs
    rules = {SearchKind.tpe: ("trials", "batch", "seed"), SearchKind.racing: ("first", "budget", "alpha", "seed")}
    spaces = ("strengths", "strengths_back", "strength_range", "strength_back_range")
    return {
        "kind": settings.kind.value,
        **{name: getattr(settings, name) for name in rules.get(settings.kind, ())},
        **{name: list(given) for name in spaces if (given := getattr(settings, name)) is not None},
        "pairs": done,
        "pairs_begun": len(found.curves) if found is not None else done,
        "pairs_in_folder": sum(row.pair is not None for row in rows),
        "facts": facts,
        "cells": cells,
        "block_runs": runs,
        "grid_block_runs": grid,
        "share_of_grid": round(runs / grid, 6) if grid else None,
    }


@dataclass
class _JobWatch(Watch):
    """Passes a search's steps on to the study and to ``status.json``."""

    status: JobStatus
    recorder: StudyRecorder
    live: Live
    what: str = ""

    def begin(self, pairs: Sequence[LayerPair], what: str) -> None:
        self.what = what
        self.recorder.begin(pairs)

    def report(self, pair: LayerPair, facts: int, value: float) -> None:
        self.recorder.report(pair, facts, value)

    def drop(self, pair: LayerPair) -> None:
        self.recorder.drop(pair)


class _StoredEvaluate:
    """Hits from those at hand, from the engine where they are open."""

    def __init__(self, parts: Sequence[RelationHits], evaluator: HitsEvaluator, watch: _JobWatch) -> None:
        self._parts, self._evaluator, self._watch = parts, evaluator, watch
        ends = np.cumsum([0, *(len(part.relation.facts) for part in parts)])
        self._spans = list(zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True))

    def __call__(self, settings: Sequence[Setting], facts: Facts) -> Hits:
        self._evaluator.add(settings, self._parts)
        row_of = {setting: row for row, setting in enumerate(self._evaluator.everything)}
        rows = np.array([row_of[setting] for setting in settings])
        places = [(facts[(facts >= first) & (facts < end)] - first).tolist() for first, end in self._spans]
        open_cells = {
            at: cells
            for at, part in enumerate(self._parts)
            if (cells := int((part.language[rows[:, None], places[at]] == NOT_EVALUATED).sum()))
        }
        if open_cells:
            self._evaluate(settings, places, open_cells)
        every = np.concatenate([part.language[rows] for part in self._parts], axis=1)
        hits: Hits = every[:, facts]
        return hits

    def _evaluate(
        self, settings: Sequence[Setting], places: Sequence[Sequence[int]], open_cells: Mapping[int, int]
    ) -> None:
        """``open_cells`` counts the open cells of each part that has some."""
        status, what = self._watch.status, self._watch.what
        status.set_missing([f"{what}: {self._parts[at].relation.name}" for at in open_cells])
        total, everything = sum(open_cells.values()), self._evaluator.everything
        with progress(what, total, "facts x configurations") as advance:
            told = self._watch.live.beside(advance, total, everything, lambda: [part.language for part in self._parts])
            for at in open_cells:
                self._evaluator.evaluate_language(self._parts[at], settings, told, places[at])
                status.set_missing(status.missing[1:])
