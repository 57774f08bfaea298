"""The search of nothing but the baseline: over all the facts, beside a grid in its folder, and of the pivot itself."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

import pandas as pd
import pytest

from tests.support.commands import ToyJob, contents, manifest_of, pairs_of, snapshot, status_of

Build = Callable[..., ToyJob]


def test_the_pivots_own_row_is_its_baseline_over_all_its_facts(toy_job: Build) -> None:
    job = toy_job()
    assert job.search("search=baseline", "corpus.path=/nowhere", language="en") == 0, "no vectors are needed"
    (row,) = pairs_of(job.folder("en"))
    assert (row["lirp"], row["lsrp"], row["facts"], row["shared"]) == ("", "", "24", "24")
    assert float(row["accuracy"]) > 0 and float(row["transferability"]) == 100
    assert pd.read_parquet(job.folder("en") / "hits.parquet")["lirp"].isna().all()
    assert not (job.folder("en") / "study.journal").exists()


def test_pairs_of_the_pivot_with_itself_are_refused(toy_job: Build, capsys: pytest.CaptureFixture[str]) -> None:
    job = toy_job()
    assert job.search(language="en") == 1
    assert "nothing to project" in capsys.readouterr().err
    assert status_of(job.folder("en"))["state"] == "failed"


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
    (baseline,) = pairs_of(both.folder())
    chunks = snapshot(both.folder() / "relations")
    assert both.search() == 0 and grid.search() == 0
    assert pairs_of(both.folder())[0] == baseline and contents(both.folder()) == contents(grid.folder())
    after = snapshot(both.folder() / "relations")
    chunks.pop("journal.jsonl"), chunks.pop("identity.json")
    assert {name: after[name] for name in chunks} == chunks, "the baseline's chunks stay and are not computed again"


def test_a_baseline_keeps_the_grid_of_its_folder(toy_job: Build) -> None:
    job = toy_job()
    assert job.search() == 0
    before = contents(job.folder())
    assert job.search("search=baseline", "corpus.path=/nowhere") == 0
    assert contents(job.folder()) == before
    manifest = manifest_of(job.folder())
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
