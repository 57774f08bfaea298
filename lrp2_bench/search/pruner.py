"""Drops a pair that has lost too many facts to the leader, as an Optuna pruner over paired instances.

Trials report a value per fact, with the fact's place as the step, as for :class:`optuna.pruners.WilcoxonPruner`. That
one ranks differences by their size. Hits differ by 1 or, on most facts, not at all, and splitting those zeros' ranks
between the two sides widens its null distribution until it drops few pairs (docs/search.md has the numbers). Here facts
on which two pairs agree say nothing, as in McNemar's test.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from optuna.pruners import BasePruner
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial


class PairedPruner(BasePruner):
    """Prunes a trial whose values are lower than the best complete trial's, fact by fact, at ``p_threshold`` (one
    sided).

    The statistic is sum(d) / sqrt(sum(d^2)) over the paired differences d: were each as likely to be for as against
    the leader, its variance would be 1. With hits of 0 and 1 it is McNemar's z. No fact on which both agree counts, and
    m facts on which they differ give at most sqrt(m), so that a handful never prunes anything.
    """

    def __init__(self, p_threshold: float) -> None:
        if not 0.0 <= p_threshold <= 1.0:
            raise ValueError(f"p_threshold={p_threshold} is not a probability.")
        self._p_threshold = p_threshold

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        try:
            leader = study.best_trial
        except ValueError:
            return False  # no trial is complete yet
        difference = _paired(leader.intermediate_values, trial.intermediate_values)
        if study.direction == StudyDirection.MINIMIZE:
            difference = -difference
        return p_of_loss(difference) < self._p_threshold


def p_of_loss(difference: npt.NDArray[np.float64]) -> float:
    """One-sided p of ``difference`` ``[fact]`` (leader less rival) under no difference; 1 where all are 0."""
    spread = float(np.sqrt(np.square(difference).sum()))
    if spread == 0.0:
        return 1.0
    return 0.5 * math.erfc(float(difference.sum()) / spread / math.sqrt(2.0))


def _paired(leader: Mapping[int, float], rival: Mapping[int, float]) -> npt.NDArray[np.float64]:
    """The leader's values less the rival's where both have one."""
    if leader.keys() == rival.keys():  # quick, and the rule: both have seen the same facts
        ours = np.fromiter((rival[step] for step in leader), float, len(leader))
        difference: npt.NDArray[np.float64] = np.fromiter(leader.values(), float, len(leader)) - ours
        return difference
    steps = [step for step in leader if step in rival]
    return np.array([leader[step] - rival[step] for step in steps], dtype=np.float64)
