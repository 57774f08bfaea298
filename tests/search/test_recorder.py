"""The recorder mirrors a search into a study: once each, across stops, and never at the search's cost."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest
from optuna.storages import BaseStorage, InMemoryStorage, RDBStorage
from optuna.study import StudyDirection
from optuna.trial import TrialState

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.processes import this_process
from lrp2_bench.core.types import LayerPair, all_pairs
from lrp2_bench.search import recorder as recorder
from lrp2_bench.search.recorder import StudyKey, StudyRecorder, pair_of
from lrp2_bench.search.storage import open_database, open_journal

KEY = StudyKey("e/m/d/l", 4, "accuracy", "hash")
A, B, C = LayerPair(1, 2), LayerPair(1, 3), LayerPair(2, 4)


def _states(storage: BaseStorage) -> list[tuple[LayerPair, str]]:
    study = optuna.load_study(study_name=KEY.name, storage=storage)
    return [(pair_of(trial), trial.state.name) for trial in study.get_trials()]


def write_attributes(storage: BaseStorage, study: int, key: StudyKey) -> None:
    for name, value in key.attributes().items():
        storage.set_study_user_attr(study, name, value)


def then(monkeypatch: pytest.MonkeyPatch, storage: BaseStorage, call: str, act: Callable[[], None]) -> None:
    """Behind the storage's next ``call``, before its answer is heard, somebody else acts."""
    original = getattr(storage, call)

    def answer(*arguments: object) -> object:
        found = original(*arguments)
        monkeypatch.undo()
        act()
        return found

    monkeypatch.setattr(storage, call, answer)


@pytest.fixture(params=["journal", "sqlite"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Path]:
    return request.param, tmp_path


def _open(place: tuple[str, Path]) -> BaseStorage:
    kind, folder = place
    if kind == "journal":
        return open_journal(folder / "study.journal")
    return open_database(f"sqlite:///{folder}/s.db", heartbeat=60)


def test_pairs_run_report_and_end(place: tuple[str, Path]) -> None:
    storage = _open(place)
    with StudyRecorder(storage, KEY, alone=True) as opened:
        opened.begin([A, B, C])
        assert {state for _, state in _states(storage)} == {"RUNNING"}
        opened.report(A, 10, 40.0)
        opened.report(B, 10, 50.0)
        opened.drop(A)
        opened.report(B, 20, 45.0)
        opened.complete(B, 45.0, {"facts": 20})
        opened.complete(C, 44.0, {})
        opened.set_attributes({"baseline_accuracy": 43.0})
    study = optuna.load_study(study_name=KEY.name, storage=_open(place))
    assert _states(_open(place)) == [(A, "PRUNED"), (B, "COMPLETE"), (C, "COMPLETE")]
    assert [trial.intermediate_values for trial in study.trials] == [{10: 40.0}, {10: 50.0, 20: 45.0}, {}]
    assert study.best_value == 45.0 and study.best_trial.user_attrs == {"facts": 20}
    assert study.user_attrs["baseline_accuracy"] == 43.0


def test_what_a_dead_process_left_running_is_failed_and_run_again_once(place: tuple[str, Path]) -> None:
    dead = StudyRecorder(_open(place), KEY, alone=True)  # never left, as after kill -9
    dead.begin([A, B])
    dead.complete(A, 1.0, {})
    with StudyRecorder(_open(place), KEY, alone=True) as opened:
        assert _states(_open(place)) == [(A, "COMPLETE"), (B, "FAIL")]
        for _ in range(2):
            opened.begin([A, B])
            opened.complete(A, 1.0, {})
            opened.complete(B, 2.0, {})
    assert _states(_open(place)) == [(A, "COMPLETE"), (B, "FAIL"), (B, "COMPLETE")]


def test_a_stopped_search_leaves_nothing_running(place: tuple[str, Path]) -> None:
    with pytest.raises(KeyboardInterrupt), StudyRecorder(_open(place), KEY, alone=True) as opened:
        opened.begin([A])
        raise KeyboardInterrupt
    assert _states(_open(place)) == [(A, "FAIL")]


def test_a_pruned_pair_is_not_begun_again_but_may_be_completed_by_a_grid(place: tuple[str, Path]) -> None:
    with StudyRecorder(_open(place), KEY, alone=True) as opened:
        opened.begin([A])
        opened.drop(A)
    with StudyRecorder(_open(place), KEY, alone=True) as opened:
        opened.begin([A])
        opened.drop(A)
        assert _states(_open(place)) == [(A, "PRUNED")]
        opened.complete(A, 1.0, {})
    assert _states(_open(place)) == [(A, "PRUNED"), (A, "COMPLETE")]


def test_in_a_shared_database_a_trial_is_its_owners_until_the_heart_stops(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/s.db"
    StudyRecorder(open_database(url, 60), KEY, alone=False).begin([A])
    with StudyRecorder(open_database(url, 60), KEY, alone=False):
        assert _states(open_database(url, 60)) == [(A, "RUNNING")], "its heart beat a moment ago"
    storage = RDBStorage(url)
    with storage.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE trial_heartbeats SET heartbeat = '2001-01-01 00:00:00'")
    with StudyRecorder(open_database(url, 60), KEY, alone=False):
        assert _states(open_database(url, 60)) == [(A, "FAIL")]


def test_the_heart_beats_while_a_trial_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    beats: Counter[int] = Counter()
    record = RDBStorage.record_heartbeat

    def count(self: RDBStorage, trial: int) -> None:
        beats[trial] += 1
        record(self, trial)

    monkeypatch.setattr(RDBStorage, "record_heartbeat", count)
    with StudyRecorder(open_database(f"sqlite:///{tmp_path}/s.db", 1), KEY, alone=False) as opened:
        opened.begin([A])
        assert opened._heart is not None
        deadline = time.monotonic() + 60
        while beats.total() < 3 and time.monotonic() < deadline:
            opened._stop.wait(0.05)
    assert len(beats) == 1 and beats.total() >= 3, "one as it begins, then one a second"


@pytest.mark.parametrize(
    ("other", "named"),
    [
        (StudyKey(KEY.name, 6, "accuracy", "hash"), "blocks: there 4, here 6"),
        (StudyKey(KEY.name, 4, "transferability", "hash"), "objective: there accuracy, here transferability"),
        (StudyKey(KEY.name, 4, "accuracy", "other"), "identity: there hash, here other"),
    ],
)
def test_a_study_of_something_else_under_the_name_is_refused(
    place: tuple[str, Path], other: StudyKey, named: str
) -> None:
    StudyRecorder(_open(place), KEY, alone=True)
    with pytest.raises(
        BenchError, match=f"'e/m/d/l' in search.storage is of another search .*{named}.*\n.*another exper"
    ):
        StudyRecorder(_open(place), other, alone=True)


def test_somebody_elses_study_under_the_name_is_refused(place: tuple[str, Path]) -> None:
    study = optuna.create_study(study_name=KEY.name, storage=_open(place), direction="maximize")
    study.add_trial(optuna.trial.create_trial(value=1.0))
    with pytest.raises(BenchError, match="not made by lrp2_bench"):
        StudyRecorder(_open(place), KEY, alone=True)
    other = StudyKey("down", 4, "accuracy", "hash")
    optuna.create_study(study_name="down", storage=_open(place), direction="minimize")
    with pytest.raises(BenchError, match="'down' in search.storage is of another search"):
        StudyRecorder(_open(place), other, alone=True)


@pytest.mark.parametrize("between", ["get_study_id_from_name", "get_n_trials", "get_study_user_attrs"])
def test_a_writer_that_starts_while_another_begins_takes_the_study_for_its_own_kind(
    monkeypatch: pytest.MonkeyPatch, between: str
) -> None:
    storage = InMemoryStorage()
    study = storage.create_new_study([StudyDirection.MAXIMIZE], KEY.name)  # the other has come as far as this

    def the_other() -> None:
        write_attributes(storage, study, KEY)
        StudyRecorder(storage, KEY, alone=False).begin([LayerPair(1, 2)])

    then(monkeypatch, storage, between, the_other)
    StudyRecorder(storage, KEY, alone=False).begin([LayerPair(1, 3)])
    trials = optuna.load_study(study_name=KEY.name, storage=storage).trials
    assert Counter(map(pair_of, trials)) == {LayerPair(1, 2): 1, LayerPair(1, 3): 1}


@pytest.mark.parametrize("between", ["get_study_id_from_name", "get_n_trials", "get_study_user_attrs"])
def test_of_two_searches_that_start_together_the_maker_has_the_study(
    monkeypatch: pytest.MonkeyPatch, between: str
) -> None:
    storage = InMemoryStorage()
    study = storage.create_new_study([StudyDirection.MAXIMIZE], KEY.name)
    then(monkeypatch, storage, between, lambda: write_attributes(storage, study, KEY))
    with pytest.raises(BenchError, match="identity: there hash, here of others"):
        StudyRecorder(storage, StudyKey(KEY.name, 4, "accuracy", "of others"), alone=False)
    assert storage.get_study_user_attrs(study) == KEY.attributes()


def test_a_study_whose_maker_died_before_it_said_what_it_is_of_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "_ATTRIBUTES", 0.2)
    storage = InMemoryStorage()
    study = storage.create_new_study([StudyDirection.MAXIMIZE], KEY.name)
    StudyRecorder(storage, KEY, alone=False)
    assert storage.get_study_user_attrs(study) == KEY.attributes()


def test_what_an_ended_process_of_this_machine_left_running_is_failed_before_its_heart_is_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path}/s.db"
    owners = {
        A: this_process(),
        B: {**this_process(), "machine": "another"},
        C: {**this_process(), "started": "before"},
    }
    for pair, owner in owners.items():
        monkeypatch.setattr(recorder, "this_process", lambda owner=owner: owner)
        StudyRecorder(open_database(url, 60), KEY, alone=False).begin([pair])
    assert _states(open_database(url, 60)) == [(A, "RUNNING"), (B, "RUNNING"), (C, "RUNNING")]
    StudyRecorder(open_database(url, 60), KEY, alone=False)
    assert _states(open_database(url, 60)) == [(A, "RUNNING"), (B, "RUNNING"), (C, "FAIL")]


def test_a_storage_that_fails_on_the_way_is_told_once_and_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    storage = InMemoryStorage()

    def gone(*arguments: object, **named: object) -> None:
        raise OSError("the server closed the connection")

    with caplog.at_level(logging.WARNING), StudyRecorder(storage, KEY, alone=True) as opened:
        opened.begin([A])
        storage.create_new_trial = gone
        storage.set_trial_intermediate_value = gone
        opened.begin([B])
        opened.report(A, 1, 1.0)
        opened.drop(A)
        opened.complete(B, 1.0, {})
        assert opened.broken
    assert caplog.text.count("The study's storage failed (the server closed the connection)") == 1
    assert "brings the study up to date" in caplog.text


def test_every_pair_of_a_model_is_in_the_space(place: tuple[str, Path]) -> None:
    storage = _open(place)
    with StudyRecorder(storage, KEY, alone=True) as opened:
        for number, pair in enumerate(all_pairs(4)):
            opened.complete(pair, float(number), {})
    assert [pair for pair, _ in _states(storage)] == list(all_pairs(4))
    study = storage.get_study_id_from_name(KEY.name)
    assert {trial.state for trial in storage.get_all_trials(study)} == {TrialState.COMPLETE}
