"""Whatever writes results leaves those of another model, experiment or dataset as they are, and says so early."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from lrp2_bench.analyses.finished import copy_figures, each_apart, find_analyses
from lrp2_bench.bench.stored import require_own
from lrp2_bench.commands import vectors as vectors_command
from lrp2_bench.commands.report import run_report
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.files import write_json
from lrp2_bench.results.former_folder import require_not_elsewhere
from tests.support import models
from tests.support.commands import ToyJob, lrp2_bench

Build = Callable[..., ToyJob]
Capture = pytest.CaptureFixture[str]


def test_vectors_of_another_model_or_of_other_sentences_stay(
    toy_job: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    job = toy_job()
    other = models.build_model(tmp_path / "other", "bert", ["a b c"], hidden=32, seed=5)
    path = tmp_path / "vectors" / "de.safetensors"

    def vectors(*more: str) -> int:
        source = ["model=hf", f"model.path={job.model}", "corpus=text", f"corpus.path={job.corpus}", "language=de"]
        places = [f"output={path.parent}", f"paths.cache={tmp_path / 'cache'}"]
        return lrp2_bench("vectors", *source, "corpus.sentences=1", *places, *more)

    assert vectors() == 0 and vectors() == 0, "its own are written again"
    before = path.read_bytes()
    capsys.readouterr()
    assert vectors("corpus.sentences=2") == 1 and path.read_bytes() == before
    assert "holds other vectors, and is not overwritten (sentences 1 -> 2;" in capsys.readouterr().err
    monkeypatch.setattr(vectors_command, "load_model", None)  # told before there is one
    assert vectors(f"model.path={other}") == 1 and path.read_bytes() == before
    said = capsys.readouterr().err
    assert "holds the vectors of another model" in said and "those of 'other'" in said and "another output=DIR" in said
    path.write_bytes(b"mine")
    assert vectors() == 1 and path.read_bytes() == b"mine", "nor is what is no file of vectors"


MEASURED = {"models": ["mbert"], "checkpoints": {}, "dataset": "abc", "language": "de", "pivot": "en", "seed": 0}


@pytest.mark.parametrize(
    ("stored", "said"),
    [
        ({"measured": {**MEASURED, "models": ["bloom_560m"]}}, r"models: \['bloom_560m'\] -> \['mbert'\]"),
        ({"measured": {**MEASURED, "dataset": "other"}}, "dataset: other -> abc"),
        ({"cases": [{"model": "tiny_bloom"}]}, r"models: \['tiny_bloom'\] -> \['mbert'\]"),
        ([], "is not a benchmark result"),
    ],
    ids=["another model", "other facts", "of an earlier version", "no benchmark"],
)
def test_measurements_of_others_stay(stored: Any, said: str, tmp_path: Path) -> None:
    write_json(tmp_path / "bench.json", stored)
    with pytest.raises(BenchError, match=said):
        require_own(tmp_path / "bench.json", MEASURED)


def test_measurements_of_the_same_are_made_again(tmp_path: Path) -> None:
    require_own(tmp_path / "bench.json", MEASURED)
    for stored in ({"measured": MEASURED, "cases": []}, {"cases": [{"model": "mbert"}]}):
        write_json(tmp_path / "bench.json", stored)
        require_own(tmp_path / "bench.json", MEASURED)


def _analysis(outputs: Path, experiment: str, model: str = "bert", name: str = "alignment") -> Path:
    folder = outputs / experiment / model / "analyses" / name
    columns = [{"key": "language", "title": "Language", "kind": "text", "optional": False, "in_csv_only": False}]
    table = {"name": f"{name}_{model}", "title": "T", "columns": columns, "rows": [[experiment]], "notes": []}
    record = {
        "analysis": name, "model": {"name": model}, "tables": [table], "figures": [f"{name}_{model}"],
        "config": {"experiment": {"name": experiment}},
    }  # fmt: skip
    write_json(folder / "analysis.json", record)
    (folder / f"{name}_{model}.png").write_text(experiment)
    return folder


def test_one_analysis_of_two_experiments_is_in_a_report_twice(tmp_path: Path) -> None:
    for experiment in ("one", "two"):
        _analysis(tmp_path, experiment)
    _analysis(tmp_path, "two", "bloom")
    run_report([tmp_path], tmp_path / "report", "accuracy", Console(quiet=True))
    tables = {path.name: path.read_text("utf-8") for path in (tmp_path / "report" / "data").glob("*.csv")}
    assert set(tables) == {"alignment_bert_one.csv", "alignment_bert_two.csv", "alignment_bloom.csv"}
    assert all(experiment in tables[f"alignment_bert_{experiment}.csv"] for experiment in ("one", "two"))
    figures = {path.name: path.read_text() for path in (tmp_path / "report" / "figures").glob("*.png")}
    assert figures == {"alignment_bert_one.png": "one", "alignment_bert_two.png": "two", "alignment_bloom.png": "two"}


def test_two_analyses_that_no_name_tells_apart_are_refused(tmp_path: Path) -> None:
    here, there = (_analysis(tmp_path / outputs, "one") for outputs in ("here", "there"))
    found, _ = find_analyses([tmp_path])
    with pytest.raises(BenchError, match="Two analyses would have the same names") as refused:
        each_apart(found)
    assert str(here) in str(refused.value) and str(there) in str(refused.value)
    (alone,) = each_apart(find_analyses([here])[0])
    assert [path.name for path in copy_figures([alone], tmp_path / "alone")] == ["alignment_bert.png"]


def test_an_ablation_that_has_another_models_name_is_refused(finished_job: ToyJob, tmp_path: Path) -> None:
    other = tmp_path / "outputs" / "default" / "bert_random" / "mlama" / "de"
    shutil.copytree(finished_job.folder(), other)
    ablation = tmp_path / "outputs" / "default" / "random" / "bert" / "mlama" / "zh"
    shutil.copytree(finished_job.folder(), ablation)
    _change(other / "manifest.json", {"model": {"name": "bert_random"}})
    _change(ablation / "manifest.json", {"projection": {"label": "random"}, "language": "zh"})
    with pytest.raises(BenchError, match="Runs of several projections have tables of one name, bert_random on mlama"):
        run_report([tmp_path / "outputs"], tmp_path / "report", "accuracy", Console(quiet=True))
    assert not (tmp_path / "report").exists()


def _change(path: Path, changes: Mapping[str, Any]) -> None:
    manifest = json.loads(path.read_text("utf-8"))
    for key, value in changes.items():
        manifest[key] = {**manifest.get(key, {}), **value} if isinstance(value, dict) else value
    del manifest["digest"]
    write_json(path, manifest)


def test_results_under_the_former_path_of_their_name_are_told_and_the_advice_brings_them_back(
    toy_job: Build, capsys: Capture
) -> None:
    job, name = toy_job(folder="it is here"), "experiment.name=a/b"
    assert job.search(name, "search=baseline") == 0
    now, before = job.outputs / "a%2Fb", job.outputs / "a" / "b"
    before.parent.mkdir()
    now.rename(before)
    capsys.readouterr()
    assert job.search(name, "search=baseline") == 1
    said = capsys.readouterr().err
    assert f"'{before}' has results of experiment.name=a/b" in said and not list(now.rglob("manifest.json"))
    (advice,) = re.findall(r"^  (mkdir -p .*)$", said, re.MULTILINE)
    subprocess.run(advice, shell=True, check=True)
    assert job.search(name, "search=baseline") == 0
    assert "Nothing is left to do" in capsys.readouterr().err


def test_a_folder_in_a_folder_that_is_another_experiments_is_none_of_ours(tmp_path: Path) -> None:
    names = ["a/random", "m", "d", "de"]
    write_json(tmp_path.joinpath(*names) / "manifest.json", {"config": {"experiment": {"name": "a"}}})
    require_not_elsewhere(tmp_path, names)
    write_json(tmp_path.joinpath(*names) / "manifest.json", {"config": {"experiment": {"name": "a/random"}}})
    with pytest.raises(BenchError, match="now they belong in"):
        require_not_elsewhere(tmp_path, names)
    write_json(tmp_path / "a%2Frandom" / "m" / "d" / "de" / "manifest.json", {})
    require_not_elsewhere(tmp_path, names)


@pytest.mark.parametrize(("part", "at"), [("model", 1), ("dataset", 2)])
def test_a_folder_that_another_name_is_written_as_is_not_taken_for_a_former_one(
    tmp_path: Path, part: str, at: int
) -> None:
    names = ["e", "m", "d", "de"]
    names[at] = "a%2Fb"
    record = {"config": {"experiment": {"name": "e"}}, "model": {"name": "m"}, "dataset": {"name": "d"}}
    path = tmp_path.joinpath(*names) / "manifest.json"
    write_json(path, record | {part: {"name": "a/b"}})  # as today
    require_not_elsewhere(tmp_path, names)
    write_json(path, record | {part: {"name": "a%2Fb"}})  # as before
    with pytest.raises(BenchError, match="now they belong in"):
        require_not_elsewhere(tmp_path, names)
