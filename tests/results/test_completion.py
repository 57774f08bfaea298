"""A finished job is not run again, and whatever changed since makes it run: its answer is never taken on trust."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from lrp2_bench.commands.search import job as search
from lrp2_bench.core.files import atomic_path, sha256_file
from lrp2_bench.results import completion as seal
from lrp2_bench.tracking import NoTracker
from tests.support.commands import ToyJob, snapshot, status_of

Build = Callable[..., ToyJob]
NOTHING = "Nothing is left to do in"


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """One entry for each time a model's weights are loaded."""
    loaded: list[str] = []
    load = search.load_model
    monkeypatch.setattr(search, "load_model", lambda *given: (loaded.append("x"), load(*given))[1])
    return loaded


def test_a_finished_job_loads_no_model_and_touches_nothing(
    toy_job: Build, loads: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    job = toy_job()
    assert job.search() == 0 and len(loads) == 1
    before = snapshot(job.outputs)
    capsys.readouterr()
    assert job.search() == 0 and len(loads) == 1
    assert NOTHING in capsys.readouterr().err
    after = snapshot(job.outputs)
    log = next(name for name in after if name.endswith("search.log"))
    assert {**after, log: before[log]} == before


def test_a_job_whose_tracker_had_better_be_told_again_is_not_sealed(
    toy_job: Build, loads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    job = toy_job()
    with monkeypatch.context() as patch:
        patch.setattr(NoTracker, "log_job", lambda tracker, record: False)
        assert job.search() == 0 and not (job.folder() / "done.json").exists()
    assert job.search() == 0 and len(loads) == 2 and (job.folder() / "done.json").exists()


def test_a_seal_that_cannot_be_written_is_a_warning_and_the_next_run_looks_again(
    toy_job: Build, loads: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(path: Path, value: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    job = toy_job()
    with monkeypatch.context() as patch:
        patch.setattr(seal, "write_json", full)
        assert job.search() == 0
    assert "Cannot write" in (said := capsys.readouterr().err) and "done.json" in said and "Traceback" not in said
    assert job.search() == 0 and len(loads) == 2


def test_what_another_job_is_still_writing_is_not_sealed(toy_job: Build, loads: list[str]) -> None:
    job = toy_job()
    assert job.search("search=baseline") == 0
    with atomic_path(job.folder() / "relations" / "P17-language-009.parquet") as half:
        half.write_bytes(b"half")
        assert job.search() == 0 and half.exists()
        assert not any(".tmp" in name for name in json.loads((job.folder() / "done.json").read_text())["files"])
        half.write_bytes(b"whole")
        assert job.search() == 0 and len(loads) == 2, "nor looked at"
    assert job.search() == 0 and len(loads) == 3, "its chunk is"


def test_a_file_that_goes_while_it_is_sealed_or_checked_is_no_error(
    toy_job: Build, loads: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def goes(path: Path) -> str:
        if path.name == "P17-language-001.parquet":  # as another job sets it aside
            path.unlink(missing_ok=True)
        return sha256_file(path)

    job = toy_job()
    with monkeypatch.context() as patch:
        patch.setattr(seal, "sha256_file", goes)
        assert job.search() == 0 and status_of(job.folder())["state"] == "finished"
        said = capsys.readouterr().err
        assert "Cannot write" in said and "Traceback" not in said and not (job.folder() / "done.json").exists()
    assert job.search() == 0 and len(loads) == 2 and (job.folder() / "done.json").exists()
    with monkeypatch.context() as patch:
        chunk = next(path for path in (job.folder() / "relations").glob("P17-language*.parquet"))
        patch.setattr(seal, "sha256_file", lambda path: (chunk.unlink(missing_ok=True), sha256_file(path))[1])
        assert job.search() == 0 and len(loads) == 3
        assert NOTHING not in (said := capsys.readouterr().err) and "Traceback" not in said


def test_outputs_that_were_moved_are_still_finished(toy_job: Build, loads: list[str]) -> None:
    job = toy_job()
    assert job.search() == 0
    job.outputs.rename(job.root / "moved")
    assert job.search(f"paths.outputs={job.root / 'moved'}") == 0 and len(loads) == 1


def test_a_result_that_is_gone_or_changed_is_made_again(toy_job: Build, loads: list[str]) -> None:
    job = toy_job()
    assert job.search() == 0
    names = ["pairs.csv", "hits.parquet", "study.journal", "relations/P30-language-001.parquet"]
    for number, (name, cut) in enumerate([(name, cut) for name in names for cut in (None, 1)], start=2):
        path = job.folder() / name
        before = path.read_bytes()
        path.unlink()
        if cut is not None:
            path.write_bytes(before[:-cut])
        assert job.search() == 0 and len(loads) == number, f"{name} cut by {cut}"
        if name.startswith("relations/"):
            break  # the hits are stored under another name from now on
        assert path.read_bytes() == before or name == "study.journal"


def test_another_question_is_answered(toy_job: Build, loads: list[str]) -> None:
    job = toy_job()
    assert job.search() == 0
    for number, setting in enumerate(["select_by=accuracy", "tracking=wandb", "search=baseline"], start=2):
        assert job.search(setting) == 0 and len(loads) == number


def test_another_version_of_the_code_makes_its_own_views(
    toy_job: Build, loads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    job = toy_job()
    assert job.search() == 0
    path = job.folder() / "done.json"
    seal = json.loads(path.read_text())
    seal["code"]["git_commit"] = "another"
    path.write_text(json.dumps(seal))
    assert job.search() == 0 and len(loads) == 2
    assert job.search() == 0 and len(loads) == 2, "sealed again"


def _change_weights(job: ToyJob) -> None:
    weights = load_file(job.model / "model.safetensors")
    next(iter(weights.values())).add_(1)
    save_file(weights, job.model / "model.safetensors", metadata={"format": "pt"})


def _change_sentences(job: ToyJob) -> None:
    path = job.corpus / "de.txt"
    path.write_text("Etwas ganz anderes.\n" + path.read_text("utf-8"), "utf-8")


def _change_facts(job: ToyJob) -> None:
    path = next(job.mlama.rglob("de/P36.jsonl"))
    lines = path.read_text("utf-8").splitlines()
    path.write_text("\n".join(lines[:-1]) + "\n", "utf-8")


@pytest.mark.parametrize("change", [_change_weights, _change_sentences, _change_facts], ids=lambda f: f.__name__[8:])
def test_other_contents_behind_the_same_paths_are_noticed_and_refused(
    change: Callable[[ToyJob], None], toy_job: Build, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shared = toy_job()
    copies = [shutil.copytree(folder, tmp_path / folder.name) for folder in (shared.model, shared.mlama, shared.corpus)]
    job = ToyJob(tmp_path / "job", *copies)
    assert job.search() == 0
    change(job)
    assert job.search() == 1
    said = capsys.readouterr().err
    assert NOTHING not in said and "holds hits of another configuration" in said


def test_a_job_that_failed_or_only_planned_is_not_finished(toy_job: Build, loads: list[str]) -> None:
    job = toy_job()
    assert job.search("plan=true") == 0 and not (job.folder() / "done.json").exists()
    assert job.search("dataset.relations=[P63]") == 1 and not (job.folder() / "done.json").exists()
    assert job.search() == 0 and len(loads) == 1
