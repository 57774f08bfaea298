"""Gain against damage: a run's pairs as an Optuna study of two objectives, where ``damage.csv`` says what they cost."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import optuna
from optuna.storages import BaseStorage
from optuna.trial import TrialState

from lrp2_bench.core.types import LayerPair
from lrp2_bench.metrics.base import Metric
from lrp2_bench.results.damage import DamageRow
from lrp2_bench.results.tables import PairRow
from lrp2_bench.search.space import distributions, pair_of, params, quiet_optuna, ranges_of

#: What the study is called behind the name of its run's.
STUDY_NAME = "gain against damage"


@dataclass(frozen=True)
class Cost:
    """A pair on the front: ``gain`` in points of the metric over the baseline, for ``kl`` nats on neutral sentences and
    the pivot's accuracy."""

    pair: LayerPair
    gain: float
    kl: float
    pivot_accuracy: float


def damage_study(
    rows: Sequence[PairRow],
    damage: Sequence[DamageRow],
    blocks: int,
    metric: Metric,
    storage: BaseStorage | None = None,
    name: str | None = None,
) -> optuna.Study | None:
    """A trial for each pair of ``rows`` (the baseline first) with known damage; None without two.

    The objectives are the gain of ``metric``, in its direction, and the divergence, which is minimised; the front is
    the study's ``best_trials``. The pivot's accuracy is a user attribute.
    """
    known = {row.pair: row for row in damage}
    measured = {
        row.pair: (row.value(metric.name), known[row.pair])
        for row in rows
        if row.pair is not None and row.pair in known
    }
    measured = {pair: (now, cost) for pair, (now, cost) in measured.items() if not math.isnan(now + cost.kl)}
    if len(measured) < 2:
        return None
    ranges = ranges_of(measured)
    space, baseline = distributions(blocks, ranges), rows[0].value(metric.name)
    with quiet_optuna(), warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        study = optuna.create_study(
            study_name=name, storage=storage, directions=[metric.direction, "minimize"], load_if_exists=True
        )
        study.set_metric_names([f"gain of {metric.name}", "KL divergence"])
        study.add_trials(
            [
                optuna.trial.create_trial(
                    state=TrialState.COMPLETE,
                    params=params(pair, ranges),
                    distributions=space,
                    values=[now - baseline, cost.kl],
                    user_attrs={"pivot_accuracy": cost.pivot_accuracy},
                )
                for pair, (now, cost) in measured.items()
            ]
        )
    return study


def front(study: optuna.Study) -> list[Cost]:
    """The pairs that no other beats in both, the least damage first."""
    found = [
        Cost(pair_of(trial), trial.values[0], trial.values[1], trial.user_attrs["pivot_accuracy"])
        for trial in study.best_trials
    ]
    return sorted(found, key=lambda cost: (cost.kl, cost.pair))
