"""The main job from the command line to its folder: the right numbers, in the agreed files, the same every time."""

from __future__ import annotations

import csv
import io
import json
import pickle
import sys
from collections.abc import Callable
from pathlib import Path

import optuna
import pandas as pd
import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from optuna.storages.journal import JournalFileBackend

from lrp2_bench import cli
from lrp2_bench.config import conf_dir
from lrp2_bench.data.mlama import MLama
from lrp2_bench.notices import Notices
from lrp2_bench.report.runs import find_runs
from tests.support import models, reference
from tests.support.commands import ToyJob, contents, lrp2_bench, snapshot
from tests.support.paths import MLAMA_ZIP, needs_mlama

Build = Callable[..., ToyJob]


def _rows(folder: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO((folder / "pairs.csv").read_text())))


def _status(folder: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((folder / "status.json").read_text())
    return found


# The numbers


@pytest.mark.parametrize(
    ("architecture", "language", "pivot"), [("bert", "de", "en"), ("bloom", "de", "zh"), ("bert", "zh", "en")]
)
def test_every_file_equals_the_naive_evaluator_to_the_last_digit(
    architecture: str, language: str, pivot: str, toy_job: Build
) -> None:
    job = toy_job(architecture)
    assert job.search(f"pivot={pivot}", language=language) == 0
    folder = job.folder(language)
    facts = MLama(job.mlama).facts(language, pivot, Notices())
    expected = reference.evaluate(job.model, job.corpus, facts, None if architecture == "bert" else 10)
    assert (folder / "pairs.csv").read_text() == expected.pairs_csv
    if (architecture, language) == ("bert", "de"):
        assert len({(row["accuracy"], row["transferability"]) for row in _rows(folder)}) > 3, "this would prove nothing"

    table = pd.read_parquet(folder / "hits.parquet")
    assert table.columns.tolist() == ["relation", "uuid", "lirp", "lsrp", "hit"]
    cells = [
        (relation.name, fact.uuid, *((setting.lirp, setting.lsrp) if setting else (0, 0)), bool(hits[row, column]))
        for relation, hits in zip(facts.relations, expected.hits, strict=True)
        for row, setting in enumerate(expected.settings)
        for column, fact in enumerate(relation.facts)
    ]  # fmt: skip
    assert table["lirp"].isna().sum() == table["lsrp"].isna().sum() == sum(len(r.facts) for r in facts.relations)
    assert list(table.fillna({"lirp": 0, "lsrp": 0}).itertuples(index=False, name=None)) == cells

    pivot_table = pd.read_parquet(folder / "pivot_hits.parquet")
    assert pivot_table["lirp"].isna().all() and pivot_table["lsrp"].isna().all()
    assert list(zip(pivot_table["relation"], pivot_table["uuid"], pivot_table["hit"], strict=True)) == [
        (relation.name, fact.uuid, bool(hit))
        for relation, hits in zip(facts.pivot_relations, expected.pivot_hits, strict=True)
        for fact, hit in zip(relation.facts, hits[0], strict=True)
    ]


@needs_mlama
# Sizes and seeds with which these random models answer some of fifteen facts, and others behind other pairs.
@pytest.mark.parametrize(("architecture", "vocab", "seed"), [("bert", 1500, 2), ("bloom", 3000, 1)])
def test_pairs_on_real_mlama_equal_the_naive_evaluator_to_the_last_digit(
    architecture: str, vocab: int, seed: int, tmp_path: Path
) -> None:
    names = ["P30", "P36", "P37"]
    facts = MLama(MLAMA_ZIP, relations=names, limit=5).facts("de", "en", Notices())
    relations = (*facts.relations, *facts.pivot_relations)
    texts = [label for relation in relations for label in relation.pool]
    texts += [fact.subject for relation in relations for fact in relation.facts]
    texts += [relation.template for relation in relations]
    model = models.build_model(tmp_path / "model", architecture, texts, vocab=vocab, seed=seed)
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for language, first in (("de", facts.relations[0]), ("en", facts.pivot_relations[0])):
        (corpus / f"{language}.txt").write_text(first.fill(first.facts[0].subject, first.facts[0].object), "utf-8")
    job = ToyJob(tmp_path, model, MLAMA_ZIP, corpus)
    assert job.search(f"dataset.relations=[{','.join(names)}]", "dataset.limit=5") == 0
    expected = reference.evaluate(model, corpus, facts, None if architecture == "bert" else 10)
    assert (job.folder() / "pairs.csv").read_text() == expected.pairs_csv
    assert len({row["accuracy"] for row in _rows(job.folder())}) > 1, "this would prove nothing"
    assert len({row["transferability"] for row in _rows(job.folder())}) > 1, "this would prove nothing"


def test_the_study_names_the_first_best_row_as_the_report_does(toy_job: Build) -> None:
    job = toy_job()
    assert job.search() == 0
    folder, study_name = job.folder(), "bert/mlama/de"
    storage = optuna.storages.JournalStorage(JournalFileBackend(str(folder / "study.journal")))
    study = optuna.load_study(study_name=study_name, storage=storage)
    rows = _rows(folder)[1:]
    first_best = max(rows, key=lambda row: float(row["transferability"]))
    assert {key: str(value) for key, value in study.best_params.items()} == {
        "lirp": first_best["lirp"], "lsrp": first_best["lsrp"],
    }  # fmt: skip
    assert [(str(t.params["lirp"]), str(t.params["lsrp"]), f"{t.value:.6f}") for t in study.trials] == [
        (row["lirp"], row["lsrp"], row["transferability"]) for row in rows
    ]
    ((run,), unfinished) = find_runs([job.outputs])
    best = run.best("transferability")
    assert not unfinished and best is not None and best.pair is not None
    manifest = json.loads((folder / "manifest.json").read_text())
    assert study.best_params == manifest["best"] == {"lirp": best.pair.lirp, "lsrp": best.pair.lsrp}


def test_choosing_by_accuracy_changes_the_best_pair_and_no_hits(toy_job: Build) -> None:
    job = toy_job()
    assert job.search() == 0
    before = contents(job.folder(), ("pairs.csv", "hits.parquet", "pivot_hits.parquet"))
    assert job.search("select_by=accuracy") == 0, "the same folder goes on with another choice"
    assert contents(job.folder(), ("pairs.csv", "hits.parquet", "pivot_hits.parquet")) == before
    rows = _rows(job.folder())[1:]
    best = max(rows, key=lambda row: float(row["accuracy"]))
    assert best != max(rows, key=lambda row: float(row["transferability"])), "this would prove nothing"
    manifest = json.loads((job.folder() / "manifest.json").read_text())
    assert {key: str(value) for key, value in manifest["best"].items()} == {
        "lirp": best["lirp"], "lsrp": best["lsrp"],
    }  # fmt: skip


# The files


def test_two_runs_of_one_configuration_write_the_same_bytes(toy_job: Build) -> None:
    first, second = toy_job(folder="first"), toy_job(folder="second")
    assert first.search() == 0 and second.search() == 0
    assert contents(first.folder()) == contents(second.folder())


def test_running_a_finished_job_again_changes_no_table(toy_job: Build) -> None:
    job = toy_job()
    assert job.search() == 0
    before, chunks = contents(job.folder()), snapshot(job.folder() / "relations")
    assert job.search() == 0
    assert contents(job.folder()) == before and snapshot(job.folder() / "relations") == chunks


def test_batches_of_another_size_give_the_same_tables(toy_job: Build) -> None:
    first, second = toy_job(folder="first"), toy_job(folder="second")
    assert first.search() == 0
    assert second.search("grid.batch_tokens=16", "grid.memory_gb=0.002", "vectors.batch_tokens=32") == 0
    names = ("pairs.csv", "hits.parquet", "pivot_hits.parquet")
    assert contents(first.folder(), names) == contents(second.folder(), names)


def test_alignment_has_a_row_per_layer_with_and_without_the_best_pair(toy_job: Build) -> None:
    job = toy_job()
    assert job.search() == 0
    rows = list(csv.DictReader(io.StringIO((job.folder() / "alignment.csv").read_text())))
    best = json.loads((job.folder() / "manifest.json").read_text())["best"]
    assert [row["layer"] for row in rows] == ["0", "1", "2", "3", "4"]
    assert {row["facts"] for row in rows} == {"24"}
    moved = [row["layer"] for row in rows if row["baseline"] != row["lrp2"]]
    assert moved and moved[0] == str(best["lirp"]), "below LIRP nothing has moved"


def test_the_finished_job_says_so_and_how_it_was_made(toy_job: Build, capsys: pytest.CaptureFixture[str]) -> None:
    job = toy_job()
    assert job.search() == 0
    status = _status(job.folder())
    assert status["state"] == "finished" and status["missing"] == []
    said = capsys.readouterr().err
    assert "Best pair: LIRP" in said and str(job.folder()) in said
    assert str(job.folder()) in (job.folder() / "search.log").read_text(), "the job's own log holds the same"


# Baselines


def test_the_pivots_own_row_is_its_baseline_over_all_its_facts(toy_job: Build) -> None:
    job = toy_job()
    assert job.search("search=baseline", "corpus.path=/nowhere", language="en") == 0, "no vectors are needed"
    (row,) = _rows(job.folder("en"))
    assert (row["lirp"], row["lsrp"], row["facts"], row["shared"]) == ("", "", "24", "24")
    assert float(row["accuracy"]) > 0 and float(row["transferability"]) == 100
    assert pd.read_parquet(job.folder("en") / "hits.parquet")["lirp"].isna().all()
    assert not (job.folder("en") / "study.journal").exists()


def test_pairs_of_the_pivot_with_itself_are_refused(toy_job: Build, capsys: pytest.CaptureFixture[str]) -> None:
    job = toy_job()
    assert job.search(language="en") == 1
    assert "nothing to move" in capsys.readouterr().err
    assert _status(job.folder("en"))["state"] == "failed"


def test_a_refused_job_leaves_the_finished_one_in_its_folder_as_it_was(toy_job: Build) -> None:
    job = toy_job()
    assert job.search("search=baseline", language="en") == 0
    before = snapshot(job.folder("en"))
    assert job.search(language="en") == 1
    after = snapshot(job.folder("en"))
    after.pop("search.log"), before.pop("search.log")
    assert after == before


def test_a_grid_adds_to_the_baseline_of_its_folder(toy_job: Build) -> None:
    both, grid = toy_job(folder="both"), toy_job(folder="grid")
    assert both.search("search=baseline") == 0
    (baseline,) = _rows(both.folder())
    chunks = snapshot(both.folder() / "relations")
    assert both.search() == 0 and grid.search() == 0
    assert _rows(both.folder())[0] == baseline and contents(both.folder()) == contents(grid.folder())
    after = snapshot(both.folder() / "relations")
    chunks.pop("journal.jsonl"), chunks.pop("identity.json")
    assert {name: after[name] for name in chunks} == chunks, "the baseline's chunks stay and are not computed again"


def test_a_baseline_keeps_the_grid_of_its_folder(toy_job: Build) -> None:
    job = toy_job()
    assert job.search() == 0
    before = contents(job.folder())
    assert job.search("search=baseline", "corpus.path=/nowhere") == 0
    assert contents(job.folder()) == before
    manifest = json.loads((job.folder() / "manifest.json").read_text())
    assert manifest["identity"]["vectors"]["language"] and manifest["vectors"]["de"]["digest"]


def test_a_baseline_that_has_no_vectors_leaves_the_moved_alignment_open(toy_job: Build) -> None:
    job = toy_job()
    assert job.search() == 0
    whole = (job.folder() / "alignment.csv").read_bytes()
    (job.folder() / "alignment.csv").unlink()
    assert job.search("search=baseline") == 0
    rows = list(csv.DictReader(io.StringIO((job.folder() / "alignment.csv").read_text())))
    assert {row["lrp2"] for row in rows} == {""}
    assert job.search() == 0
    assert (job.folder() / "alignment.csv").read_bytes() == whole


# Vectors by path


def test_vectors_written_beforehand_give_the_tables_of_those_computed(
    toy_job: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    computed, read = toy_job(folder="computed"), toy_job(folder="read")
    source = ["corpus=text", f"corpus.path={computed.corpus}", "corpus.sentences=1"]
    command = [
        "vectors",
        "model=hf",
        f"model.path={computed.model}",
        *source,
        f"output={tmp_path / 'vectors'}",
        f"paths.cache={tmp_path / 'cache'}",
    ]
    assert lrp2_bench(*command, "-m", "language=de,en") == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache", "vectors"], "nothing is left where one stands"
    assert sorted(path.name for path in (tmp_path / "vectors").iterdir()) == ["de.safetensors", "en.safetensors"]
    assert computed.search() == 0
    assert read.search(f"vectors.path={tmp_path / 'vectors'}", "corpus.path=/nowhere") == 0
    assert contents(read.folder()) == contents(computed.folder())


def test_vectors_of_another_model_are_refused(
    toy_job: Build, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    job = toy_job("bert")
    other = models.build_model(tmp_path / "other", "bert", ["a b c"], hidden=32, seed=5)
    for language in ("de", "en"):
        arguments = ["model=hf", f"model.path={other}", "corpus=text", f"corpus.path={job.corpus}"]
        command = ["vectors", *arguments, f"language={language}", f"output={tmp_path / 'vectors'}"]
        assert lrp2_bench(*command, f"paths.cache={tmp_path / 'cache'}") == 0
    assert job.search(f"vectors.path={tmp_path / 'vectors'}") == 1
    said = capsys.readouterr().err
    assert "de.safetensors' does not fit: it was computed with another model" in said
    assert not (job.folder() / "pairs.csv").exists()


# Tracking, launchers


def test_no_tracking_means_that_wandb_is_not_imported(toy_job: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "wandb" or ".tracking" in name]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "wandb", None)  # importing it raises
    assert toy_job().search("search=baseline") == 0


def test_a_tracker_that_cannot_be_is_refused_before_the_work(
    toy_job: Build, capsys: pytest.CaptureFixture[str]
) -> None:
    job = toy_job()
    assert job.search("tracking=wandb", "tracking.mode=offlin") == 1
    assert "Unknown W&B mode 'offlin'. Did you mean 'offline'?" in capsys.readouterr().err
    assert not (job.folder() / "relations").exists()


def test_the_commands_can_be_sent_to_another_process_as_launchers_do(toy_job: Build) -> None:
    cloudpickle = pytest.importorskip("cloudpickle")
    job = toy_job()
    task = pickle.loads(cloudpickle.dumps(cli.search.__wrapped__))
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        config = compose("search", overrides=[*job.arguments(), "search=baseline"])
    task(config)
    assert (job.folder() / "pairs.csv").is_file()
