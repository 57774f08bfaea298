"""What is said of jobs, whatever became of them."""

from __future__ import annotations

import shlex
from pathlib import Path

from lrp2_bench.launchers.job import Job, Outcome, State, with_labels
from lrp2_bench.launchers.summary import all_finished, summary


def _job(number: int, *overrides: str, label: str = "m/d/de") -> Job:
    return Job("search", number, overrides, Path("/nowhere") / label, label)


def test_jobs_are_named_by_their_folder_and_where_that_is_shared_by_what_differs() -> None:
    jobs = [
        _job(0, "seed=0", "language=de", "shard.index=0"),
        _job(1, "seed=0", "language=de", "shard.index=1"),
        _job(2, "seed=0", "language=fr", "shard.index=0", label="m/d/fr"),
    ]
    labels = [job.label for job in with_labels(jobs)]
    assert labels == ["m/d/de language=de shard.index=0", "m/d/de language=de shard.index=1", "m/d/fr"]


def test_jobs_without_a_folder_of_their_own_are_named_by_their_settings() -> None:
    jobs = [_job(0, "model=a", "language=de", label="."), _job(1, "model=a", "language=fr", label=".")]
    assert [job.label for job in with_labels(jobs)] == ["language=de", "language=fr"]
    assert with_labels(jobs[:1])[0].label == "the job"


def test_the_command_that_repeats_a_job_survives_a_shell() -> None:
    overrides = ("paths.outputs='/a b/c'", "dataset.relations=[P36,P37]", "+sweep=x", "model.path=it\\'s")
    assert shlex.split(_job(0, *overrides).retry) == ["lrp2-bench", "search", *overrides]


def test_every_job_is_counted_once_and_only_all_finished_is_all_finished() -> None:
    jobs = [_job(number, label=f"m/d/{number}") for number in range(5)]
    outcomes = {
        0: Outcome(State.finished),
        1: Outcome(State.finished, before=True),
        2: Outcome(State.failed, "bad\nworse"),
        3: Outcome(State.interrupted, "CANCELLED"),
    }
    text = summary(jobs, outcomes)
    assert text.startswith("5 jobs: 2 finished (1 of them before), 1 failed, 1 interrupted, 1 not started.\n")
    assert "Failed:\n  m/d/2: bad\n    worse\n    again: " in text
    assert "Interrupted:\n  m/d/3: CANCELLED\n    again: " in text
    assert not all_finished(jobs, outcomes) and all_finished(jobs[:2], outcomes)
    assert summary(jobs[:1], outcomes) == "1 job: 1 finished."


def test_a_long_list_of_failures_is_cut_to_lines_and_counted() -> None:
    jobs = [_job(number, label=f"m/d/{number}") for number in range(52)]
    text = summary(jobs, {job.number: Outcome(State.failed, "one\ntwo") for job in jobs})
    assert "two" not in text and "m/d/19: one" in text and "m/d/20:" not in text and "and 32 more" in text


def test_a_log_is_named_where_there_is_one(tmp_path: Path) -> None:
    job = Job("search", 0, (), tmp_path, "x")
    assert "log:" not in summary([job], {0: Outcome(State.failed, "y")})
    (tmp_path / "search.log").touch()
    assert f"    log: {tmp_path / 'search.log'}\n" in summary([job], {0: Outcome(State.failed, "y")})


def test_a_folder_that_finished_shards_left_incomplete_is_named_once_with_what_to_do(tmp_path: Path) -> None:
    jobs = [Job("search", number, (f"shard.index={number}",), tmp_path, "x") for number in range(2)]
    outcomes = {number: Outcome(State.finished) for number in range(2)}
    (tmp_path / "status.json").write_text('{"state": "incomplete", "message": "Run it once more."}')
    assert summary(jobs, outcomes) == f"2 jobs: 2 finished.\nIncomplete: '{tmp_path}': Run it once more."
    (tmp_path / "status.json").write_text('{"state": "finished"}')
    assert summary(jobs, outcomes) == "2 jobs: 2 finished."
