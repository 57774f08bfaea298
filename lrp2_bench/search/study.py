"""Each (model, dataset, language) as an Optuna study over layer pairs.

Hydra spreads models and languages; the study lives inside the job, since a trial is a look into hits and costs
milliseconds. The grid is ours rather than GridSampler's, which forgets failed points and doubles the tail.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import optuna
from optuna.distributions import BaseDistribution
from optuna.storages import BaseStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState

from lrp2_bench.core.files import atomic_path
from lrp2_bench.core.types import LayerPair
from lrp2_bench.metrics.base import Metric
from lrp2_bench.results.tables import PairRow
from lrp2_bench.search.space import Ranges, distributions, params, quiet_optuna, ranges_of

log = logging.getLogger(__name__)


def attributes(row: PairRow, select_by: Metric) -> dict[str, float | int]:
    """What a trial records besides its value: the other metrics, and how many facts there are."""
    others = {name: row.value(name) for name in row.metrics if name != select_by.name}
    return {**others, "facts": row.facts, "shared": row.shared}


def baseline_attributes(row: PairRow) -> dict[str, float | int]:
    """What a study records of the baseline."""
    return {f"baseline_{name}": row.value(name) for name in row.metrics}


def write_study(
    path: Path,
    name: str,
    rows: Sequence[PairRow],
    blocks: int,
    select_by: Metric,
    curves: Mapping[LayerPair, Mapping[int, float]] | None = None,
) -> optuna.Study:
    """A study with one completed trial per evaluated pair, as an Optuna journal at ``path``.

    The objective is ``select_by``; the other metrics are user attributes of each trial, the baseline's numbers are
    the study's. A pair for which ``select_by`` is no number is a failed trial. The search space is the same for every
    pair of a model (lirp 1..L-1, lsrp 2..L, and their strengths where those are searched); pairs that cannot be
    (lirp >= lsrp) are never asked. ``curves`` has the
    metric of pairs after so many facts, which become a trial's intermediate values; those of them without a row were
    dropped on the way and are pruned trials. The file is regenerated from the hits and takes the old one's place
    whole, so that a kill leaves either study, never a half one.
    """
    with atomic_path(path) as temporary:
        study_of(rows, blocks, select_by, curves, _journal(temporary), name)
    return load_study(path, name)


def study_of(
    rows: Sequence[PairRow],
    blocks: int,
    select_by: Metric,
    curves: Mapping[LayerPair, Mapping[int, float]] | None = None,
    storage: BaseStorage | None = None,
    name: str | None = None,
) -> optuna.Study:
    """The same in a ``storage``; in memory without one."""
    curves = curves or {}
    ranges = ranges_of([*curves, *(row.pair for row in rows if row.pair is not None)])
    space = distributions(blocks, ranges)
    trials: dict[LayerPair, FrozenTrial] = {
        pair: _trial(pair, space, ranges, TrialState.PRUNED, curve) for pair, curve in curves.items()
    }
    for row in rows:
        if row.pair is not None:
            value = row.value(select_by.name)
            state, final = (TrialState.FAIL, None) if math.isnan(value) else (TrialState.COMPLETE, value)
            curve = curves.get(row.pair, {})
            trials[row.pair] = _trial(row.pair, space, ranges, state, curve, final, attributes(row, select_by))
    with quiet_optuna():
        study = optuna.create_study(study_name=name, storage=storage, direction=select_by.direction)
        for row in rows:
            if row.pair is None:
                for key, number in baseline_attributes(row).items():
                    study.set_user_attr(key, number)
        study.add_trials([trials[pair] for pair in sorted(trials)])
    return study


def load_study(path: Path, name: str) -> optuna.Study:
    return optuna.load_study(study_name=name, storage=_journal(path))


def _journal(path: Path) -> optuna.storages.JournalStorage:
    return optuna.storages.JournalStorage(JournalFileBackend(str(path)))


def _trial(
    pair: LayerPair,
    space: dict[str, BaseDistribution],
    ranges: Ranges | None,
    state: TrialState,
    curve: Mapping[int, float],
    value: float | None = None,
    user_attributes: Mapping[str, float | int] | None = None,
) -> FrozenTrial:
    return optuna.trial.create_trial(
        params=params(pair, ranges),
        distributions=space,
        state=state,
        value=value,
        user_attrs=dict(user_attributes or {}),
        intermediate_values=dict(curve),
    )
