"""TPE: pairs, and their strengths, are asked of Optuna's sampler, a few at a time, and evaluated on all facts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import optuna
from optuna.distributions import IntDistribution
from optuna.samplers import TPESampler
from optuna.trial import Trial, TrialState

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.seeds import require_seed
from lrp2_bench.core.types import LayerPair, Setting
from lrp2_bench.search.space import distributions, folded, quiet_optuna, suggested
from lrp2_bench.search.task import Found, Task, Watch

#: Asks without a new pair after which the sampler is done: on a grid it comes back to the points it knows.
_PATIENCE = 100

#: Optuna's sampler seeds a generator that takes 32 bits.
_SEEDS = 2**32


@dataclass(frozen=True)
class TpeRules:
    """``trials``: pairs to evaluate. ``batch``: pairs suggested before the first result; one engine call
    runs them, so that they share the trunk and LIRP branches."""

    trials: int = 20
    batch: int = 4
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("trials", "batch"):
            if getattr(self, name) < 1:
                raise BenchError(f"search.{name}={getattr(self, name)}: give a number from 1.")
        require_seed("search.seed", self.seed, below=_SEEDS)


def tpe(task: Task, rules: TpeRules, watch: Watch | None = None) -> Found:
    """Ask until ``trials`` pairs are evaluated, or the sampler has come back to known ones a hundred times on end.

    The sampler's own study lives in memory and its points are folded into pairs that can be; a point it repeats is told
    again without being evaluated. The same task and rules give the same pairs, whatever was evaluated before.
    """
    watch = watch or Watch()
    found = Found(np.empty((0, task.facts), dtype=np.int8), ())
    space = distributions(task.blocks, task.ranges)
    if task.strengths:
        space["strengths"] = IntDistribution(0, len(task.strengths) - 1)
    target = rules.trials if task.ranges else min(rules.trials, len(task.pairs))
    scores: dict[LayerPair, float] = {}
    idle = 0
    with quiet_optuna():
        study = optuna.create_study(direction=task.metric.direction, sampler=TPESampler(seed=rules.seed))
        while len(scores) < target and idle < _PATIENCE:
            open_trials: list[tuple[Trial, LayerPair]] = []
            new: list[LayerPair] = []
            while len(new) < min(rules.batch, target - len(scores)) and idle < _PATIENCE:
                trial = study.ask(space)
                pair = _pair(task, trial.params)
                idle = 0 if pair not in scores and pair not in new else idle + 1
                if pair in scores:
                    _tell(study, trial, scores[pair])
                    continue
                open_trials.append((trial, pair))
                if pair not in new:
                    new.append(pair)
            if new:
                watch.begin(new, f"pairs {len(scores) + 1} to {len(scores) + len(new)} of {target}")
                _evaluate(task, found, new, scores)
                for pair in new:
                    watch.report(pair, task.facts, scores[pair])
            for trial, pair in open_trials:
                _tell(study, trial, scores[pair])
    return found


def _pair(task: Task, params: Mapping[str, Any]) -> LayerPair:
    if task.ranges is not None:
        return task.stands_for(suggested(params, task.ranges))
    pair = task.stands_for(folded(params["lirp"], params["lsrp"]))
    return pair.at(*task.strengths[params["strengths"]]) if task.strengths else pair


def _tell(study: optuna.Study, trial: Trial, score: float) -> None:
    """A metric that has nothing to be taken over makes a failed trial."""
    if math.isnan(score):
        study.tell(trial, state=TrialState.FAIL)
    else:
        study.tell(trial, score)


def _evaluate(task: Task, found: Found, new: list[LayerPair], scores: dict[LayerPair, float]) -> None:
    """Evaluate ``new`` on all facts; the first call takes the baseline along."""
    everything = np.arange(task.facts)
    settings: list[Setting] = [*([] if scores else [None]), *sorted(new)]
    hits = task.evaluate(settings, everything)
    found.hits, found.settings = np.concatenate([found.hits, hits]), (*found.settings, *settings)
    found.spending.add(task, settings, task.facts)
    values = task.scores(hits, everything)
    for setting, value in zip(settings, values.tolist(), strict=True):
        if setting is not None:
            scores[setting] = value
            found.curves[setting] = {task.facts: value}
