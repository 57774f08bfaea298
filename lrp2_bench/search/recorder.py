"""A job's study while it runs: who is being evaluated, how far each pair has come, what became of it.

The book only mirrors a search. Hits on disk are the truth, and a search that starts again makes its way from them; so
trouble with the storage is reported once and costs the mirror, never the search.
"""

from __future__ import annotations

import logging
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import ParamSpec

import optuna
from optuna.exceptions import DuplicatedStudyError, ExperimentalWarning, UpdateFinishedTrialError
from optuna.storages import BaseStorage, RDBStorage, fail_stale_trials
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.processes import is_alive, this_process
from lrp2_bench.core.types import LayerPair
from lrp2_bench.search.space import Ranges, distributions, pair_of, params, quiet_optuna, ranges_of
from lrp2_bench.search.storage import first_line

log = logging.getLogger(__name__)

Arguments = ParamSpec("Arguments")

#: User attributes of a study, which say what it is a study of.
_SPACE, _OBJECTIVE, _IDENTITY = "blocks", "objective", "identity"
#: Seconds that the maker of a study has to write them.
_ATTRIBUTES = 10.0
#: System attribute of a trial: the process that runs it.
_OWNER = "lrp2_bench:process"


@dataclass(frozen=True)
class StudyKey:
    """What a study is of: ``blocks`` make its search space, ``objective`` is a metric's name and ``direction`` its,
    ``identity`` the hash of all that decides hits."""

    name: str
    blocks: int
    objective: str
    identity: str
    direction: str = "maximize"
    ranges: Ranges | None = None  # of strengths, where they are searched

    def attributes(self) -> dict[str, str | int]:
        return {_SPACE: self.blocks, _OBJECTIVE: self.objective, _IDENTITY: self.identity}


class StudyRecorder:
    """One study in ``storage``, made where there is none; a context manager, which beats for running trials.

    ``alone``: no other process writes to it, so that every trial found running is a dead one's.
    """

    def __init__(self, storage: BaseStorage, key: StudyKey, *, alone: bool) -> None:
        """Raises :class:`BenchError` where a study of that name is of something else."""
        self._storage, self._key = storage, key
        with quiet_optuna():
            self._study = _study_id(storage, key, alone=alone)
            close_stale(storage, self._study, key.name, alone=alone)
        self._running: dict[LayerPair, int] = {}
        self._finished = {
            (pair_of(trial), trial.state) for trial in self._trials() if trial.state.is_finished() and trial.params
        }
        self._broken = False
        self._stop = threading.Event()
        self._heart: threading.Thread | None = None

    def __enter__(self) -> StudyRecorder:
        interval = self._storage.get_heartbeat_interval() if isinstance(self._storage, RDBStorage) else None
        if interval is not None:
            self._heart = threading.Thread(target=self._beat, args=(self._storage, interval), daemon=True)
            self._heart.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        if self._heart is not None:
            self._heart.join()
        for pair in list(self._running):  # stopped by an error or Ctrl-C: they are nobody's now
            self._end(pair, TrialState.FAIL, None, {})

    def begin(self, pairs: Iterable[LayerPair]) -> None:
        """Show ``pairs`` as running, those that are finished in this study left as they are."""
        for pair in pairs:
            if not self._is_known(pair) and pair not in self._running:
                self._try(self._begin, pair)

    def report(self, pair: LayerPair, facts: int, value: float) -> None:
        """The metric of a running pair after so many facts."""
        trial = self._running.get(pair)
        if trial is not None:
            self._try(self._storage.set_trial_intermediate_value, trial, facts, value)

    def drop(self, pair: LayerPair) -> None:
        """A running pair is pruned."""
        self._end(pair, TrialState.PRUNED, None, {})

    def complete(self, pair: LayerPair, value: float, attributes: Mapping[str, float | int]) -> None:
        """A pair has seen every fact, whether it was shown running or not; once and no more."""
        if (pair, TrialState.COMPLETE) in self._finished:
            return
        if pair not in self._running:
            self._try(self._begin, pair)
        self._end(pair, TrialState.COMPLETE, value, attributes)

    @property
    def name(self) -> str:
        return self._key.name

    @property
    def broken(self) -> bool:
        """Whether the storage failed on the way."""
        return self._broken

    def set_attributes(self, attributes: Mapping[str, float | int]) -> None:
        for name, value in attributes.items():
            self._try(self._storage.set_study_user_attr, self._study, name, value)

    def detach(self) -> None:
        """Write nothing from here on: another file takes this one's place."""
        self._running.clear()
        self._broken = True

    def _begin(self, pair: LayerPair) -> None:
        ranges = self._key.ranges or ranges_of([pair])
        template = optuna.trial.create_trial(
            state=TrialState.RUNNING,
            params=params(pair, ranges),
            distributions=distributions(self._key.blocks, ranges),
            system_attrs={_OWNER: this_process()},
        )
        trial = self._storage.create_new_trial(self._study, template_trial=template)
        self._running[pair] = trial
        if isinstance(self._storage, RDBStorage):
            self._storage.record_heartbeat(trial)

    def _end(
        self, pair: LayerPair, state: TrialState, value: float | None, attributes: Mapping[str, float | int]
    ) -> None:
        trial = self._running.pop(pair, None)
        if trial is None:
            return
        for name, number in attributes.items():
            self._try(self._storage.set_trial_user_attr, trial, name, number)
        self._try(self._storage.set_trial_state_values, trial, state, None if value is None else [value])
        if state is not TrialState.FAIL:
            self._finished.add((pair, state))

    def _is_known(self, pair: LayerPair) -> bool:
        return any((pair, state) in self._finished for state in (TrialState.COMPLETE, TrialState.PRUNED))

    def _trials(self) -> list[FrozenTrial]:
        return self._storage.get_all_trials(self._study, deepcopy=False)

    def _try(self, act: Callable[Arguments, object], *given: Arguments.args, **named: Arguments.kwargs) -> None:
        """Call ``act``, unless the storage has failed before."""
        if self._broken:
            return
        try:
            act(*given, **named)
        except Exception as error:
            self._broken = True
            log.warning(
                "The study's storage failed (%s); the search continues without it. Hits are on disk: the same command "
                "brings the study up to date once the storage is back.",
                first_line(error),
            )

    def _beat(self, storage: RDBStorage, interval: int) -> None:
        while not self._stop.wait(interval):
            for trial in list(self._running.values()):
                self._try(storage.record_heartbeat, trial)


def close_stale(storage: BaseStorage, study: int, name: str, *, alone: bool) -> None:
    """Fail trials that a dead process left running: all of them where nobody else writes, else those of processes of
    this machine that have ended, and those without a beat."""
    for trial in storage.get_all_trials(study, deepcopy=False, states=(TrialState.RUNNING,)):
        if alone or is_alive(trial.system_attrs.get(_OWNER, {})) is False:
            with suppress(UpdateFinishedTrialError):  # another saw it too, and was first
                storage.set_trial_state_values(trial._trial_id, TrialState.FAIL)
    if not alone:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            fail_stale_trials(optuna.load_study(study_name=name, storage=storage))


def _study_id(storage: BaseStorage, key: StudyKey, *, alone: bool) -> int:
    wanted, direction = key.attributes(), StudyDirection[key.direction.upper()]
    try:
        study, made = storage.create_new_study([direction], key.name), True
    except DuplicatedStudyError:
        study, made = storage.get_study_id_from_name(key.name), False
    # Whoever made it says what it is of. It may be about to, so that others give it time; it may have died before.
    deadline = time.monotonic() + (0 if made or alone else _ATTRIBUTES)
    while True:
        # Trials are counted first: whoever adds one of ours has written the attributes before.
        occupied = storage.get_n_trials(study) > 0
        stored = storage.get_study_user_attrs(study)
        if stored.keys() >= wanted.keys() or occupied or time.monotonic() >= deadline:
            break
        time.sleep(0.05)
    differing = [name for name, value in wanted.items() if name in stored and stored[name] != value]
    foreign = occupied and not stored.keys() & wanted.keys()
    if differing or foreign or list(storage.get_study_directions(study)) != [direction]:
        shown = "; ".join(f"{name}: there {stored[name]}, here {wanted[name]}" for name in differing)
        raise BenchError(
            f"The study '{key.name}' in search.storage is of another search ({shown or 'not made by lrp2_bench'}).\n"
            "Give this run another experiment.name, which the study is named after, another search.storage, or delete "
            "that study (optuna delete-study)."
        )
    for name, value in wanted.items():
        if name not in stored:
            storage.set_study_user_attr(study, name, value)
    return study
