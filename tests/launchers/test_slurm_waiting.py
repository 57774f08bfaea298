"""Waiting for jobs of Slurm: no state of the queue keeps us for ever, and none makes us give up a job that runs."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from lrp2_bench.launchers import slurm
from lrp2_bench.launchers.job import Job, Outcome, State
from lrp2_bench.launchers.queue import QueueError

submitit = pytest.importorskip("submitit.core.utils")

FINISHED = Outcome(State.finished)
STOPPED = Outcome(State.interrupted, "Stopped before its end.")


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slurm.time, "sleep", lambda seconds: None)
    monkeypatch.setattr(slurm, "ending", lambda number: "CANCELLED by 0")
    monkeypatch.setattr(slurm, "say", lambda text: None)


def _returns(logs: Path, number: str, value: object, ended: str = "success") -> None:
    path = submitit.JobPaths(logs / "%j", job_id=number, task_id=0).result_pickle
    path.parent.mkdir(parents=True, exist_ok=True)
    submitit.cloudpickle_dump((ended, value), path)


def _wait(logs: Path, looks: Iterable[object], monkeypatch: pytest.MonkeyPatch, *numbers: str) -> dict[str, Outcome]:
    """``looks``: what the queue says, time after time: ids, an error, or something to do before an answer."""
    script = iter(looks)

    def queued() -> dict[str, str]:
        look = next(script)
        if callable(look):
            look = look()
        if isinstance(look, QueueError):
            raise look
        return dict.fromkeys(look, "RUNNING")

    monkeypatch.setattr(slurm, "queued", queued)
    seen: dict[str, Outcome] = {}
    running = {number: Job("search", i, (), logs / "none", number) for i, number in enumerate(numbers)}
    slurm._wait(running, logs, lambda job, outcome: seen.update({job.label: outcome}))
    return seen


def test_a_result_ends_the_waiting_whatever_the_queue_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _returns(tmp_path, "7_0", FINISHED)
    assert _wait(tmp_path, [["7_0"]], monkeypatch, "7_0") == {"7_0": FINISHED}
    _returns(tmp_path, "7_1", FINISHED)
    assert _wait(tmp_path, [QueueError("down")], monkeypatch, "7_1") == {"7_1": FINISHED}


def test_a_job_that_left_the_queue_without_a_result_is_told_with_slurms_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = _wait(tmp_path, [["7_0"], [], ["7_0"], [], []], monkeypatch, "7_0")["7_0"]
    assert told.state is State.interrupted and "CANCELLED by 0" in told.cause and "left no log" in told.cause


def test_a_controller_that_is_silent_for_a_while_loses_no_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    down = QueueError("Unable to contact slurm controller")

    def done() -> list[str]:
        _returns(tmp_path, "7_0", FINISHED)
        return []

    assert _wait(tmp_path, [["7_0"], *[down] * 50, done, []], monkeypatch, "7_0") == {"7_0": FINISHED}


def test_a_job_that_was_stopped_and_is_queued_again_has_not_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _returns(tmp_path, "7_0", STOPPED)

    def done() -> list[str]:
        _returns(tmp_path, "7_0", FINISHED)
        return ["7_0"]

    assert _wait(tmp_path, [["7_0"], ["7_0"], done, []], monkeypatch, "7_0") == {"7_0": FINISHED}
    _returns(tmp_path, "7_0", STOPPED)
    assert _wait(tmp_path, [["7_0"], [], []], monkeypatch, "7_0") == {
        "7_0": Outcome(State.interrupted, "Stopped before its end. Slurm says: CANCELLED by 0.")
    }


def test_an_error_of_submitit_is_a_failure_by_its_last_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _returns(tmp_path, "7_0", "Traceback\n  ...\nImportError: no such thing\n", "error")
    told = _wait(tmp_path, [["7_0"]], monkeypatch, "7_0")["7_0"]
    assert told == Outcome(State.failed, "ImportError: no such thing")


def test_jobs_that_an_earlier_command_left_in_the_queue_are_not_sent_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lrp2_bench.core.files import append_json_line

    jobs = [Job("search", number, (f"language={number}",), tmp_path, str(number)) for number in range(3)]
    for number, job in enumerate(jobs):
        append_json_line(tmp_path / "jobs.jsonl", {"id": f"7_{number}", "job": job.label, "asked": slurm._key(job)})
    monkeypatch.setattr(slurm, "queued", lambda: {"7_1": "RUNNING", "9": "RUNNING"})
    assert slurm._still_queued(jobs, tmp_path) == {"7_1": jobs[1]}
    other = [Job("search", 0, ("language=1", "seed=1"), tmp_path, "1")]
    assert slurm._still_queued(other, tmp_path) == {}


def test_a_result_of_an_earlier_job_of_the_same_id_is_forgotten(tmp_path: Path) -> None:
    import os

    _returns(tmp_path, "7_0", FINISHED)
    path = submitit.JobPaths(tmp_path / "%j", job_id="7_0", task_id=0).result_pickle
    os.utime(path, (1000, 1000))
    slurm._forget(tmp_path, "7_0", 999)
    assert slurm._result(tmp_path, "7_0") == FINISHED
    slurm._forget(tmp_path, "7_0", 1001)
    assert slurm._result(tmp_path, "7_0") is None
