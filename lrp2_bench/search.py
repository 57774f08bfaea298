"""Each (model, dataset, language) as an Optuna study over layer pairs.

Hydra spreads models and languages; the study lives inside the job, since a trial is a look into hits and costs
milliseconds. The grid is ours rather than GridSampler's, which forgets failed points and doubles the tail.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import optuna
from optuna.distributions import BaseDistribution, IntDistribution
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from lrp2_bench.files import atomic_path
from lrp2_bench.records import PairRow
from lrp2_bench.settings import Metric
from lrp2_bench.types import LayerPair

log = logging.getLogger(__name__)


def value_of(row: PairRow, metric: Metric) -> float:
    return row.accuracy if metric is Metric.accuracy else row.transferability


def write_study(path: Path, name: str, rows: Sequence[PairRow], blocks: int, select_by: Metric) -> optuna.Study:
    """A study with one completed trial per evaluated pair, as an Optuna journal at ``path``.

    The objective is ``select_by``; the other metric is a user attribute of each trial, the baseline's numbers are
    the study's. The search space is the same for every pair of a model (lirp 1..L-1, lsrp 2..L); pairs that cannot
    be (lirp >= lsrp) are never asked. The file is written anew from the hits and takes the old one's place whole, so
    that a kill leaves either study, never a half one.
    """
    distributions: dict[str, BaseDistribution] = {
        "lirp": IntDistribution(1, blocks - 1),
        "lsrp": IntDistribution(2, blocks),
    }
    other = Metric.accuracy if select_by is Metric.transferability else Metric.transferability
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        with atomic_path(path) as temporary:
            study = optuna.create_study(study_name=name, storage=_journal(temporary), direction="maximize")
            for row in rows:
                if row.pair is None:
                    study.set_user_attr("baseline_accuracy", row.accuracy)
                    study.set_user_attr("baseline_transferability", row.transferability)
            study.add_trials(
                [
                    optuna.create_trial(
                        params={"lirp": row.pair.lirp, "lsrp": row.pair.lsrp},
                        distributions=distributions,
                        value=value_of(row, select_by),
                        user_attrs={other.value: value_of(row, other), "facts": row.facts, "shared": row.shared},
                        state=TrialState.COMPLETE,
                    )
                    for row in rows
                    if row.pair is not None
                ]
            )
    finally:
        optuna.logging.set_verbosity(verbosity)
    return load_study(path, name)


def load_study(path: Path, name: str) -> optuna.Study:
    return optuna.load_study(study_name=name, storage=_journal(path))


def best_pair(study: optuna.Study) -> LayerPair | None:
    """The study's optimum: the first of the best trials, which were told in (lirp, lsrp) order."""
    done = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if not done:
        return None
    best = max(done, key=lambda trial: trial.value or 0.0)
    return LayerPair(best.params["lirp"], best.params["lsrp"])


def _journal(path: Path) -> optuna.storages.JournalStorage:
    return optuna.storages.JournalStorage(JournalFileBackend(str(path)))
