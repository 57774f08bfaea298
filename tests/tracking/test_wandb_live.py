"""A search's progress at W&B while it runs: in the run that its results go to, here and at a server."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import fields

import pytest

from lrp2_bench.tracking import JobRecord, StartedJob, WandbTracker
from lrp2_bench.tracking.base import closing_run
from tests.support.commands import ToyJob
from tests.support.fake_wandb import KEY, FakeWandb, serving
from tests.support.read_wandb import offline_runs, the_run

PATIENCE = 60.0  # seconds; the first row is at the server after some three


def begun(record: JobRecord) -> StartedJob:
    return StartedJob(**{each.name: getattr(record, each.name) for each in fields(StartedJob)})


def test_progress_and_results_are_one_run(record: JobRecord) -> None:
    tracker = WandbTracker(mode="offline")
    for cells in (10, 20):
        tracker.log_progress(begun(record), {"cells": cells, "best_accuracy_in_sample": 21.5})
    assert tracker.log_job(record)
    run = the_run(record.folder)
    assert run.logged("progress/cells") == [10, 20] and run.logged("progress/best_accuracy_in_sample") == [21.5] * 2
    assert len(run.media("pairs")["data"]) == len(record.pairs) and run.summary["facts"] == 1000
    assert not [key for key in run.summary if key.startswith("progress")], "the last of them sums up nothing"
    assert (run.run["display_name"], run.exit_code) == (record.name, 0)
    assert run.config["job"]["language"] == "de" and run.tags == list(record.tags)
    assert tracker.log_job(record) and len(offline_runs(record.folder)) == 2, "another attempt is another run"


@pytest.mark.parametrize("failed", [True, False])
def test_a_job_that_ends_without_results_leaves_no_run_open(record: JobRecord, failed: bool) -> None:
    tracker = WandbTracker(mode="offline")
    tracker.log_progress(begun(record), {"cells": 1})
    if failed:
        with pytest.raises(KeyboardInterrupt), closing_run(tracker):
            raise KeyboardInterrupt
    else:
        tracker.stop(failed=False)
    assert the_run(record.folder).exit_code == int(failed)
    tracker.stop(failed=True)


def test_a_progress_that_cannot_be_kept_is_one_warning(
    record: JobRecord, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("lrp2_bench.tracking.wandb_tracker.open_run", full)
    tracker = WandbTracker(mode="offline")
    for _ in range(3):
        tracker.log_progress(begun(record), {"cells": 1})
    assert [entry.getMessage() for entry in caplog.records if entry.levelno >= logging.WARNING] == [
        "W&B does not show the progress of de-lrp2-mbert-mlama-paper (OSError: no space left)."
    ]
    monkeypatch.undo()
    assert not tracker.live_seconds


def test_who_disables_wandb_gets_no_progress(record: JobRecord) -> None:
    assert WandbTracker(mode="disabled").live_seconds == 0.0
    WandbTracker(mode="disabled").log_progress(begun(record), {"cells": 1})
    assert not (record.folder / "wandb").exists()


@pytest.mark.system
def test_a_server_has_the_progress_before_the_results_and_both_in_one_run(
    record: JobRecord, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with serving(FakeWandb()) as server:
        monkeypatch.setenv("WANDB_BASE_URL", server.url)
        monkeypatch.setenv("WANDB_API_KEY", KEY)
        tracker = WandbTracker(timeout=PATIENCE)
        tracker.log_progress(begun(record), {"cells": 10})
        end = time.monotonic() + PATIENCE
        while not server.lines("wandb-history.jsonl") and time.monotonic() < end:
            time.sleep(0.1)
        assert [row["progress/cells"] for row in server.lines("wandb-history.jsonl")] == [10]
        assert not server.lines("wandb-summary.json") or "best" not in server.lines("wandb-summary.json")[-1]
        tracker.log_job(record)
        assert record.best is not None
        assert server.lines("wandb-summary.json")[-1]["best"]["accuracy"] == record.best.accuracy
    run = the_run(record.folder)
    assert f"W&B took {record.name}: {server.url}/me/lrp2-bench/runs/{run.run['run_id']}" in caplog.text
    for path in record.folder.rglob("*"):
        assert not path.is_file() or KEY.encode() not in path.read_bytes(), f"the API key is in {path}"


@pytest.mark.slow
def test_a_server_that_refuses_the_progress_is_a_warning_and_the_run_stays_on_disk(
    record: JobRecord, refusing_server: FakeWandb, caplog: pytest.LogCaptureFixture
) -> None:
    tracker = WandbTracker(timeout=PATIENCE)
    tracker.log_progress(begun(record), {"cells": 10})
    tracker.log_job(record)
    run = the_run(record.folder)
    assert f"Sync it later: wandb sync {run.folder}" in caplog.text and "W&B took" not in caplog.text
    assert run.exit_code == 0 and run.logged("progress/cells") == [10]


@pytest.mark.parametrize("kind", ["grid", pytest.param("racing", marks=pytest.mark.slow)])
def test_a_search_tells_how_far_it_is(toy_job: Callable[..., ToyJob], kind: str) -> None:
    job = toy_job()
    live = ("tracking=wandb", "tracking.mode=offline", "tracking.live=0.000001")
    assert job.search(*live, f"search={kind}") == 0
    run = the_run(job.folder())
    rows = [row for row in run.history if "progress/cells" in row]
    assert rows and run.summary["facts"] == rows[-1]["progress/facts_total"]
    assert all(row["progress/cells"] <= row["progress/cells_total"] for row in rows)
    assert all(row["progress/facts"] <= row["progress/facts_total"] for row in rows)
    best = [row["progress/best_accuracy_in_sample"] for row in rows if "progress/best_accuracy_in_sample" in row]
    assert all(0.0 <= accuracy <= 100.0 for accuracy in best)
    if kind == "grid":
        assert rows[-1]["progress/cells"] == rows[-1]["progress/cells_total"]
