"""``search -m``: all jobs run, finished ones are left out, and the end tells what became of each."""

from __future__ import annotations

import json
import re
import shlex
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from hydra.core.config_store import ConfigStore

from lrp2_bench.commands.search import job as search
from lrp2_bench.commands.search.prepared import SearchJob
from lrp2_bench.config import compose as config
from tests.support.commands import ToyJob, lrp2_bench, snapshot

Build = Callable[..., ToyJob]
Capture = pytest.CaptureFixture[str]


def test_the_end_tells_each_failure_its_cause_its_log_and_the_command_that_repeats_it(
    toy_job: Build, capsys: Capture
) -> None:
    job = toy_job(folder="a job")
    assert job.search("-m", language="ger,de,zhh") == 1
    said = capsys.readouterr().err
    assert (
        "3 jobs: 1 finished, 2 failed.\nFailed:\n  bert/mlama/ger: Unknown language 'ger'. Did you mean 'de'?" in said
    )
    assert f"    log: {job.folder('ger') / 'search.log'}" in said
    assert "Error executing job" not in said and "Traceback" not in said
    for language, command in zip(("ger", "zhh"), re.findall("    again: (.*)", said), strict=True):
        again = shlex.split(command)
        assert again[:2] == ["lrp2-bench", "search"] and "-m" not in again
        assert f"language={language}" in again
        assert lrp2_bench(*again[1:]) == 1, "it fails as it did, in the same folder"
    assert len(list(job.outputs.glob("default/bert/mlama/*"))) == 3
    (together,) = re.findall("What is left, all at once: (.*)", said)
    assert "-m" in shlex.split(together)
    assert "language=ger,de,zhh" in shlex.split(together)


def test_finished_jobs_are_not_even_started(toy_job: Build, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    job = toy_job()
    assert job.search() == 0
    started: list[str] = []
    run = search.run_search
    monkeypatch.setattr(
        search, "run_search", lambda settings, *rest: (started.append(settings.language), run(settings, *rest))
    )
    before = snapshot(job.folder())
    capsys.readouterr()
    assert job.search("-m", language="de,zh") == 0
    assert started == ["zh"] and snapshot(job.folder()) == before
    assert "2 jobs: 2 finished (1 of them before)." in capsys.readouterr().err
    assert job.search("-m", language="de,zh") == 0 and started == ["zh"]


def test_a_multirun_that_is_stopped_tells_how_far_it_got(
    toy_job: Build, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = toy_job()
    run = search._run

    def stopped(job: SearchJob, *rest: object) -> object:
        if job.settings.language == "zh":
            signal.raise_signal(signal.SIGTERM)
        return run(job, *rest)

    monkeypatch.setattr(search, "_run", stopped)
    assert job.search("-m", "search=baseline", language="de,zh,en") == 130
    said = capsys.readouterr().err
    assert "3 jobs: 1 finished, 1 interrupted, 1 not started." in said and "bert/mlama/zh: Stopped" in said
    assert json.loads((job.folder("zh") / "status.json").read_text())["state"] == "interrupted"


def test_a_fault_of_ours_stops_no_other_job_and_names_its_traceback(
    toy_job: Build, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = toy_job()
    write = search.write_views

    def broken(folder: object, *rest: object) -> object:
        if folder == job.folder("de"):
            raise RuntimeError("a fault")
        return write(folder, *rest)

    monkeypatch.setattr(search, "write_views", broken)
    assert job.search("-m", language="de,zh") == 1
    said = capsys.readouterr().err
    assert "2 jobs: 1 finished, 1 failed." in said and "bert/mlama/de: RuntimeError: a fault" in said
    assert f"the traceback is in {job.folder('de') / 'status.json'}" in said
    assert "RuntimeError" in json.loads((job.folder("de") / "status.json").read_text())["traceback"]


def test_jobs_of_one_folder_are_told_apart_by_their_settings(toy_job: Build, capsys: Capture) -> None:
    job = toy_job()
    assert job.search("-m", "select_by=accuracy,transferability", language="ger") == 1
    said = capsys.readouterr().err
    assert "bert/mlama/ger select_by=accuracy: " in said and "bert/mlama/ger select_by=transferability: " in said


def test_a_single_job_that_fails_says_its_error_and_nothing_of_hydra(toy_job: Build, capsys: Capture) -> None:
    assert toy_job().search(language="ger") == 1
    said = capsys.readouterr().err
    assert "Error executing job" not in said and said.count("Did you mean 'de'?") == 1, "at the end"


def test_an_unknown_group_of_languages_names_the_nearest(toy_job: Build, capsys: Capture) -> None:
    assert toy_job().search("-m", language="indo_europaean") == 1
    assert "Unknown group of languages 'indo_europaean'. Did you mean 'indo_european'?" in capsys.readouterr().err


def test_an_unknown_launcher_names_those_there_are(toy_job: Build, capsys: Capture) -> None:
    assert toy_job().search("-m", "hydra/launcher=submitit_slrm", language="de,zh") == 1
    assert "Did you mean 'submitit_slurm'?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("defaults:\n  - override /modle: mbert\n", "Unknown setting 'modle'. Did you mean 'model'?"),
        ("defaults:\n  - override /model: mbrt\n", "Unknown model 'mbrt'. Did you mean 'mbert'?"),
        ("hydra: {sweeper: {params: {language: hihg}}}", "Unknown group of languages 'hihg'. Did you mean 'high'?"),
        ("hydra: {sweeper: {params: {langauge: de}}}", "Unknown setting 'langauge'. Did you mean 'language'?"),
    ],
)
def test_a_sweep_file_with_a_wrong_name_names_the_nearest(
    text: str, said: str, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "wrong.yaml").write_text(f"# @package _global_\n{text}")
    monkeypatch.setattr(config, "sweeps_dir", lambda: tmp_path)
    monkeypatch.chdir(tmp_path)
    config.register()
    try:
        assert lrp2_bench("search", "-m", "+sweep=wrong", "tracking=none") == 1
    finally:
        del ConfigStore.instance().repo["sweep"]["wrong.yaml"]
    assert said in capsys.readouterr().err


def test_a_sweep_names_groups_of_languages(tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(search, "run_search", lambda settings, *rest: asked.append(settings.language))
    monkeypatch.setattr("lrp2_bench.config.group_members.groups_of", lambda *_: {"all": ("cy", "ga")})
    assert lrp2_bench("search", "-m", "+sweep=paper_mbert", "tracking=none", f"paths.outputs={tmp_path}") == 0
    assert asked == ["cy", "ga"] and "2 jobs: 2 finished." in capsys.readouterr().err
