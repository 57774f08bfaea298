"""The identity of a run: what decides hits is in it and refuses to be mixed, everything else is left out."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from lrp2_bench.core.errors import BenchError
from lrp2_bench.interventions import cached_vectors as vectors_job
from lrp2_bench.interventions.vectors import LanguageVectors, compute_vectors
from lrp2_bench.results.manifest import environment, peak_memory_bytes, read_manifest, write_manifest
from tests.support import models, toy
from tests.support.commands import ToyJob, snapshot

Change = Callable[[ToyJob], ToyJob]


def _manifest(job: ToyJob) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((job.folder() / "manifest.json").read_text())
    return found


@pytest.fixture(scope="module")
def finished(
    tmp_path_factory: pytest.TempPathFactory,
    model_folder: Callable[[str], Path],
    toy_mlama: Path,
    toy_corpus: Path,
) -> Callable[[str], ToyJob]:
    """A finished job of an architecture; copy it before you touch it."""
    made: dict[str, ToyJob] = {}

    def build(architecture: str) -> ToyJob:
        if architecture not in made:
            root = tmp_path_factory.mktemp(f"finished-{architecture}")
            job = ToyJob(root, model_folder(architecture), toy_mlama, toy_corpus)
            assert job.search() == 0
            made[architecture] = job
        return made[architecture]

    return build


@pytest.fixture
def job(finished: Callable[[str], ToyJob], tmp_path: Path) -> ToyJob:
    """A copy of the finished job of a small BERT."""
    return _copy(finished("bert"), tmp_path)


def _copy(job: ToyJob, folder: Path) -> ToyJob:
    return replace(job, root=shutil.copytree(job.root, folder / "job"))


# What is left out


@pytest.mark.parametrize(
    "overrides",
    [
        ["model.device=cpu"],
        ["model.threads=1"],
        ["grid.batch_tokens=16"],
        ["grid.memory_gb=0.5"],
        ["grid.rough_log_partitions=false"],
        ["vectors.batch_tokens=16", "paths.cache=elsewhere"],
        ["select_by=accuracy"],
        ["tracking=wandb", "tracking.mode=disabled"],
        ["search=baseline"],
        ["probing.sentence_score=mean"],  # says nothing to a masked model
    ],
    ids=" ".join,
)
def test_what_does_not_decide_hits_is_left_out_of_the_identity(
    overrides: list[str], job: ToyJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "tracking=wandb" in overrides:
        pytest.importorskip("wandb")
    monkeypatch.chdir(tmp_path)
    before, chunks = _manifest(job), snapshot(job.folder() / "relations")
    assert job.search(*overrides) == 0
    after = _manifest(job)
    assert (after["identity"], after["identity_hash"]) == (before["identity"], before["identity_hash"])
    assert snapshot(job.folder() / "relations") == chunks, "nothing is computed again"


def _zipped(job: ToyJob) -> ToyJob:
    path = shutil.make_archive(str(job.root / "packed"), "zip", job.mlama)
    return replace(job, mlama=Path(path))


def _moved(job: ToyJob) -> ToyJob:
    return replace(
        job,
        model=shutil.copytree(job.model, job.root / "moved" / job.model.name),
        mlama=shutil.copytree(job.mlama, job.root / "moved" / "facts"),
        corpus=shutil.copytree(job.corpus, job.root / "moved" / "texts"),
    )


def _on_another_machine(job: ToyJob) -> ToyJob:
    outputs = shutil.copytree(job.outputs, job.root / "elsewhere" / "outputs")
    return replace(job, root=outputs.parent)


@pytest.mark.parametrize("change", [_zipped, _moved, _on_another_machine])
def test_the_same_content_elsewhere_goes_on_with_the_stored_hits(change: Change, job: ToyJob) -> None:
    before = _manifest(job)["identity_hash"]
    changed = change(job)
    chunks = snapshot(changed.folder() / "relations")
    assert changed.search() == 0
    assert _manifest(changed)["identity_hash"] == before
    assert snapshot(changed.folder() / "relations") == chunks


def test_vectors_that_another_machine_rounds_differently_are_the_same_vectors(
    job: ToyJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rounded(*arguments: Any, **named: Any) -> LanguageVectors:
        vectors = compute_vectors(*arguments, **named)
        return replace(vectors, values=torch.nextafter(vectors.values, torch.tensor(torch.inf)))

    monkeypatch.setattr(vectors_job, "compute_vectors", rounded)
    before = _manifest(job)
    assert job.search(f"paths.cache={job.root / 'another'}") == 0
    after = _manifest(job)
    assert after["identity_hash"] == before["identity_hash"]
    assert after["vectors"]["de"]["digest"] != before["vectors"]["de"]["digest"], (
        "the numbers are on record all the same"
    )


# What is in it


def _other_weights(job: ToyJob) -> ToyJob:
    models.build_model(job.root / "other" / job.model.name, "bert", toy.all_texts(), seed=1)
    return replace(job, model=job.root / "other" / job.model.name)


def _other_tokenizer(job: ToyJob) -> ToyJob:
    model = shutil.copytree(job.model, job.root / "other" / job.model.name)
    path = model / "tokenizer.json"
    path.write_text(path.read_text("utf-8").replace('"lowercase": false', '"lowercase": true'), "utf-8")
    return replace(job, model=model)


def _other_row(job: ToyJob) -> ToyJob:
    mlama = shutil.copytree(job.mlama, job.root / "facts")
    path = next(mlama.rglob("de/P36.jsonl"))
    path.write_text(path.read_text("utf-8").replace("Peking", "Beijing"), "utf-8")
    return replace(job, mlama=mlama)


def _other_template(job: ToyJob) -> ToyJob:
    mlama = shutil.copytree(job.mlama, job.root / "facts")
    path = next(mlama.rglob("de/templates.jsonl"))
    path.write_text(path.read_text("utf-8").replace("Die Hauptstadt von", "Hauptstadt von"), "utf-8")
    return replace(job, mlama=mlama)


def _other_pivot_row(job: ToyJob) -> ToyJob:
    mlama = shutil.copytree(job.mlama, job.root / "facts")
    path = next(mlama.rglob("en/P36.jsonl"))
    path.write_text(path.read_text("utf-8").replace("Beijing", "Peking"), "utf-8")
    return replace(job, mlama=mlama)


def _other_sentences(job: ToyJob) -> ToyJob:
    corpus = shutil.copytree(job.corpus, job.root / "texts")
    (corpus / "de.txt").write_text("Japan liegt in Asien .\n", "utf-8")
    return replace(job, corpus=corpus)


def _unchanged(job: ToyJob) -> ToyJob:
    return job


@pytest.mark.parametrize(
    ("change", "overrides", "keys"),
    [
        (_other_weights, [], {"model.digest", "vectors.language", "vectors.pivot"}),
        (_other_tokenizer, [], {"model.digest", "vectors.language", "vectors.pivot"}),
        (_unchanged, ["model.precision=bfloat16"], {"model.precision", "vectors.language", "vectors.pivot"}),
        (_other_row, [], {"dataset.digest"}),
        (_other_template, [], {"dataset.digest"}),
        (_other_pivot_row, [], {"dataset.digest"}),
        (_unchanged, ["dataset.limit=2"], {"dataset.digest"}),
        (_unchanged, ["dataset.relations=[P36]"], {"dataset.digest"}),
        (_unchanged, ["pivot=zh"], {"pivot", "dataset.digest", "vectors.pivot"}),
        (_other_sentences, [], {"vectors.language"}),
        (_unchanged, ["corpus.sentences=2"], {"vectors.language", "vectors.pivot"}),
        (_unchanged, ["probing.pool_size=3"], {"probing.pool_size"}),
        (_unchanged, ["seed=1"], {"probing.seed"}),
    ],
    ids=lambda value: value.__name__.strip("_") if callable(value) else " ".join(sorted(value)) or "-",
)
def test_what_decides_hits_is_refused_naming_the_keys_and_changes_nothing(
    change: Change, overrides: list[str], keys: set[str], job: ToyJob, capsys: pytest.CaptureFixture[str]
) -> None:
    changed = change(job)
    before = snapshot(changed.folder())
    assert changed.search(*overrides) == 1
    said = capsys.readouterr().err
    assert "holds hits of another configuration" in said and "experiment.name" in said
    by_digest = said.partition("  by digest: ")[2].partition("\n")[0]
    named = {*re.findall(r"^  ([\w.]+): stored ", said, re.MULTILINE), *by_digest.split(", ")} - {""}
    assert named == keys
    after = snapshot(changed.folder())
    assert {name: after[name] for name in before if name != "search.log"} == {
        name: found for name, found in before.items() if name != "search.log"
    }


def test_a_refusal_names_the_setting_behind_a_digest(job: ToyJob, capsys: pytest.CaptureFixture[str]) -> None:
    assert job.search("dataset.limit=2") == 1
    said = capsys.readouterr().err
    assert "\n  dataset.limit null -> 2\n" in said


def test_another_experiment_takes_what_a_folder_refused(job: ToyJob) -> None:
    assert job.search("seed=1") == 1
    assert job.search("seed=1", "experiment.name=another") == 0, "the next step the refusal names"
    assert job.search() == 0


def test_the_score_of_a_causal_model_is_part_of_its_identity(
    finished: Callable[[str], ToyJob], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    job = _copy(finished("bloom"), tmp_path)
    assert job.search("probing.sentence_score=mean") == 1
    assert "probing.sentence_score: stored sum, now mean" in capsys.readouterr().err
    assert job.search("probing.sentence_score=sum", "probing.pool_size=10") == 0, "what auto meant"


# The rest of the record


def test_the_manifest_tells_how_the_run_was_made(job: ToyJob) -> None:
    manifest = _manifest(job)
    canonical = json.dumps(manifest["identity"], ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    assert manifest["identity_hash"] == hashlib.sha256(canonical.encode()).hexdigest()
    assert manifest["config"]["model"]["precision"] == "float32" and manifest["config"]["language"] == "de"
    assert "${" not in json.dumps(manifest["config"]), "the configuration is resolved"
    assert manifest["model"] == {
        "name": "bert", "path": str(job.model), "revision": None, "family": "masked", "precision": "float32",
        "blocks": 4,
        "digest": manifest["identity"]["model"]["digest"],
    }  # fmt: skip
    assert manifest["dataset"]["relations"] == ["P17", "P30", "P36"]
    assert manifest["vectors"]["en"]["corpus"] == "text" and manifest["vectors"]["en"]["sentences"] == "1"
    assert manifest["device"] == "cpu" and manifest["seconds"] > 0 and manifest["peak_memory_bytes"] > 2**20
    assert manifest["data_warnings"], "what was met in the data"
    packages = manifest["environment"]["packages"]
    assert packages["torch"] == torch.__version__ and packages["lrp2-bench"]
    commit = manifest["environment"]["git_commit"]
    assert commit is None or re.fullmatch("[0-9a-f]{40}", commit)


def test_two_runs_differ_in_seconds_and_memory_alone(job: ToyJob) -> None:
    before = _manifest(job)
    assert job.search() == 0
    after = _manifest(job)
    varying = {"seconds", "peak_memory_bytes", "config", "digest"}  # config: the copy lies elsewhere
    assert {key for key in before if before[key] != after[key]} <= varying
    assert before.keys() == after.keys()


def test_a_manifest_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    assert read_manifest(path) is None
    write_manifest(path, {"seed": 0}, {"device": "cpu"})
    manifest = read_manifest(path)
    assert manifest is not None and manifest["identity"] == {"seed": 0} and manifest["device"] == "cpu"


@pytest.mark.parametrize("text", ["", '{"identity": {', "[]"])
def test_a_damaged_manifest_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    path.write_text(text)
    with pytest.raises(BenchError, match="Move the folder away"):
        read_manifest(path)


def test_the_environment_can_be_written_as_json() -> None:
    assert json.loads(json.dumps(environment()))["packages"]["numpy"]
    assert peak_memory_bytes() > 10 * 2**20
