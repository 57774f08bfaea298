"""What goes wrong in W&B's client or on the way to the disk does the job no harm, and is told."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import pytest

from lrp2_bench.tracking import JobRecord, NoTracker, WandbTracker, wandb_job, wandb_run
from lrp2_bench.tracking.whole import ends_with_a_record, is_whole
from tests.support.paths import REPOSITORY
from tests.support.read_wandb import offline_runs, the_run


def test_a_failure_inside_is_a_warning_and_the_run_ends_as_failed(
    record: JobRecord, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("of all things")

    with monkeypatch.context() as patch:
        patch.setattr(wandb_job, "_summary", fail)
        WandbTracker(mode="offline").log_job(record)
    assert "RuntimeError: of all things" in caplog.text
    assert the_run(record.folder).exit_code == 1
    WandbTracker(mode="offline").log_job(record)
    assert sorted(run.exit_code or 0 for run in offline_runs(record.folder)) == [0, 1], "the next job is not harmed"


def test_a_ctrl_c_inside_is_not_swallowed_and_finishes_the_run(
    record: JobRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(wandb_job, "_summary", interrupt)
    with pytest.raises(KeyboardInterrupt):
        WandbTracker(mode="offline").log_job(record)
    assert the_run(record.folder).exit_code == 1


@pytest.mark.parametrize("fault", ["CommError", "UsageError"])
def test_wandbs_own_errors_are_warnings(
    record: JobRecord, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, fault: str
) -> None:
    import wandb

    def fail(**_: object) -> None:
        raise getattr(wandb.errors, fault)("no")

    monkeypatch.setattr(wandb, "init", fail)
    WandbTracker(mode="offline").log_job(record)
    assert f"{fault}: no" in caplog.text


def test_a_folder_that_cannot_be_written_is_a_warning(record: JobRecord, caplog: pytest.LogCaptureFixture) -> None:
    (record.folder / "wandb").write_text("in the way")
    WandbTracker(mode="offline").log_job(record)
    assert "W&B did not take de-lrp2-mbert-mlama-paper (FileExistsError" in caplog.text


def test_a_run_cut_at_any_byte_is_not_taken_for_whole(record: JobRecord) -> None:
    WandbTracker(mode="offline").log_job(record)
    folder = the_run(record.folder).folder
    (path,) = folder.glob("*.wandb")
    data = path.read_bytes()
    assert is_whole(folder)
    whole = [cut for cut in range(len(data)) if ends_with_a_record(data[:cut])]
    assert len(whole) < 100 < len(data) / 50, "only between two records"
    assert ends_with_a_record(b"another make of file")
    path.write_bytes(data[:-1])
    assert not is_whole(folder)
    path.unlink()
    assert not is_whole(folder)


def test_a_run_cut_short_is_told_and_left_to_the_same_command(
    record: JobRecord, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    fill = wandb_run._fill

    def cut(opened: wandb_run.OpenRun, content: wandb_run.Content) -> None:
        fill(opened, content)
        (path,) = opened.folder.glob("*.wandb")
        path.write_bytes(path.read_bytes()[:-1])

    tracker = WandbTracker(mode="offline")
    with monkeypatch.context() as patch:
        patch.setattr(wandb_run, "_fill", cut)
        assert not tracker.log_job(record)
    assert "was cut short in" in caplog.text and "wandb sync" not in caplog.text
    assert tracker.log_job(record) and "wandb sync" in caplog.text


@pytest.mark.parametrize(("module", "runs"), [("wandb", 0), ("plotly", 1)])
def test_a_missing_package_is_one_line_that_names_the_package(
    record: JobRecord, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, module: str, runs: int
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    WandbTracker(mode="offline").log_job(record)
    warnings = [entry.getMessage() for entry in caplog.records if entry.levelno >= logging.WARNING]
    assert len(warnings) == 1 and f"pip install {module}" in warnings[0]
    monkeypatch.undo()
    assert len(offline_runs(record.folder)) == runs


def test_a_run_of_the_callers_own_lives_on(record: JobRecord, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    import wandb

    own = wandb.init(dir=tmp_path, mode="offline", settings=wandb.Settings(silent=True))
    WandbTracker(mode="offline").log_job(record)
    assert "another W&B run is open" in caplog.text
    own.log({"mine": 1})
    own.finish()
    wandb.teardown()
    assert the_run(record.folder).exit_code == 0
    run = the_run(tmp_path)
    assert run.logged("mine") == [1]


def test_neither_tracker_imports_wandb_before_it_is_needed() -> None:
    code = (
        "import sys; from lrp2_bench.tracking import NoTracker, WandbTracker\n"
        "NoTracker().log_job(None); WandbTracker()\n"
        "loaded = {'wandb', 'plotly', 'torch', 'pandas'} & set(sys.modules)\n"
        "sys.exit(f'imported: {loaded}' if loaded else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_no_tracker_writes_nothing(record: JobRecord) -> None:
    before = sorted(record.folder.rglob("*"))
    NoTracker().log_job(record)
    assert sorted(record.folder.rglob("*")) == before
