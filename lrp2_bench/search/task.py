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
from lrp2_bench.search.space import Ranges

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
    have the same hits, so that just that one is looked at. Each is looked at with each of ``strengths`` (there, back;
    None for the same), or where a sampler chooses them with some of ``ranges``. ``uses_back``: as in a plan."""

    blocks: int
    relations: tuple[str, ...]
    pivot: npt.NDArray[np.int8]
    metric: Metric
    evaluate: Evaluate
    stands_for: StandsFor = itself
    strengths: tuple[tuple[float, float | None], ...] = ()
    ranges: Ranges | None = None
    uses_back: bool = False

    @property
    def facts(self) -> int:
        return len(self.relations)

    @cached_property
    def pairs(self) -> tuple[LayerPair, ...]:
        """All that differ, in order; where a sampler chooses strengths, those without any."""
        layers = {self.stands_for(pair) for pair in all_pairs(self.blocks)}
        return tuple(sorted(pair.at(*each) for pair in layers for each in self.strengths or ((None, None),)))

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
        return self.facts * self.runs_of(self.settings)

    def runs_of(self, settings: Sequence[Setting]) -> int:
        """As the function of that name."""
        return runs_of(self.blocks, settings, self.uses_back)

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

    def add(self, task: Task, settings: Sequence[Setting], facts: int) -> None:
        self.cells += len(settings) * facts
        self.block_runs += facts * task.runs_of(settings)


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
    """What a search leaves: ``hits`` ``[setting, fact]`` of ``settings``, -1 where it did not look; baseline first.

    ``curves`` names, for each pair it looked at, the metric after so many facts (ascending).
    """

    hits: Hits
    settings: tuple[Setting, ...]
    spending: Spending = field(default_factory=Spending)
    curves: dict[LayerPair, dict[int, float]] = field(default_factory=dict)

    def complete(self) -> list[LayerPair]:
        """The pairs that have seen every fact, in order."""
        whole = metrics.fully_evaluated(self.hits)
        return sorted(pair for pair, seen in zip(self.settings, whole, strict=True) if seen and pair is not None)


def runs_of(blocks: int, settings: Sequence[Setting], uses_back: bool = False) -> int:
    """Block runs a fact of one engine call over ``settings``; none for no settings."""
    pairs = [setting for setting in settings if setting is not None]
    return plan_grid(blocks, pairs, baseline=None in settings, uses_back=uses_back).block_runs if settings else 0


def nothing(task: Task) -> Found:
    """All of a task's settings, all open."""
    return Found(np.full((len(task.settings), task.facts), NOT_EVALUATED, dtype=np.int8), task.settings)


def best_of(task: Task, found: Found) -> LayerPair | None:
    """The best pair of those that have seen every fact, the first of equals; None without any."""
    pairs = found.complete()
    rows = [found.settings.index(pair) for pair in pairs]
    best = task.metric.best(task.scores(found.hits[rows], np.arange(task.facts)))
    return pairs[best] if best is not None else None
