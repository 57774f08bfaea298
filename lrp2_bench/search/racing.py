"""Racing: all pairs start, on a growing share of the facts, and those that cannot win any more are dropped.

A rung evaluates the pairs that are left (and the baseline, whose states they share) on further facts, in one call, so
that they share the trunk and their LIRP branches. After it a pair goes

1. if an Optuna pruner for paired instances says that it loses to the leader: at ``alpha`` over rungs and rivals
   (Bonferroni), so that the pair which is truly best, whoever leads by luck, goes in at most that share of races;
2. if the budget cannot carry it: every rung may spend an equal part of what is left, and pairs are taken by what they
   have reached until the next rung's part is spent. Where pairs are too close to separate, this decides.

Only those left at the end have seen all facts, so only they may be called best.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import optuna
from optuna.distributions import BaseDistribution
from optuna.pruners import BasePruner
from optuna.trial import FrozenTrial, TrialState

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.seeds import require_seed
from lrp2_bench.core.types import Hits, LayerPair
from lrp2_bench.search.order import rungs, stratified_order
from lrp2_bench.search.pruner import PairedPruner
from lrp2_bench.search.space import quiet_optuna
from lrp2_bench.search.task import Facts, Found, Task, Watch, nothing

#: A pruner at a p-value.
MakePruner = Callable[[float], BasePruner]


@dataclass(frozen=True)
class RaceRules:
    """``first``: the share of facts of the first rung. ``alpha``: chance that a race's statistics drop the truly best
    pair. ``budget``: share of the exhaustive grid's block runs, None for statistics alone."""

    first: float = 1 / 16
    alpha: float = 0.05
    budget: float | None = 0.25
    seed: int = 0
    pruner: MakePruner = PairedPruner

    def __post_init__(self) -> None:
        if not 0.0 < self.first <= 1.0:
            raise BenchError(
                f"search.first={self.first} is not a share of the facts. Give a number above 0 and up to 1."
            )
        if not 0.0 <= self.alpha < 1.0:
            raise BenchError(
                f"search.alpha={self.alpha} is not an error rate. Give a number from 0 up to, not with, 1."
            )
        if self.budget is not None and not 0.0 < self.budget <= 1.0:
            raise BenchError(
                f"search.budget={self.budget} is not a share of the grid's block runs. Give a number above 0 and up to "
                "1, or null to drop pairs by statistics alone."
            )
        require_seed("search.seed", self.seed)


def race(task: Task, rules: RaceRules, watch: Watch | None = None) -> Found:
    """Run the race. The same task and rules give the same race, whatever was evaluated before."""
    watch = watch or Watch()
    order = stratified_order(task.relations, rules.seed)
    ends = rungs(task.facts, rules.first)
    found = nothing(task)
    alive: list[LayerPair] = list(task.pairs)
    allowed = None if rules.budget is None else rules.budget * task.grid_runs
    start = 0
    for number, end in enumerate(ends):
        new = order[start:end]
        settings = (None, *alive)
        rows = [0, *(task.rows[pair] for pair in alive)]
        watch.begin(alive, f"rung {number + 1} of {len(ends)}: {len(alive)} pairs on {len(new)} facts")
        found.hits[np.asarray(rows)[:, None], new] = task.evaluate(settings, new)
        found.spending.add(task, settings, len(new))
        seen = np.sort(order[:end])
        scores = task.scores(found.hits[rows[1:]][:, seen], seen)
        for pair, score in zip(alive, scores.tolist(), strict=True):
            found.curves.setdefault(pair, {})[end] = score
            watch.report(pair, end, score)
        if number + 1 < len(ends):
            kept = _undecided(task, rules, found.hits, seen, alive, scores, comparisons=len(ends) - 1)
            if allowed is not None:
                share = (allowed - found.spending.block_runs) / (len(ends) - number - 1)
                kept = _affordable(task, kept, share / (ends[number + 1] - end))
            for pair in sorted(set(alive) - set(kept)):
                watch.drop(pair)
            alive = sorted(kept)
        start = end
    return found


def _undecided(
    task: Task,
    rules: RaceRules,
    hits: Hits,
    seen: Facts,
    alive: Sequence[LayerPair],
    scores: npt.NDArray[np.float64],
    comparisons: int,
) -> list[LayerPair]:
    """The pairs that the pruner leaves, the best first."""
    merit = task.metric.merit(scores)
    ranked = [alive[at] for at in np.argsort(-merit, kind="stable")]
    if len(ranked) < 2 or rules.alpha == 0.0:
        return ranked
    rows = [task.rows[pair] for pair in ranked]
    values = task.metric.fact_values(task.fact_hits(hits[rows][:, seen], seen), float(scores[merit.argmax()]))
    if values is None:
        return ranked
    steps = seen.tolist()
    with quiet_optuna(), warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        study = optuna.create_study(direction="maximize")
        study.add_trial(_trial(steps, values[0], TrialState.COMPLETE))
        pruner = rules.pruner(rules.alpha / (comparisons * (len(ranked) - 1)))
        lost = [pruner.prune(study, _trial(steps, value, TrialState.RUNNING)) for value in values[1:]]
    return [ranked[0], *(pair for pair, gone in zip(ranked[1:], lost, strict=True) if not gone)]


def _affordable(task: Task, ranked: Sequence[LayerPair], runs: float) -> list[LayerPair]:
    """The best of ``ranked`` that together take at most ``runs`` block runs a fact; always the first."""
    kept = [ranked[0]]
    for pair in ranked[1:]:
        if task.runs_of((None, *kept, pair)) > runs:
            break
        kept.append(pair)
    return kept


def _trial(steps: Sequence[int], values: npt.NDArray[np.float64], state: TrialState) -> FrozenTrial:
    distributions: dict[str, BaseDistribution] = {}
    return optuna.trial.create_trial(
        state=state,
        value=float(values.mean()) if state is TrialState.COMPLETE else None,
        params={},
        distributions=distributions,
        intermediate_values=dict(zip(steps, values.tolist(), strict=True)),
    )
