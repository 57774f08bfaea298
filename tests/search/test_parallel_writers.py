"""Eight processes write studies at once: with a journal each, merged, and into one PostgreSQL database."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest

from lrp2_bench.core.processes import this_process
from lrp2_bench.core.types import LayerPair, all_pairs
from lrp2_bench.search import recorder as recorder
from lrp2_bench.search.merge import find_journals, merge_studies
from lrp2_bench.search.recorder import StudyRecorder, pair_of
from lrp2_bench.search.storage import open_database, open_journal
from tests.support.writers import BLOCKS, KEY, expected, fill, run_together, share, value


def _check(study: optuna.Study) -> None:
    trials = study.get_trials()
    counts = Counter((pair_of(trial), trial.state.name) for trial in trials)
    assert counts == Counter(expected().items()), "no trial lost, none doubled"
    assert all(trial.intermediate_values == {10: value(pair_of(trial)) - 1} for trial in trials)
    complete = [trial for trial in trials if trial.state.name == "COMPLETE"]
    assert all(trial.value == value(pair_of(trial)) and trial.user_attrs == {"facts": 20} for trial in complete)


def test_eight_writers_with_a_journal_each_lose_and_double_no_trial(tmp_path: Path) -> None:
    folder = tmp_path / "e" / "m" / "d" / "l"

    def write(number: int) -> None:
        fill(StudyRecorder(open_journal(folder / f"study.{number}.journal"), KEY, alone=True), number)

    run_together(write)
    journals = find_journals([tmp_path], "study.journal")
    assert len(journals) == 8
    storage, names, problems = merge_studies(journals, tmp_path / "merged.journal")
    assert names == ["e/m/d/l"] and not problems
    _check(optuna.load_study(study_name="e/m/d/l", storage=storage))
    _check(optuna.load_study(study_name="e/m/d/l", storage=open_journal(tmp_path / "merged.journal")))


@pytest.fixture
def database() -> Iterator[str]:
    """The URL of an empty PostgreSQL that lives for one test: a socket in a temporary folder, no network."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not found or shutil.which("setpriv") is None:
        pytest.skip("PostgreSQL is not installed: make test-system installs it")
    pytest.importorskip("psycopg")
    # Not in pytest's own folder, which root alone may enter.
    folder = Path(tempfile.mkdtemp(prefix="lrp2-bench-pg-"))
    as_user: list[str] = []
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        shutil.chown(folder, "nobody")
        as_user = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
    data, socket = folder / "data", folder

    def run(*command: str) -> None:
        done = subprocess.run([*as_user, *command], capture_output=True, text=True, cwd=folder, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    run(str(found[-1] / "initdb"), "-D", str(data), "-U", "bench", "-A", "trust", "--no-sync")
    options = f"-k {socket} -c listen_addresses='' -c fsync=off"
    start = [str(found[-1] / "pg_ctl"), "-D", str(data), "-w", "-l", str(folder / "log")]
    run(*start, "-o", options, "start")
    try:
        yield f"postgresql+psycopg://bench@/postgres?host={socket}"
    finally:
        run(*start, "-m", "immediate", "stop")
        shutil.rmtree(folder)


@pytest.mark.system
def test_eight_writers_into_one_postgresql_study_lose_and_double_no_trial(database: str) -> None:
    def write(number: int) -> None:  # the tables too are made by all at once: a sweep's jobs meet an empty database
        fill(StudyRecorder(open_database(database, 60), KEY, alone=False), number)

    run_together(write)
    _check(optuna.load_study(study_name=KEY.name, storage=open_database(database, 60)))


@pytest.mark.system
def test_killed_writers_trials_in_postgresql_are_closed_and_done_by_the_next(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = type(KEY)("killed", BLOCKS, "accuracy", "hash")

    def dies(number: int) -> None:
        if number % 2:
            monkeypatch.setattr(recorder, "this_process", lambda: {**this_process(), "machine": "another"})
        writer = StudyRecorder(open_database(database, 60), key, alone=False)
        writer.begin(share(number)[:2])
        writer.complete(share(number)[0], 1.0, {})

    run_together(dies)  # their hearts stop with them
    with StudyRecorder(open_database(database, 60), key, alone=False):
        study = optuna.load_study(study_name="killed", storage=open_database(database, 60))
        states = Counter(trial.state.name for trial in study.trials)
        assert states == {"COMPLETE": 8, "FAIL": 4, "RUNNING": 4}, "too early for those of another machine"
    subprocess.run(["sleep", "2.5"], check=True)
    with StudyRecorder(open_database(database, 1), key, alone=False) as writer:
        for pair in all_pairs(BLOCKS):
            writer.begin([pair])
            writer.complete(pair, 2.0, {})
    study = optuna.load_study(study_name="killed", storage=open_database(database, 60))
    done = Counter(pair_of(trial) for trial in study.trials if trial.state.name == "COMPLETE")
    assert done == Counter(all_pairs(BLOCKS)) and LayerPair(1, 2) in done
    assert Counter(trial.state.name for trial in study.trials) == {"COMPLETE": 66, "FAIL": 8}
