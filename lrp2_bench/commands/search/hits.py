"""The expensive part of a job: hits of every relation, from the store where they are, from the engine where not."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.progress import Advance, progress
from lrp2_bench.core.settings import SearchCommand
from lrp2_bench.core.types import NOT_EVALUATED, Hits, ParallelFacts, Relation, Setting, all_pairs
from lrp2_bench.grid.engine import evaluate
from lrp2_bench.grid.limits import limits_for
from lrp2_bench.grid.plan import plan_grid
from lrp2_bench.interventions.base import Edit
from lrp2_bench.models.layered import LayeredModel
from lrp2_bench.probing.build import build_log_partition, build_probe, pool_size
from lrp2_bench.probing.log_partition import LogPartition
from lrp2_bench.probing.pools import pool_of
from lrp2_bench.results.hits import HitsStore, Side
from lrp2_bench.results.leases import Leases, lease_of
from lrp2_bench.results.status import JobStatus

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RelationHits:
    """``language`` is ``[setting, fact]``; ``pivot`` the pivot's baseline on the pivot's facts, ``[1, pivot fact]``."""

    relation: Relation
    pivot_relation: Relation
    language: Hits
    pivot: Hits

    def pivot_by_fact(self) -> npt.NDArray[np.int8]:
        """The pivot's hits by the language's facts, ``[fact]``; -1 where the pivot lacks the fact."""
        hit = {fact.line_id: self.pivot[0, column] for column, fact in enumerate(self.pivot_relation.facts)}
        return np.array([hit.get(fact.line_id, NOT_EVALUATED) for fact in self.relation.facts], dtype=np.int8)


class Board:
    """What is stored of every relation of a job and what is open, kept up with what other jobs store."""

    def __init__(
        self, store: HitsStore, facts: ParallelFacts, everything: Sequence[Setting], wanted: Sequence[Setting]
    ) -> None:
        self._store, self._everything, self._wanted = store, everything, wanted
        self._relations = {
            relation.name: (relation, pivot_relation)
            for relation, pivot_relation in zip(facts.relations, facts.pivot_relations, strict=True)
        }
        self._by_itself = facts.language == facts.pivot
        self.results: dict[str, RelationHits] = {}
        #: The wanted settings that are open, by relation: none where only the pivot's side is. Done ones are not in it.
        self.open: dict[str, list[Setting]] = {}
        for name in self._relations:
            self._load(name)

    def refresh(self) -> None:
        for name in self._store.refresh() & self._relations.keys():
            self._load(name)

    def note(self, name: str) -> None:
        """See anew what is open of a relation whose hits were written into."""
        result = self.results[name]
        if self._by_itself:
            result.pivot[0] = result.language[0]
        left = _open(result.language, self._everything, self._wanted)
        self.open.pop(name, None)
        if left or NOT_EVALUATED in result.pivot:
            self.open[name] = left

    def hits(self) -> list[RelationHits]:
        """Every stored setting of every relation, as it is now, in order; cheap where nobody has stored anything."""
        self.refresh()
        return [self.results[name] for name in self._relations]

    def missing(self, among: Collection[str]) -> list[str]:
        """Those of the relations ``among`` that are open, in order."""
        return [name for name in self._relations if name in self.open and name in among]

    def _load(self, name: str) -> None:
        relation, pivot_relation = self._relations[name]
        self.results[name] = RelationHits(
            relation,
            pivot_relation,
            self._store.load("language", name, relation.facts, self._everything),
            self._store.load("pivot", pivot_relation.name, pivot_relation.facts, [None]),
        )
        self.note(name)


def compute_hits(
    model: LayeredModel,
    facts: ParallelFacts,
    wanted: Sequence[Setting],
    edit: Edit | None,
    settings: SearchCommand,
    store: HitsStore,
    status: JobStatus,
    data_warnings: DataWarnings,
    leases: Leases,
    mine: Collection[str],
) -> Board:
    """Evaluate the ``wanted`` settings of the relations ``mine`` where the store lacks them; what comes back knows
    every stored setting of every relation.

    A relation is stored as soon as it is finished; ``status`` names those still missing, here and in other shards.
    Other jobs may do the same at the same time; what one works on, the others leave to it.
    """
    everything: tuple[Setting, ...] = (None, *all_pairs(model.blocks))
    board = Board(store, facts, everything, wanted)
    others = {relation.name for relation in facts.relations}.difference(mine)
    todo = board.missing(mine)
    work = {name: _open_cells(board.results[name].language, everything, board.open[name]) for name in todo}
    if todo and len(todo) < len(mine):
        log.info("Resuming: %d of %d relations are done.", len(mine) - len(todo), len(mine))

    def look() -> None:
        board.refresh()
        status.note_missing(board.missing(mine), board.missing(others))

    def is_open(name: str) -> bool:
        board.refresh()
        return name in board.open

    log_partition = build_log_partition(model, settings.grid)
    status.look_again = look
    status.set_missing(todo, board.missing(others))
    with progress(f"{facts.language} on {model.device.type}", sum(work.values()), "facts x settings") as advance:

        def evaluate_relation(name: str) -> None:
            result, left = board.results[name], board.open[name]
            run = RelationRun(model, edit, settings, store, data_warnings, log_partition, everything)
            if NOT_EVALUATED in result.pivot and facts.language != facts.pivot:
                run.evaluate("pivot", facts.pivot, result.pivot_relation, [None], result.pivot, lambda steps=1: None)
            if left:
                run.evaluate("language", facts.language, result.relation, left, result.language, advance)
            board.note(name)
            board.refresh()
            status.set_missing(board.missing(mine), board.missing(others))

        named = {lease_of(name): name for name in todo}
        leases.in_turns(named, lambda lease: is_open(named[lease]), lambda lease: evaluate_relation(named[lease]))
    look()
    return board


@dataclass(frozen=True)
class RelationRun:
    """Evaluates what is still open of a relation, and stores it."""

    model: LayeredModel
    edit: Edit | None
    settings: SearchCommand
    store: HitsStore
    data_warnings: DataWarnings
    log_partition: LogPartition
    everything: tuple[Setting, ...]

    def evaluate(
        self,
        side: Side,
        language: str,
        relation: Relation,
        wanted: Sequence[Setting],
        hits: Hits,
        advance: Advance,
        facts: Sequence[int] | None = None,
    ) -> None:
        """Evaluate the open cells of the settings ``wanted`` on ``facts`` (places; None: all), store them, and write
        them into ``hits``."""
        rows = [self.everything.index(setting) for setting in wanted]
        for part, places in open_blocks(hits[rows], range(len(relation.facts)) if facts is None else facts):
            settings = [wanted[row] for row in part]
            pairs = [setting for setting in settings if setting is not None]
            plan = plan_grid(self.model.blocks, pairs, baseline=None in settings)
            pool = pool_of(relation, pool_size(self.model, self.settings.probing), self.settings.seed)
            where = f"{language} {relation.name}"
            probe = build_probe(
                self.model, relation, pool, where, self.settings.probing, self.log_partition, self.data_warnings
            )
            limits = limits_for(self.model, plan, self.settings.grid)
            new = evaluate(probe, plan, self.edit, places, limits, advance)
            self.store.append(side, relation.name, [relation.facts[place] for place in places], plan.settings, new)
            planned = np.array([self.everything.index(setting) for setting in plan.settings])
            hits[planned[:, None], places] = new


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


def _open(hits: Hits, everything: Sequence[Setting], wanted: Sequence[Setting]) -> list[Setting]:
    """The wanted settings with a fact not evaluated yet."""
    incomplete = {setting for setting, row in zip(everything, hits, strict=True) if NOT_EVALUATED in row}
    return [setting for setting in wanted if setting in incomplete]


def _open_cells(hits: Hits, everything: Sequence[Setting], settings: Sequence[Setting]) -> int:
    return int((hits[[everything.index(setting) for setting in settings]] == NOT_EVALUATED).sum())
