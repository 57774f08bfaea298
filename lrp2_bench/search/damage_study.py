"""Gain against damage: a run's pairs as an Optuna study of two objectives, where ``damage.csv`` says what they cost.

``damage.csv`` in a run's folder has a row a pair and its strengths: ``lirp,lsrp[,strength[,strength_back]]``, then
``pivot_accuracy`` in percent under the same intervention, and ``kl``, the divergence in nats of the model's output on
neutral sentences from the baseline's.
"""

from __future__ import annotations

import csv
import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import optuna
from optuna.storages import BaseStorage
from optuna.trial import TrialState

from lrp2_bench.core.reading import damaged
from lrp2_bench.core.types import LayerPair
from lrp2_bench.metrics.base import Metric
from lrp2_bench.results.tables import PairRow
from lrp2_bench.search.space import distributions, pair_of, params, quiet_optuna, ranges_of

#: The file, and what a study of it is called behind the name of its run's.
DAMAGE, STUDY_NAME = "damage.csv", "gain against damage"

_NEXT = "Delete the file and measure the damage again."


@dataclass(frozen=True)
class Damage:
    """What an intervention costs elsewhere; NaN where it was not measured."""

    pivot_accuracy: float
    kl: float


@dataclass(frozen=True)
class Cost:
    """A pair on the front: ``gain`` in points of the metric over the baseline, for ``damage``."""

    pair: LayerPair
    gain: float
    damage: Damage


def read_damage(path: Path) -> dict[LayerPair, Damage]:
    """By pair. Raises :class:`~lrp2_bench.core.errors.BenchError` for a damaged file; empty where there is none."""
    if not path.is_file():
        return {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = [row for row in csv.DictReader(file) if row["lirp"]]  # the baseline's has no layers
        return {
            LayerPair(int(row["lirp"]), int(row["lsrp"]), *_strengths(row)): Damage(
                *(float(row[name] or "nan") for name in ("pivot_accuracy", "kl"))
            )
            for row in rows
        }
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        raise damaged(path, error, _NEXT) from error


def damage_study(
    rows: Sequence[PairRow],
    damage: Mapping[LayerPair, Damage],
    blocks: int,
    metric: Metric,
    storage: BaseStorage | None = None,
    name: str | None = None,
) -> optuna.Study | None:
    """A trial for each pair of ``rows`` (the baseline first) with known damage; None without any.

    The objectives are the gain of ``metric``, in its direction, and the divergence, which is minimised; the front is
    the study's ``best_trials``. The pivot's accuracy is a user attribute.
    """
    measured = {
        row.pair: (row.value(metric.name), damage[row.pair])
        for row in rows
        if row.pair is not None and row.pair in damage
    }
    measured = {pair: (now, cost) for pair, (now, cost) in measured.items() if not math.isnan(now + cost.kl)}
    if not measured:
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
        Cost(pair_of(trial), trial.values[0], Damage(trial.user_attrs["pivot_accuracy"], trial.values[1]))
        for trial in study.best_trials
    ]
    return sorted(found, key=lambda cost: (cost.damage.kl, cost.pair))


def _strengths(row: Mapping[str, str]) -> list[float | None]:
    return [float(row[name]) if row.get(name) else None for name in ("strength", "strength_back")]
