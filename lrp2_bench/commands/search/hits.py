"""The expensive part of a job: hits of every relation, from the store where they are, from the engine where not."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np

from lrp2_bench.commands.search.board import Board, RelationHits
from lrp2_bench.commands.search.live import UNSEEN, Live
from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.progress import Advance, progress
from lrp2_bench.core.settings import SearchCommand
from lrp2_bench.core.types import NOT_EVALUATED, Hits, LayerPair, ParallelFacts, Relation, Setting
from lrp2_bench.grid.engine import evaluate
from lrp2_bench.grid.limits import limits_for
from lrp2_bench.grid.plan import plan_grid
from lrp2_bench.interventions.base import Edit
from lrp2_bench.models.layered import LayeredModel
from lrp2_bench.probing.build import build_log_partition, build_probe, pool_size
from lrp2_bench.probing.log_partition import LogPartition
from lrp2_bench.probing.pools import pool_of
from lrp2_bench.probing.probe import NOT_FINITE, Probe
from lrp2_bench.results.baselines import Baselines
from lrp2_bench.results.hits import HitsStore, Side
from lrp2_bench.results.leases import Leases, lease_of
from lrp2_bench.results.status import JobStatus

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class AskedSide:
    """A relation's facts in one of the two languages, and their hits ``[setting, fact]``."""

    side: Side
    language: str
    relation: Relation
    hits: Hits


@dataclass(frozen=True)
class HitsEvaluator:
    """Evaluates what is open of a relation of ``facts``, and stores it.

    A job has one: it holds the log partition's bounds, which may have a copy of the head.
    """

    model: LayeredModel
    facts: ParallelFacts
    edit: Edit | None
    settings: SearchCommand
    store: HitsStore
    data_warnings: DataWarnings
    #: Every setting, in the order of the rows of hits; a search over a range of strengths adds some.
    everything: list[Setting]
    #: Of earlier runs; None where none are to be taken.
    baselines: Baselines | None = None

    def add(self, settings: Iterable[Setting], results: Iterable[RelationHits]) -> None:
        """Give hits a row for each of ``settings`` that they lack, with what is stored of it."""
        new = sorted({setting for setting in settings if setting is not None}.difference(self.everything))
        if new:
            for result in results:
                stored = self.store.load("language", result.relation.name, result.relation.facts, new)
                result.language = np.concatenate([result.language, stored])
            self.everything.extend(new)

    @cached_property
    def _log_partition(self) -> LogPartition:
        return build_log_partition(self.model, self.settings.grid)

    def evaluate_language(
        self, result: RelationHits, wanted: Sequence[Setting], advance: Advance, places: Sequence[int] | None = None
    ) -> None:
        """Evaluate the open cells of the settings ``wanted`` on the facts at ``places`` (None: all), store them, and
        write them into ``result``."""
        asked = AskedSide("language", self.facts.language, result.relation, result.language)
        if places is None and None in wanted:
            self._recall(asked, advance, asked_again=len(wanted) > 1)
        self._evaluate(asked, wanted, range(len(asked.relation.facts)) if places is None else places, advance)

    def evaluate_pivot(self, result: RelationHits) -> None:
        """The same for the pivot's baseline, unless the language is the pivot and has it."""
        if self.facts.language == self.facts.pivot:
            return
        asked = AskedSide("pivot", self.facts.pivot, result.pivot_relation, result.pivot)
        self._recall(asked, _unseen, asked_again=False)
        self._evaluate(asked, [None], range(len(asked.relation.facts)), _unseen)

    def under(
        self, language: str, relation: Relation, edit: Edit, pairs: Sequence[LayerPair], advance: Advance
    ) -> Hits:
        """``[pair, fact]``: the hits of a relation in the language or the pivot under ``edit`` at the ``pairs``, in
        their order, which are not stored."""
        everyone = range(len(relation.facts))
        if not everyone:
            return np.zeros((len(pairs), 0), dtype=np.int8)
        plan = plan_grid(self.model.blocks, pairs, baseline=False, uses_back=edit.before_leaving_uses_back)
        asked = AskedSide("language", language, relation, np.zeros((0, 0), dtype=np.int8))
        limits = limits_for(self.model, plan, self.settings.grid)
        found = evaluate(self._probe(asked), plan, edit, everyone, limits, advance)
        return found[[plan.settings.index(pair) for pair in pairs]]

    def _evaluate(self, asked: AskedSide, wanted: Sequence[Setting], places: Sequence[int], advance: Advance) -> None:
        row_of = {setting: row for row, setting in enumerate(self.everything)}
        rows = [row_of[setting] for setting in wanted]
        uses_back = self.edit is not None and self.edit.before_leaving_uses_back
        for part, block in open_blocks(asked.hits[rows], places):
            settings = [wanted[row] for row in part]
            pairs = [setting for setting in settings if setting is not None]
            plan = plan_grid(self.model.blocks, pairs, baseline=None in settings, uses_back=uses_back)
            limits = limits_for(self.model, plan, self.settings.grid)
            broken = self.data_warnings.count(NOT_FINITE)
            new = evaluate(self._probe(asked), plan, self.edit, block, limits, advance)
            facts = [asked.relation.facts[place] for place in block]
            self.store.append(asked.side, asked.relation.name, facts, plan.settings, new)
            planned = np.array([row_of[setting] for setting in plan.settings])
            asked.hits[planned[:, None], block] = new
            # Hits of an earlier job in this folder may be another machine's, and scores that are no numbers are to be
            # told of in every run.
            whole = len(block) == len(asked.relation.facts) and self.data_warnings.count(NOT_FINITE) == broken
            if None in settings and self.baselines is not None and whole:
                self.baselines.save(asked.language, asked.relation, new[plan.settings.index(None)])

    def _recall(self, asked: AskedSide, advance: Advance, *, asked_again: bool) -> None:
        """Store the baseline that an earlier run has evaluated, where all of it is open; ``asked_again``: whether the
        relation has other settings to evaluate."""
        row = asked.hits[self.everything.index(None)]
        if self.baselines is None or not len(row) or (row != NOT_EVALUATED).any():
            return
        found = self.baselines.load(asked.language, asked.relation)
        if found is None:
            return
        if not asked_again:
            self._probe(asked)  # which counts what the tokenizer can make nothing of
        self.store.append(asked.side, asked.relation.name, asked.relation.facts, [None], found[None])
        row[:] = found
        advance(len(found))

    def _probe(self, asked: AskedSide) -> Probe:
        probing, relation = self.settings.probing, asked.relation
        pool = pool_of(relation, pool_size(self.model, probing), self.settings.seed, filtered=probing.filtered)
        where = f"{asked.language} {relation.name}"
        return build_probe(self.model, relation, pool, where, probing, self._log_partition, self.data_warnings)


def compute_hits(
    evaluator: HitsEvaluator,
    wanted: Sequence[Setting],
    mine: Collection[str],
    status: JobStatus,
    leases: Leases,
    live: Live = UNSEEN,
) -> Board:
    """Evaluate the ``wanted`` settings of the relations ``mine`` where the store lacks them; what comes back knows
    every stored setting of every relation.

    A relation is stored as soon as it is finished; ``status`` names those still missing, here and in other shards.
    Other jobs may do the same at the same time; what one works on, the others leave to it.
    """
    board = Board(evaluator.store, evaluator.facts, evaluator.everything, wanted)
    _OpenRelations(board, evaluator, mine, status).evaluate(leases, live)
    if evaluator.baselines is not None and (count := len(evaluator.baselines.recalled)):
        log.info("Relations whose baseline an earlier run has kept: %d (of either language).", count)
    return board


class _OpenRelations:
    """The relations ``mine`` that are open on a board, evaluated one after another."""

    def __init__(self, board: Board, evaluator: HitsEvaluator, mine: Collection[str], status: JobStatus) -> None:
        self._board, self._evaluator, self._mine, self._status = board, evaluator, mine, status
        self._others = {relation.name for relation in evaluator.facts.relations}.difference(mine)
        self._todo = {lease_of(name): name for name in board.missing(mine)}

    def evaluate(self, leases: Leases, live: Live) -> None:
        """Evaluate those that no other job does meanwhile; ``live`` hears of it."""
        facts, todo, cells = self._evaluator.facts, len(self._todo), self._open_cells()
        if todo and todo < len(self._mine):
            log.info("Resuming: %d of %d relations are done.", len(self._mine) - todo, len(self._mine))
        self._status.look_again = self._look
        self._tell()
        what = f"{facts.language} on {self._evaluator.model.device.type}"
        with progress(what, cells, "facts x configurations") as advance:
            told = live.beside(advance, cells, self._evaluator.everything, self._board.by_relation)
            leases.in_turns(self._todo, self._is_open, partial(self._evaluate_relation, told))
        self._look()

    def _open_cells(self) -> int:
        everything, board = self._evaluator.everything, self._board
        return sum(
            _open_cells(board.results[name].language, everything, board.open[name]) for name in self._todo.values()
        )

    def _look(self) -> None:
        """Note what is missing by now."""
        self._board.refresh()
        self._status.note_missing(self._board.missing(self._mine), self._board.missing(self._others))

    def _tell(self) -> None:
        self._status.set_missing(self._board.missing(self._mine), self._board.missing(self._others))

    def _is_open(self, lease: str) -> bool:
        self._board.refresh()
        return self._todo[lease] in self._board.open

    def _evaluate_relation(self, advance: Advance, lease: str) -> None:
        name = self._todo[lease]
        result, left = self._board.results[name], self._board.open[name]
        if NOT_EVALUATED in result.pivot:
            self._evaluator.evaluate_pivot(result)
        if left:
            self._evaluator.evaluate_language(result, left, advance)
        self._board.note(name)
        self._board.refresh()
        self._tell()


def open_blocks(hits: Hits, facts: Sequence[int]) -> list[tuple[list[int], list[int]]]:
    """The open cells of ``hits`` ``[setting, fact]`` on ``facts`` as blocks of (rows, facts), in the facts' order.

    Facts that lack the same settings make a block, so that an engine call evaluates open cells and no others.
    """
    blocks: dict[bytes, tuple[list[int], list[int]]] = {}
    for fact in facts:
        missing = hits[:, fact] == NOT_EVALUATED
        if missing.any():
            block = blocks.setdefault(missing.tobytes(), (np.flatnonzero(missing).tolist(), []))
            block[1].append(fact)
    return list(blocks.values())


def _open_cells(hits: Hits, everything: Sequence[Setting], settings: Sequence[Setting]) -> int:
    row_of = {setting: row for row, setting in enumerate(everything)}
    return int((hits[[row_of[setting] for setting in settings]] == NOT_EVALUATED).sum())


def _unseen(steps: int = 1) -> None:
    """Progress that no bar shows."""
