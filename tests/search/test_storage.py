"""Where studies live: a journal that repairs itself, a database that is refused in words."""

from __future__ import annotations

import json
import logging
import time
from pathlib import Path

import pytest
from optuna.storages import JournalStorage, RDBStorage
from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError

from lrp2_bench.core.errors import BenchError, UnknownNameError
from lrp2_bench.core.types import LayerPair
from lrp2_bench.search import storage
from lrp2_bench.search.recorder import StudyKey, StudyRecorder
from lrp2_bench.search.storage import open_database, open_journal, refuse_shared_sqlite

KEY = StudyKey("m/d/l", 4, "accuracy", "hash")


@pytest.fixture
def written(tmp_path: Path) -> Path:
    path = tmp_path / "study.journal"
    with StudyRecorder(open_journal(path), KEY, alone=True) as recorder:
        recorder.complete(LayerPair(1, 2), 5.0, {})
    return path


def _complete(path: Path) -> int:
    storage = open_journal(path)
    (study,) = storage.get_all_studies()
    return sum(trial.state.name == "COMPLETE" for trial in storage.get_all_trials(study._study_id))


@pytest.mark.parametrize("tail", [b"{", b'{"op_code":4,"wor', b"\x00\x00"])
def test_a_torn_tail_is_cut_before_the_next_record_joins_it(written: Path, tail: bytes) -> None:
    whole = written.read_bytes()
    written.write_bytes(whole + tail)
    with StudyRecorder(open_journal(written), KEY, alone=True) as recorder:
        recorder.complete(LayerPair(1, 3), 6.0, {})
    assert written.read_bytes().startswith(whole)
    assert all(json.loads(line) for line in written.read_text().splitlines())
    assert _complete(written) == 2


def test_a_dead_writers_lock_is_lifted_and_nobody_waits_for_it(written: Path) -> None:
    written.with_name("study.journal.lock").symlink_to(written)
    start = time.monotonic()
    with StudyRecorder(open_journal(written), KEY, alone=True) as recorder:
        recorder.complete(LayerPair(1, 3), 6.0, {})
    assert time.monotonic() - start < 10 and _complete(written) == 2


def test_a_journal_that_cannot_be_read_is_set_aside_and_begun_again(
    written: Path, caplog: pytest.LogCaptureFixture
) -> None:
    damaged = b"no json at all\n" + written.read_bytes()
    written.write_bytes(damaged)
    with caplog.at_level(logging.WARNING):
        opened = open_journal(written)
    assert isinstance(opened, JournalStorage) and not opened.get_all_studies()
    assert written.with_name("study.journal.damaged").read_bytes() == damaged
    assert "is damaged; kept as 'study.journal.damaged'" in caplog.text


def test_a_database_that_cannot_be_reached_is_told_without_its_password() -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(BenchError) as caught:
        open_database("postgresql+psycopg://me:geheim@127.0.0.1:1/none", heartbeat=60)
    said = str(caught.value)
    assert "postgresql+psycopg://me:***@127.0.0.1:1/none" in said and "geheim" not in said
    assert "Check that the database runs" in said and "Hits on disk are kept" in said and said.count("\n") < 4


@pytest.mark.parametrize(
    "error",
    [
        IntegrityError("CREATE TABLE", {}, Exception("duplicate key value violates unique constraint")),
        ProgrammingError("CREATE TABLE", {}, Exception('relation "studies" already exists')),
        OperationalError("CREATE TABLE", {}, Exception("(1050, \"Table 'studies' already exists\")")),
    ],
)
def test_a_job_that_another_forestalls_in_making_the_tables_uses_those(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    url, met = f"sqlite:///{tmp_path}/s.db", [error]

    def forestalled(*arguments: object, **options: object) -> object:
        if met:
            raise met.pop()
        return RDBStorage(*arguments, **options)

    monkeypatch.setattr(storage, "RDBStorage", forestalled)
    monkeypatch.setattr(storage, "_TABLES", 0.0)  # however slow the machine, the error is the beginning
    assert open_database(url, 60).get_all_studies() == [] and not met


def test_a_database_whose_tables_cannot_be_made_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*arguments: object, **options: object) -> object:
        raise ProgrammingError("CREATE TABLE", {}, Exception("permission denied for schema public"))

    monkeypatch.setattr(storage, "RDBStorage", refused)
    with pytest.raises(BenchError, match="permission denied for schema public"):
        open_database(f"sqlite:///{tmp_path}/s.db", 60)


def test_a_driver_that_is_not_installed_is_named() -> None:
    with pytest.raises(BenchError, match=r"needs a driver that is not installed[\s\S]*pip install 'pymysql'"):
        open_database("mysql+pymysql://me@localhost/none", heartbeat=60)


@pytest.mark.parametrize("url", ["postgres://me@host/x", "somewhere", "redis://host"])
def test_a_url_of_no_known_kind_is_told_what_is_known(url: str) -> None:
    with pytest.raises(UnknownNameError, match=r"kind of database[\s\S]*postgresql[\s\S]*postgresql\+psycopg://"):
        open_database(url, heartbeat=60)


def test_a_heart_that_cannot_beat_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"search.heartbeat=0"):
        open_database(f"sqlite:///{tmp_path}/s.db", heartbeat=0)


def test_one_sqlite_file_for_several_jobs_is_refused_with_the_reason() -> None:
    with pytest.raises(BenchError, match=r"one SQLite file for all jobs[\s\S]*Leave search.storage out"):
        refuse_shared_sqlite("sqlite:///s.db")
    refuse_shared_sqlite(None)
    refuse_shared_sqlite("postgresql+psycopg://host/x")


def test_a_password_that_would_be_taken_for_a_part_of_the_host_is_refused_before_any_driver_tells_it() -> None:
    with pytest.raises(BenchError, match=r"cannot be read as a URL. Write an @ in a password as %40") as caught:
        open_database("postgresql+psycopg://bob:p@GEHEIM@127.0.0.1:1/none", heartbeat=60)
    assert "GEHEIM" not in str(caught.value) and "postgresql+psycopg://bob:***@127.0.0.1:1/none" in str(caught.value)
