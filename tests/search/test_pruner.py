"""Our pruner is McNemar's test where values are hits, and speaks Optuna's interface."""

from __future__ import annotations

import math
import warnings

import numpy as np
import optuna
import pytest
from optuna.pruners import BasePruner
from optuna.trial import FrozenTrial, TrialState

from lrp2_bench.search.pruner import PairedPruner, p_of_loss


def _prunes(pruner: BasePruner, leader: list[float], rival: list[float], direction: str = "maximize") -> bool:
    def trial(values: list[float], state: TrialState) -> FrozenTrial:
        return optuna.trial.create_trial(
            state=state,
            value=float(np.mean(values)) if state is TrialState.COMPLETE else None,
            intermediate_values=dict(enumerate(values)),
        )

    study = optuna.create_study(direction=direction)
    study.add_trial(trial(leader, TrialState.COMPLETE))
    return pruner.prune(study, trial(rival, TrialState.RUNNING))


def _hits(won: int, lost: int, same: int = 100) -> tuple[list[float], list[float]]:
    return [1.0] * won + [0.0] * lost + [1.0] * same, [0.0] * won + [1.0] * lost + [1.0] * same


def test_on_hits_the_statistic_is_mcnemars_z() -> None:
    leader, rival = (np.array(values) for values in _hits(30, 12))
    z = (30 - 12) / math.sqrt(30 + 12)
    assert p_of_loss(leader - rival) == pytest.approx(0.5 * math.erfc(z / math.sqrt(2)))


@pytest.mark.parametrize(("won", "lost", "gone"), [(30, 5, True), (30, 28, False), (5, 30, False), (0, 0, False)])
def test_a_rival_goes_where_it_loses_more_facts_than_chance_allows(won: int, lost: int, gone: bool) -> None:
    assert _prunes(PairedPruner(0.01), *_hits(won, lost)) is gone
    leader, rival = _hits(won, lost)
    assert _prunes(PairedPruner(0.01), [-v for v in leader], [-v for v in rival], "minimize") is gone


def test_facts_on_which_both_agree_change_nothing() -> None:
    for same in (0, 10, 10_000):
        assert _prunes(PairedPruner(0.001), *_hits(14, 1, same))
        assert not _prunes(PairedPruner(0.0001), *_hits(14, 1, same))


def test_a_handful_of_facts_prunes_nothing_however_clear() -> None:
    assert not _prunes(PairedPruner(0.001), *_hits(9, 0)) and _prunes(PairedPruner(0.001), *_hits(10, 0))


def test_wilcoxons_pruner_is_blinded_by_the_facts_on_which_both_agree() -> None:
    """Why ours exists: the same 14 against 1 facts, beside a thousand that say nothing."""
    pytest.importorskip("scipy")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = optuna.pruners.WilcoxonPruner(p_threshold=0.001)
        assert _prunes(theirs, *_hits(14, 1, 0))
        assert not _prunes(theirs, *_hits(14, 1, 1_000))


def test_only_instances_that_both_have_seen_are_compared() -> None:
    leader, rival = _hits(14, 1, 0)
    assert _prunes(PairedPruner(0.001), leader, rival[:13]) and not _prunes(PairedPruner(0.001), leader, rival[:5])


def test_without_a_complete_trial_nothing_is_pruned() -> None:
    study = optuna.create_study(direction="maximize")
    trial = optuna.trial.create_trial(state=TrialState.RUNNING, intermediate_values={0: 0.0})
    assert not PairedPruner(0.5).prune(study, trial)


def test_a_threshold_that_is_no_probability_is_refused() -> None:
    with pytest.raises(ValueError, match=r"p_threshold=1.5"):
        PairedPruner(1.5)
