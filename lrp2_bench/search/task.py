"""What a search works on: facts with their relations, a way to evaluate pairs on some of them, and what that costs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from lrp2_bench.core.types import NOT_EVALUATED, Hits, LayerPair, Setting, all_pairs
from lrp2_bench.grid.plan import plan_grid
from lrp2_bench.metrics import hits as metrics
from lrp2_bench.metrics.base import FactHits, Metric

#: int64 ``[fact]``: places of facts in a task.
Facts = npt.NDArray[np.int64]

#: Hits ``[setting, fact]`` of settings on facts; how they come about (a model, a store, a file) is none of a search's
#: business. Asking twice for a cell gives the same answer.
Evaluate = Callable[[Sequence[Setting], Facts], Hits]

#: The pair that is evaluated for a pair: itself, unless an ablation gives the same states in several.
StandsFor = Callable[[LayerPair], LayerPair]


def itself(pair: LayerPair) -> LayerPair:
    return pair


@dataclass(frozen=True)
class Task:
    """One (model, dataset, language). ``relations`` ``[fact]`` names each fact's relation, ``pivot`` ``[fact]`` is the
    pivot's baseline, -1 where it lacks the fact. Pairs are compared by ``metric``; those with the same ``stands_for``
    have the same hits, so that just that one is looked at."""

    blocks: int
    relations: tuple[str, ...]
    pivot: npt.NDArray[np.int8]
    metric: Metric
    evaluate: Evaluate
    stands_for: StandsFor = itself

    @property
    def facts(self) -> int:
        return len(self.relations)

    @cached_property
    def pairs(self) -> tuple[LayerPair, ...]:
        """All that differ, in order."""
        return tuple(sorted({self.stands_for(pair) for pair in all_pairs(self.blocks)}))

    @cached_property
    def rows(self) -> dict[Setting, int]:
        """Rows of hits ``[setting, fact]``."""
        return {setting: row for row, setting in enumerate(self.settings)}

    @property
    def settings(self) -> tuple[Setting, ...]:
        return (None, *self.pairs)

    @property
    def grid_runs(self) -> int:
        """Block runs of the exhaustive grid."""
        return self.facts * plan_grid(self.blocks, self.pairs).block_runs

    def scores(self, hits: Hits, facts: Facts) -> npt.NDArray[np.float64]:
        """``[setting]`` of ``hits`` ``[setting, fact]`` on ``facts``: the metric's values."""
        return self.metric.values(self.fact_hits(hits, facts))

    def fact_hits(self, hits: Hits, facts: Facts) -> FactHits:
        """``hits`` ``[setting, fact]`` on ``facts`` as metrics take them; the baseline has been evaluated there."""
        baseline = self.evaluate((None,), facts)[0] if self.metric.compares else None
        return FactHits(hits, self.pivot[facts], tuple(self.relations[fact] for fact in facts.tolist()), baseline)


@dataclass
class Spending:
    """What a search asked for: ``cells`` (fact, setting), and ``block_runs`` where what the pairs of one call share
    is run once. Cells that lie in the store count as well, so that a search that went on after a kill, or that found
    everything there, reports the same numbers as one that ran through."""

    cells: int = 0
    block_runs: int = 0

    def add(self, blocks: int, settings: Sequence[Setting], facts: int) -> None:
        self.cells += len(settings) * facts
        self.block_runs += facts * runs_of(blocks, settings)


class Watch:
    """Receives what a search does; this one does nothing with it."""

    def begin(self, pairs: Sequence[LayerPair], what: str) -> None:
        """``pairs`` are about to be evaluated; ``what`` says so for a human."""

    def report(self, pair: LayerPair, facts: int, value: float) -> None:
        """The metric of a pair after so many facts."""

    def drop(self, pair: LayerPair) -> None:
        """A pair will see no further facts."""


@dataclass
class Found:
    """What a search leaves: ``hits`` ``[setting, fact]`` (-1 where it did not look), the baseline's row first.

    ``curves`` names, for each pair it looked at, the metric after so many facts (ascending).
    """

    hits: Hits
    spending: Spending
    curves: dict[LayerPair, dict[int, float]] = field(default_factory=dict)

    def complete(self, pairs: Sequence[LayerPair]) -> list[LayerPair]:
        """The pairs that have seen every fact."""
        whole = metrics.fully_evaluated(self.hits)
        return [pair for row, pair in enumerate(pairs, start=1) if whole[row]]


def runs_of(blocks: int, settings: Sequence[Setting]) -> int:
    """Block runs a fact of one engine call over ``settings``; none for no settings."""
    pairs = [setting for setting in settings if setting is not None]
    return plan_grid(blocks, pairs, baseline=None in settings).block_runs if settings else 0


def nothing(task: Task) -> Hits:
    """``[setting, fact]``, all open."""
    return np.full((len(task.settings), task.facts), NOT_EVALUATED, dtype=np.int8)


def best_of(task: Task, found: Found) -> LayerPair | None:
    """The best pair of those that have seen every fact, the first of equals; None without any."""
    whole = metrics.fully_evaluated(found.hits)[1:]
    scores = task.scores(found.hits[1:], np.arange(task.facts))
    best = task.metric.best(np.where(whole, scores, np.nan))
    return task.pairs[best] if best is not None else None
