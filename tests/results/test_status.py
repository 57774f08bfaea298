"""``status.json``: written by the job itself at its start and at every way it can end."""

from __future__ import annotations

import errno
import json
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lrp2_bench.core.errors import BenchError
from lrp2_bench.results.status import job_status

NOBODY = 65534


def _read(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "status.json").read_text())
    return found


def test_a_job_is_running_then_finished(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    with job_status(folder) as status:
        assert _read(folder)["state"] == "running" and _read(folder)["pid"] == os.getpid()
        status.set_missing(["P30", "P36"])
        assert _read(folder)["state"] == "running" and _read(folder)["missing"] == ["P30", "P36"]
        status.set_missing([])
    assert _read(folder)["state"] == "finished" and _read(folder)["missing"] == []
    assert {"host", "updated"} <= set(_read(folder))


def test_a_failed_job_leaves_its_traceback_and_what_is_missing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ZeroDivisionError), job_status(tmp_path) as status:
        status.set_missing(["P36"])
        _ = 1 / 0
    found = _read(tmp_path)
    assert (found["state"], found["missing"], found["message"]) == ("failed", ["P36"], "division by zero")
    assert "ZeroDivisionError" in found["traceback"] and "test_status.py" in found["traceback"]
    assert f"'{tmp_path}' failed: division by zero" in caplog.text, "a multirun shows the first job's error only"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_a_stopped_job_says_that_it_can_go_on(
    number: signal.Signals, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(KeyboardInterrupt), job_status(tmp_path) as status:
        status.set_missing(["P30", "P36"])
        signal.raise_signal(number)
    found = _read(tmp_path)
    assert (found["state"], found["missing"]) == ("interrupted", ["P30", "P36"])
    assert "the same command resumes" in found["message"]
    assert "2 relations are left" in caplog.text and "run the same command to resume" in caplog.text


def test_the_signals_are_as_they_were_afterwards(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    with job_status(tmp_path):
        assert signal.getsignal(signal.SIGTERM) != before[0]
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before
    with pytest.raises(RuntimeError), job_status(tmp_path):
        raise RuntimeError
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


def test_a_launcher_that_handles_the_signal_keeps_it(tmp_path: Path) -> None:
    def of_the_launcher(number: int, frame: object) -> None: ...

    before = signal.signal(signal.SIGTERM, of_the_launcher)
    try:
        with job_status(tmp_path):
            assert signal.getsignal(signal.SIGTERM) is of_the_launcher
        assert signal.getsignal(signal.SIGTERM) is of_the_launcher
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_job_in_a_thread_works_without_signals(tmp_path: Path) -> None:
    def job() -> None:
        with job_status(tmp_path):
            pass

    thread = threading.Thread(target=job)
    thread.start()
    thread.join()
    assert _read(tmp_path)["state"] == "finished"


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (errno.ENOSPC, "disk is full"),
        (errno.EDQUOT, "quota"),
        (errno.EACCES, "no permission"),
        (errno.EPERM, "no permission"),
        (errno.EROFS, "read-only"),
    ],
    ids=errno.errorcode.get,
)
def test_what_keeps_a_job_from_writing_is_told_with_the_next_step(code: int, told: str, tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=told) as caught, job_status(tmp_path):
        raise OSError(code, os.strerror(code))
    assert f"Cannot write '{tmp_path}'" in str(caught.value) and "run the same command" in str(caught.value)
    assert _read(tmp_path)["state"] == "failed" and told in _read(tmp_path)["message"]
    with pytest.raises(BenchError, match="Cannot write '/there'"), job_status(tmp_path):
        raise OSError(code, os.strerror(code), "/there")


def test_a_file_system_that_takes_no_folders_is_told_and_a_missing_file_is_not(tmp_path: Path) -> None:
    with (
        pytest.raises(BenchError, match=r"Cannot write '/proc/nope.*No folder can be made"),
        job_status(Path("/proc/nope/run")),
    ):
        pass
    with pytest.raises(FileNotFoundError), job_status(tmp_path):
        (tmp_path / "gone").read_bytes()


def test_other_errors_of_the_system_go_on_as_they_are(tmp_path: Path) -> None:
    with pytest.raises(ConnectionResetError), job_status(tmp_path):
        raise ConnectionResetError(errno.ECONNRESET, "reset")
    assert _read(tmp_path)["state"] == "failed"


@contextmanager
def _powerless(folder: Path) -> Iterator[None]:
    """Without the right to write into ``folder``, whoever runs the tests."""
    folder.chmod(0o500)
    if os.geteuid() == 0:
        os.seteuid(NOBODY)
        try:
            yield
        finally:
            os.seteuid(0)
    else:
        yield
    folder.chmod(0o700)


def test_a_folder_without_the_right_to_write_is_told(tmp_path: Path) -> None:
    started = False
    with _powerless(tmp_path), pytest.raises(BenchError, match="no permission to write"), job_status(tmp_path / "run"):
        started = True
    assert not started, "refused at once, not after the work"
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_place_of_a_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for folder in (tmp_path / "file", tmp_path / "file" / "run"):
        with pytest.raises(BenchError, match="file. Set paths.outputs to a folder"), job_status(folder):
            raise AssertionError("refused at once")


def test_where_no_status_can_be_written_the_first_error_matters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(ValueError, match="the first"), job_status(tmp_path):
        monkeypatch.setattr(os, "fsync", full)
        raise ValueError("the first")
    assert "Cannot write" not in caplog.text
    assert (_read(tmp_path)["state"], _read(tmp_path)["message"]) == ("failed", "the first"), "written in place"
    assert [path.name for path in tmp_path.iterdir()] == ["status.json"]


def test_where_no_status_can_be_written_even_in_place_that_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ValueError, match="the first"), job_status(tmp_path):
        (tmp_path / "status.json").unlink()
        (tmp_path / "status.json").mkdir()
        raise ValueError("the first")
    assert "Cannot write" in caplog.text


@pytest.mark.parametrize("end", [ValueError, KeyboardInterrupt])
def test_finished_results_stay_finished_until_a_job_works_on_them(tmp_path: Path, end: type[BaseException]) -> None:
    with job_status(tmp_path):
        pass
    before = (tmp_path / "status.json").read_bytes()
    with pytest.raises(end), job_status(tmp_path):
        raise end
    assert (tmp_path / "status.json").read_bytes() == before, "refused, say, or stopped while the model was loaded"
    with pytest.raises(end), job_status(tmp_path) as status:
        status.set_missing(["P36"])
        raise end
    assert _read(tmp_path)["state"] in {"failed", "interrupted"} and _read(tmp_path)["missing"] == ["P36"]


def test_what_is_missing_stays_known_until_a_job_has_looked(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="x"), job_status(tmp_path) as status:
        status.set_missing(["P30", "P36"])
        raise ValueError("x")
    with pytest.raises(ValueError, match="no model"), job_status(tmp_path) as status:
        assert _read(tmp_path)["state"] == "running" and _read(tmp_path)["missing"] == ["P30", "P36"]
        raise ValueError("no model")
    assert _read(tmp_path)["state"] == "failed" and _read(tmp_path)["missing"] == ["P30", "P36"]


def test_a_job_looks_once_more_before_its_last_word(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="x"), job_status(tmp_path) as status:
        status.set_missing(["P30"])
        with job_status(tmp_path):
            pass  # meanwhile another job finishes all there is
        status.look_again = lambda: status.note_missing([])
        raise ValueError("x")
    assert _read(tmp_path)["state"] == "finished"
    with pytest.raises(ValueError, match="the first"), job_status(tmp_path) as status:
        status.set_missing(["P30"])
        status.look_again = lambda: 1 / 0
        raise ValueError("the first")
    assert (_read(tmp_path)["state"], _read(tmp_path)["message"]) == ("failed", "the first")


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '{"missing": []}', "\xff"])
def test_a_status_that_cannot_be_read_is_written_anew(text: str, tmp_path: Path) -> None:
    (tmp_path / "status.json").write_bytes(text.encode("latin-1"))
    with job_status(tmp_path):
        assert _read(tmp_path)["state"] == "running"
    assert _read(tmp_path)["state"] == "finished"
