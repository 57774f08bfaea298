"""Searches of a table: the hits of the same facts in another form; all wordings; filtered pools; what folders say."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from lrp2_bench.core.files import with_own_digest
from lrp2_bench.data.mlama import MLama
from tests.support.commands import ToyJob, lrp2_bench, manifest_of, pairs_of
from tests.support.paths import MLAMA_ZIP, needs_mlama
from tests.support.toy_table import table_of

Build = Callable[..., ToyJob]


def search(job: ToyJob, folder: Path, *more: str) -> Path:
    """The run folder of the search of a table."""
    assert job.search("dataset=table", f"dataset.path={folder}", *more) == 0
    return job.folder().parents[1] / "table" / "de"


def hits(folder: Path) -> pd.DataFrame:
    return pd.read_parquet(folder / "hits.parquet").astype({"uuid": str, "relation": str})


def test_the_same_facts_as_mlama_and_as_a_table_have_equal_hits(
    finished_job: ToyJob, toy_job: Build, toy_mlama: Path, tmp_path: Path
) -> None:
    same_hits(search(toy_job(), table_of(MLama(toy_mlama), ("de", "en"), tmp_path)), finished_job.folder())


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ["bert", "bloom"])
def test_facts_of_cut_pools_have_equal_hits_in_both_forms(
    architecture: str, toy_job: Build, toy_mlama: Path, tmp_path: Path
) -> None:
    job = toy_job(architecture)
    assert job.search("probing.pool_size=3") == 0
    folder = table_of(MLama(toy_mlama), ("de", "en"), tmp_path / "table")
    same_hits(search(job, folder, "probing.pool_size=3"), job.folder())


@needs_mlama
@pytest.mark.slow
@pytest.mark.parametrize("model", ["tiny_mbert", "tiny_bloom"])
def test_published_mlama_has_equal_hits_in_both_forms(model: str, tmp_path: Path) -> None:
    folder = table_of(MLama(MLAMA_ZIP, relations=["P36", "P37"]), ("de", "en"), tmp_path / "table")
    common = [
        f"model={model}", "corpus=cldr", "corpus.sentences=20", "language=de", "tracking=none", "dataset.limit=20",
        "search=grid", f"paths.outputs={tmp_path}", "dataset.relations=[P36,P37]",
    ]  # fmt: skip
    assert lrp2_bench("search", "dataset=mlama", f"dataset.path={MLAMA_ZIP}", *common) == 0
    assert lrp2_bench("search", "dataset=table", f"dataset.path={folder}", *common) == 0
    same_hits(*(tmp_path / "default" / model / name / "de" for name in ("table", "mlama")))


def same_hits(table: Path, mlama: Path) -> None:
    assert (table / "pairs.csv").read_bytes() == (mlama / "pairs.csv").read_bytes()
    assert hits(table).drop(columns="uuid").equals(hits(mlama).drop(columns="uuid"))


def test_all_wordings_have_the_hits_that_each_has_by_itself(toy_job: Build, toy_mlama: Path, tmp_path: Path) -> None:
    job, folder = toy_job(), table_of(MLama(toy_mlama, relations=["P36"]), ("de", "en"), tmp_path / "table")
    second = "Regiert wird [X] von [Y] aus ."
    with (folder / "templates.csv").open("a", encoding="utf-8") as file:
        file.write(f"P36,de,{second}\n")
    both = search(job, folder, "search=baseline", "probing.templates=all", "experiment.name=both")
    both = both.parents[3] / "both" / both.relative_to(both.parents[2])
    alone = {}
    for name, template in (("first", "Die Hauptstadt von [X] ist [Y] ."), ("second", second)):
        text = f"relation,language,template\nP36,de,{template}\nP36,en,The capital of [X] is [Y] .\n"
        (folder / "templates.csv").write_text(text, "utf-8")
        run = search(job, folder, "search=baseline", f"experiment.name={name}")
        alone[name] = hits(run.parents[3] / name / run.relative_to(run.parents[2]))
    found = hits(both)
    further = found["uuid"].str.endswith("#w2")
    key = ["relation", "uuid"]
    for name, part in (("first", found[~further]), ("second", found[further])):
        part = part.assign(uuid=part["uuid"].str.removesuffix("#w2"))
        merged = part.merge(alone[name], on=key, suffixes=("", "_alone"))
        assert len(merged) == len(part) == len(alone[name]) and (merged["hit"] == merged["hit_alone"]).all()
    baseline = pairs_of(both)[0]
    assert (baseline["facts"], baseline["shared"]) == ("16", "16")  # each wording beside the pivot's
    assert manifest_of(both)["identity"]["probing"]["templates"] == "all"


def test_folders_of_before_stand_for_first_wordings_and_unfiltered_pools(
    toy_job: Build, capsys: pytest.CaptureFixture[str]
) -> None:
    job = toy_job()
    assert job.search("search=baseline") == 0
    manifest = manifest_of(job.folder())
    assert not {"filtered", "templates"} & manifest["identity"]["probing"].keys()
    for key in ("filtered", "templates"):  # as an earlier version wrote it
        del manifest["config"]["probing"][key]
    for key in ("facts", "sample", "sample_seed", "sample_languages"):
        del manifest["config"]["dataset"][key]
    (job.folder() / "manifest.json").write_text(json.dumps(with_own_digest(manifest)), "utf-8")
    assert job.search("search=baseline") == 0
    for setting, told in (
        ("probing.filtered=true", "probing.filtered false -> true"),
        ("probing.templates=all", 'probing.templates "first" -> "all"'),
        ("dataset.sample=9", "dataset.sample null -> 9"),
    ):
        (job.folder() / "manifest.json").write_text(json.dumps(with_own_digest(manifest)), "utf-8")
        assert job.search("search=baseline", setting) == 1
        assert told in capsys.readouterr().err


def test_a_sample_is_asked_and_resumed(toy_job: Build) -> None:
    job = toy_job()
    sample = ("search=baseline", "dataset.sample=9", "dataset.sample_languages=[de,zh]")
    assert job.search(*sample) == job.search(*sample) == 0
    assert pairs_of(job.folder())[0]["facts"] == "9"
    answers = manifest_of(job.folder())["answers"]
    assert answers == {"facts": 9, "several": 0, "most_hits": 9}
