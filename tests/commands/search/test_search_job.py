"""The main job from the command line to its folder: the right numbers, in the agreed files, the same every time."""

from __future__ import annotations

import csv
import io
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
from lrp2_bench.config.compose import conf_dir
from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.data.mlama import MLama
from lrp2_bench.results.runs import find_runs
from tests.support import models, reference
from tests.support.commands import ToyJob, contents, manifest_of, pairs_of, snapshot, status_of
from tests.support.paths import MLAMA_ZIP, needs_mlama

Build = Callable[..., ToyJob]


@pytest.mark.parametrize(
    ("architecture", "language", "pivot"), [("bert", "de", "en"), ("bloom", "de", "zh"), ("bert", "zh", "en")]
)
def test_every_file_equals_the_naive_evaluator_to_the_last_digit(
    architecture: str, language: str, pivot: str, toy_job: Build
) -> None:
    job = toy_job(architecture)
    assert job.search(f"pivot={pivot}", language=language) == 0
    folder = job.folder(language)
    facts = MLama(job.mlama).facts(language, pivot, DataWarnings())
    expected = reference.evaluate(job.model, job.corpus, facts, None if architecture == "bert" else 10)
    assert (folder / "pairs.csv").read_text() == expected.pairs_csv
    if (architecture, language) == ("bert", "de"):
        assert len({(row["accuracy"], row["transferability"]) for row in pairs_of(folder)}) > 3, (
            "this would prove nothing"
        )

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
@pytest.mark.parametrize(
    ("architecture", "vocab", "seed"), [pytest.param("bert", 1500, 2, marks=pytest.mark.system), ("bloom", 3000, 1)]
)
def test_pairs_on_real_mlama_equal_the_naive_evaluator_to_the_last_digit(
    architecture: str, vocab: int, seed: int, tmp_path: Path
) -> None:
    names = ["P30", "P36", "P37"]
    facts = MLama(MLAMA_ZIP, relations=names, limit=5).facts("de", "en", DataWarnings())
    relations = (*facts.relations, *facts.pivot_relations)
    texts = [label for relation in relations for label in relation.pool]
    texts += [fact.subject for relation in relations for fact in relation.facts]
    texts += [relation.template for relation in relations]
    model = models.build_model(tmp_path / "model", architecture, texts, vocab=vocab, seed=seed)
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for language, first in (("de", facts.relations[0]), ("en", facts.pivot_relations[0])):
        (corpus / f"{language}.txt").write_text(first.fill(first.facts[0], first.facts[0].object).text, "utf-8")
    job = ToyJob(tmp_path, model, MLAMA_ZIP, corpus)
    assert job.search(f"dataset.relations=[{','.join(names)}]", "dataset.limit=5") == 0
    expected = reference.evaluate(model, corpus, facts, None if architecture == "bert" else 10)
    assert (job.folder() / "pairs.csv").read_text() == expected.pairs_csv
    assert len({row["accuracy"] for row in pairs_of(job.folder())}) > 1, "this would prove nothing"
    assert len({row["transferability"] for row in pairs_of(job.folder())}) > 1, "this would prove nothing"


def test_the_study_names_the_first_best_row_as_the_report_does(toy_job: Build) -> None:
    job = toy_job()
    assert job.search() == 0
    folder, study_name = job.folder(), "bert/mlama/de"
    storage = optuna.storages.JournalStorage(JournalFileBackend(str(folder / "study.journal")))
    study = optuna.load_study(study_name=study_name, storage=storage)
    rows = pairs_of(folder)[1:]
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
    manifest = manifest_of(folder)
    assert study.best_params == manifest["best"] == {"lirp": best.pair.lirp, "lsrp": best.pair.lsrp}


def test_choosing_by_accuracy_changes_the_best_pair_and_no_hits(toy_job: Build) -> None:
    job = toy_job()
    assert job.search() == 0
    before = contents(job.folder(), ("pairs.csv", "hits.parquet", "pivot_hits.parquet"))
    assert job.search("select_by=accuracy") == 0, "the same folder goes on with another choice"
    assert contents(job.folder(), ("pairs.csv", "hits.parquet", "pivot_hits.parquet")) == before
    rows = pairs_of(job.folder())[1:]
    best = max(rows, key=lambda row: float(row["accuracy"]))
    assert best != max(rows, key=lambda row: float(row["transferability"])), "this would prove nothing"
    manifest = manifest_of(job.folder())
    assert {key: str(value) for key, value in manifest["best"].items()} == {
        "lirp": best["lirp"], "lsrp": best["lsrp"],
    }  # fmt: skip


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
    best = manifest_of(job.folder())["best"]
    assert [row["layer"] for row in rows] == ["0", "1", "2", "3", "4"]
    assert {row["facts"] for row in rows} == {"24"}
    moved = [row["layer"] for row in rows if row["baseline"] != row["lrp2"]]
    assert moved and moved[0] == str(best["lirp"]), "below LIRP nothing has moved"


def test_the_finished_job_says_so_and_how_it_was_made(toy_job: Build, capsys: pytest.CaptureFixture[str]) -> None:
    job = toy_job()
    assert job.search() == 0
    status = status_of(job.folder())
    assert status["state"] == "finished" and status["missing"] == []
    said = capsys.readouterr().err
    assert "Best pair (in-sample): LIRP" in said and str(job.folder()) in said
    assert str(job.folder()) in (job.folder() / "search.log").read_text(), "the job's own log holds the same"


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


def test_alignment_is_left_out_where_it_is_not_wanted_and_never_of_another_pair(toy_job: Callable[..., ToyJob]) -> None:
    job = toy_job()
    path = job.folder() / "alignment.csv"
    assert job.search("alignment=false", "search=pairs", "search.pairs=[[1,2]]") == 0 and not path.exists()
    assert job.search("search=pairs", "search.pairs=[[1,2]]") == 0
    before = path.read_bytes()
    assert job.search("alignment=false", "search=pairs", "search.pairs=[[1,2]]") == 0 and path.read_bytes() == before
    best = manifest_of(job.folder())["best"]
    assert job.search("alignment=false") == 0
    assert path.exists() == (manifest_of(job.folder())["best"] == best)
    assert "alignment.csv" in manifest_of(job.folder())["files"] or not path.exists()
