"""The expensive part of a job: hits of every relation, from the store where they are, from the engine where not."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lrp2_bench.grid.engine import evaluate
from lrp2_bench.grid.limits import limits_for
from lrp2_bench.grid.plan import plan_grid
from lrp2_bench.grid.store import HitsStore, Side
from lrp2_bench.jobs.status import JobStatus
from lrp2_bench.models.layered import LayeredModel
from lrp2_bench.notices import Notices
from lrp2_bench.probing.build import build_normaliser, build_probe, pool_size
from lrp2_bench.probing.normaliser import Normaliser
from lrp2_bench.probing.pools import pool_of
from lrp2_bench.progress import Advance, progress
from lrp2_bench.projection import Moves, Shifts
from lrp2_bench.settings import SearchCommand
from lrp2_bench.types import NOT_EVALUATED, Hits, ParallelFacts, Relation, Setting, all_pairs

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


def compute_hits(
    model: LayeredModel,
    facts: ParallelFacts,
    wanted: Sequence[Setting],
    shifts: Shifts | Moves | None,
    settings: SearchCommand,
    store: HitsStore,
    status: JobStatus,
    notices: Notices,
) -> list[RelationHits]:
    """Evaluate the ``wanted`` settings where the store lacks them; every stored setting of the model comes back.

    A relation is stored as soon as it is finished; ``status`` names those still missing.
    """
    everything: tuple[Setting, ...] = (None, *all_pairs(model.blocks))
    results = [
        RelationHits(
            relation,
            pivot_relation,
            store.load("language", relation.name, relation.facts, everything),
            store.load("pivot", pivot_relation.name, pivot_relation.facts, [None]),
        )
        for relation, pivot_relation in zip(facts.relations, facts.pivot_relations, strict=True)
    ]
    open_settings = [_open(result.language, everything, wanted) for result in results]
    missing = {
        result.relation.name: len(settings_left) * len(result.relation.facts)
        for result, settings_left in zip(results, open_settings, strict=True)
        if settings_left or NOT_EVALUATED in result.pivot
    }
    if missing and len(missing) < len(results):
        log.info("Resuming: %d of %d relations are done.", len(results) - len(missing), len(results))
    status.set_missing(list(missing))
    normaliser = build_normaliser(model, settings.grid)
    what = f"{facts.language} on {model.device.type}"
    with progress(what, sum(missing.values()), "facts x settings") as advance:
        for result, left in zip(results, open_settings, strict=True):
            if result.relation.name not in missing:
                continue
            run = _Run(model, shifts, settings, store, notices, normaliser, everything)
            if NOT_EVALUATED in result.pivot and facts.language != facts.pivot:
                run.evaluate("pivot", facts.pivot, result.pivot_relation, [None], result.pivot, lambda steps=1: None)
            if left:
                run.evaluate("language", facts.language, result.relation, left, result.language, advance)
            if facts.language == facts.pivot:
                result.pivot[0] = result.language[0]
            status.set_missing([name for name in status.missing if name != result.relation.name])
    return results


@dataclass(frozen=True)
class _Run:
    model: LayeredModel
    shifts: Shifts | Moves | None
    settings: SearchCommand
    store: HitsStore
    notices: Notices
    normaliser: Normaliser
    everything: tuple[Setting, ...]

    def evaluate(
        self, side: Side, language: str, relation: Relation, left: Sequence[Setting], hits: Hits, advance: Advance
    ) -> None:
        """Evaluate the settings ``left`` open, store them, and write them into ``hits``."""
        pairs = [setting for setting in left if setting is not None]
        plan = plan_grid(self.model.blocks, pairs, baseline=None in left)
        pool = pool_of(relation, pool_size(self.model, self.settings.probing), self.settings.seed)
        where = f"{language} {relation.name}"
        probe = build_probe(self.model, relation, pool, where, self.settings.probing, self.normaliser, self.notices)
        limits = limits_for(self.model, plan, self.settings.grid)
        new = evaluate(probe, plan, self.shifts, range(len(relation.facts)), limits, advance)
        self.store.append(side, relation.name, relation.facts, plan.settings, new)
        rows = [self.everything.index(setting) for setting in plan.settings]
        hits[rows] = new


def _open(hits: Hits, everything: Sequence[Setting], wanted: Sequence[Setting]) -> list[Setting]:
    """The wanted settings with a fact not evaluated yet."""
    incomplete = {setting for setting, row in zip(everything, hits, strict=True) if NOT_EVALUATED in row}
    return [setting for setting in wanted if setting in incomplete]
