"""A job that was killed, stopped, starved or damaged goes on with the same command and ends with the same bytes."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from lrp2_bench.commands.search import hits
from lrp2_bench.core.types import Hits
from lrp2_bench.grid import engine
from tests.support.commands import ToyJob, contents, snapshot, status_of, stored
from tests.support.paths import REPOSITORY

Build = Callable[..., ToyJob]

# Kills its own process the moment before the second relation's chunk would take its place.
KILLED = """
import os, pathlib, signal, sys
replace = pathlib.Path.replace
def dies(self, target):
    if pathlib.Path(target).name == "P30-language-001.parquet":
        os.kill(os.getpid(), signal.SIGKILL)
    return replace(self, target)
pathlib.Path.replace = dies
from lrp2_bench.cli import main
main(sys.argv[1:])
"""


def _before_call(monkeypatch: pytest.MonkeyPatch, number: int, act: Callable[[], None]) -> None:
    """Do ``act`` instead of the ``number``-th evaluation (pivot and language of P17, of P30, of P36)."""
    calls = 0

    def evaluate(*arguments: Any) -> Hits:
        nonlocal calls
        calls += 1
        if calls == number:
            act()
        return engine.evaluate(*arguments)

    monkeypatch.setattr(hits, "evaluate", evaluate)


def test_a_killed_job_goes_on_behind_its_finished_relations_and_ends_with_the_same_bytes(
    toy_job: Build, undisturbed: dict[str, bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    job = toy_job()
    process = subprocess.run(
        [sys.executable, "-c", KILLED, "search", *job.arguments()],
        cwd=REPOSITORY, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, check=False, timeout=120,
    )  # fmt: skip
    assert process.returncode == -signal.SIGKILL, process.stderr.decode()
    chunks = snapshot(job.folder() / "relations")
    assert {"P17-language-001.parquet", "P17-pivot-001.parquet"} <= set(chunks)
    assert not any(name.startswith("P30-language") or name.startswith("P36") for name in chunks)
    assert status_of(job.folder())["state"] == "running" and status_of(job.folder())["missing"] == ["P30", "P36"]
    assert not (job.folder() / "pairs.csv").exists()

    assert job.search() == 0
    assert "Resuming: 1 of 3 relations are done" in capsys.readouterr().err
    assert contents(job.folder()) == undisturbed
    after = snapshot(job.folder() / "relations")
    for name in ("P17-language-001.parquet", "P17-pivot-001.parquet", "P30-pivot-001.parquet"):
        assert after[name] == chunks[name], "what was stored is neither read again nor written again"
    assert status_of(job.folder())["state"] == "finished"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_a_stopped_job_exits_with_130_says_so_and_goes_on(
    number: signal.Signals,
    toy_job: Build,
    undisturbed: dict[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    job = toy_job()
    _before_call(monkeypatch, 4, lambda: signal.raise_signal(number))
    assert job.search() == 130
    said = capsys.readouterr().err
    assert "2 relations are left" in said and "run the same command to resume" in said and "Traceback" not in said
    status = status_of(job.folder())
    assert (status["state"], status["missing"]) == ("interrupted", ["P30", "P36"])
    monkeypatch.undo()
    chunks = stored(job.folder())
    assert job.search() == 0
    assert chunks.items() <= stored(job.folder()).items()
    assert contents(job.folder()) == undisturbed


def test_a_stopped_multirun_stops_as_a_whole(toy_job: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    job = toy_job()
    _before_call(monkeypatch, 1, lambda: signal.raise_signal(signal.SIGINT))
    assert job.search("-m", language="de,zh") == 130
    assert status_of(job.folder("de"))["state"] == "interrupted" and not job.folder("zh").exists()


def test_a_finished_job_evaluates_nothing_again(toy_job: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    job = toy_job()
    assert job.search() == 0
    before = contents(job.folder())
    for name in before:
        (job.folder() / name).unlink()
    monkeypatch.setattr(hits, "evaluate", None)
    assert job.search() == 0
    assert contents(job.folder()) == before, "tables are views of the stored hits"


def test_a_full_disk_is_told_and_the_job_goes_on_once_there_is_space(
    toy_job: Build,
    undisturbed: dict[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    job = toy_job()
    journal = job.folder() / "relations" / "journal.jsonl"
    fsync = os.fsync

    def full(handle: int) -> None:
        if journal.exists() and len(journal.read_bytes().splitlines()) >= 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", full)
    assert job.search() == 1
    said = capsys.readouterr().err
    assert "The disk is full. Free some space, then run the same command" in said and "Traceback" not in said
    assert not list(job.folder().rglob("*.tmp")), "no half files fill it further"
    chunk = snapshot(job.folder() / "relations")["P17-language-001.parquet"]
    monkeypatch.undo()
    assert job.search() == 0
    assert snapshot(job.folder() / "relations")["P17-language-001.parquet"] == chunk
    assert contents(job.folder()) == undisturbed


@pytest.mark.parametrize("place", ["outputs", "experiment", "run"])
@pytest.mark.parametrize("multirun", [False, True], ids=["one", "multirun"])
def test_a_file_in_the_place_of_an_output_folder_is_told(
    place: str, multirun: bool, toy_job: Build, capsys: pytest.CaptureFixture[str]
) -> None:
    job = toy_job()
    path = {"outputs": job.outputs, "experiment": job.outputs / "default", "run": job.folder()}[place]
    path.parent.mkdir(parents=True)
    path.write_text("x")
    assert job.search(*(["-m"] if multirun else [])) == 1
    said = capsys.readouterr().err
    assert f"Cannot write '{path}" in said and "Set paths.outputs to a folder" in said and "Traceback" not in said


@pytest.mark.parametrize("side", ["language", "pivot"])
def test_a_damaged_chunk_is_set_aside_told_and_computed_again(
    side: str, toy_job: Build, capsys: pytest.CaptureFixture[str]
) -> None:
    job = toy_job()
    assert job.search() == 0
    before = contents(job.folder())
    chunk = job.folder() / "relations" / f"P30-{side}-001.parquet"
    data = bytearray(chunk.read_bytes())
    data[len(data) // 2] ^= 1
    chunk.write_bytes(data)
    for name in before:
        (job.folder() / name).unlink()
    capsys.readouterr()
    assert job.search() == 0
    said = capsys.readouterr().err
    assert f"{chunk.name}' are damaged" in said and "Resuming: 2 of 3 relations are done" in said
    assert contents(job.folder()) == before
    assert chunk.with_name(chunk.name + ".damaged").read_bytes() == data
    assert job.search() == 0
    assert "are damaged" not in capsys.readouterr().err and contents(job.folder()) == before


@pytest.mark.parametrize("lost", [10, 100_000])
def test_a_journal_that_was_cut_costs_the_relations_behind_the_cut(
    lost: int, toy_job: Build, undisturbed: dict[str, bytes]
) -> None:
    job = toy_job()
    assert job.search() == 0
    journal = job.folder() / "relations" / "journal.jsonl"
    journal.write_bytes(journal.read_bytes()[:-lost])
    (job.folder() / "pairs.csv").unlink()
    assert job.search() == 0
    assert contents(job.folder()) == undisturbed
    *whole, _ = journal.read_bytes().split(b"\n")
    assert all(json.loads(line) for line in whole)


@pytest.mark.parametrize("manifest", [None, "{", "[1]"], ids=["missing", "cut", "foreign"])
def test_hits_whose_manifest_cannot_be_read_are_never_mixed_with_others(
    manifest: str | None, toy_job: Build, capsys: pytest.CaptureFixture[str]
) -> None:
    job = toy_job()
    assert job.search() == 0
    path = job.folder() / "manifest.json"
    path.unlink()
    (job.folder() / "relations" / "identity.json").unlink()  # whose place is to be read instead
    if manifest is not None:
        path.write_text(manifest)
    before = snapshot(job.folder() / "relations")
    assert job.search("seed=1") == 1
    assert "manifest" in (said := capsys.readouterr().err) and "Move the folder away" in said
    assert snapshot(job.folder() / "relations") == before


def test_what_killed_jobs_left_goes_when_the_next_works_in_their_folder(toy_job: Build) -> None:
    job = toy_job()
    assert job.search("search=baseline") == 0
    names = (".study.journal.dead.tmp.lock", "relations/.P17-language-009.parquet.dead.tmp", ".gone.json.dead.tmp")
    for name in names:
        (job.folder() / name).write_text("half")
        os.utime(job.folder() / name, (0, 0))
    assert job.search() == 0
    assert not [name for name in names if (job.folder() / name).exists()]
