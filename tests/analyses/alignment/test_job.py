"""``analysis=alignment``: the search's own numbers, what it shows, and what it refuses."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lrp2_bench.results.tables import read_alignment
from tests.support.commands import ToyJob, lrp2_bench

Build = Callable[..., ToyJob]
Capture = pytest.CaptureFixture[str]


def analyze(job: ToyJob, *more: str, analysis: str = "alignment", language: str = "de") -> int:
    return lrp2_bench("analyze", f"analysis={analysis}", *job.arguments(language), *more)


def home(job: ToyJob, analysis: str = "alignment") -> Path:
    return job.outputs / "default" / job.model.name / "analyses" / analysis


def _rows(job: ToyJob) -> list[dict[str, str]]:
    path = home(job) / f"alignment_all_{job.model.name}.csv"
    return list(csv.DictReader(path.read_text("utf-8").splitlines()))


@pytest.mark.parametrize("architecture", ["bert", "bloom"])
def test_without_bands_the_numbers_are_those_the_search_wrote(architecture: str, toy_job: Build) -> None:
    job = toy_job(architecture)
    assert job.search() == 0 and job.search(language="zh") == 0
    assert lrp2_bench("analyze", *[each for each in job.arguments() if "language" not in each]) == 0
    rows = _rows(job)
    assert [row["language"] for row in rows] == ["de"] * 5 + ["zh"] * 5  # those searched, where none is named
    for language in ("de", "zh"):
        for ours, theirs in zip(
            [row for row in rows if row["language"] == language],
            read_alignment(job.folder(language) / "alignment.csv"),
            strict=True,
        ):
            assert (int(ours["layer"]), int(ours["sentences"])) == (theirs.layer, theirs.facts)
            np.testing.assert_allclose(
                [float(ours["cosine"]), float(ours["cosine_lrp2"])], [theirs.baseline, theirs.lrp2], atol=2e-6
            )
            assert float(ours["cosine_low"]) < theirs.baseline < float(ours["cosine_high"])
    record = json.loads((home(job) / "analysis.json").read_text("utf-8"))
    assert record["figures"] == [f"alignment_{job.model.name}"]
    assert not any("baseline only" in kind for kind in record["data_warnings"])
    assert (home(job) / f"alignment_{job.model.name}.png").stat().st_size > 10_000
    pairs = record["tables"][0]["rows"][0][2]["pair"]
    best = json.loads((job.folder() / "manifest.json").read_text("utf-8"))["best"]
    assert pairs == [best["lirp"], best["lsrp"]]


def test_without_a_search_there_is_the_baseline_model_and_it_is_said(toy_job: Build, capsys: Capture) -> None:
    job = toy_job()
    assert analyze(job) == 0
    shown = capsys.readouterr()
    assert "are shown for the baseline only: 1 (de)" in " ".join(shown.err.split())
    assert all(row["cosine_lrp2"] == "" and row["cosine"] for row in _rows(job))
    assert "With LRP2" not in shown.out


def test_a_pair_may_be_given_and_the_pivot_be_another_language(toy_job: Build) -> None:
    job = toy_job()
    assert analyze(job, "pair=[1,3]", "pivot=zh", "analysis.pooling=scored") == 0
    scored = _rows(job)
    assert len(scored) == 5 and {row["sentences"] for row in scored} == {"23"}
    assert analyze(job, "pair=[1,3]", "pivot=zh") == 0
    mean = _rows(job)
    assert all(one["cosine"] != other["cosine"] for one, other in zip(scored, mean, strict=True))
    assert [row["cosine_change"] == "0.000000" for row in mean] == [True, False, False, False, False]


def test_sentences_may_come_from_a_corpus_and_the_two_sources_agree(toy_job: Build) -> None:
    """The toy corpus is the facts, line by line."""
    job = toy_job()
    assert analyze(job) == 0
    facts = _rows(job)
    assert analyze(job, "analysis.sentences=corpus", "corpus.parallel=true") == 0
    corpus = _rows(job)
    for one, other in zip(facts, corpus, strict=True):
        assert abs(float(one["cosine"]) - float(other["cosine"])) < 2e-6
        assert abs(float(one["cka"]) - float(other["cka"])) < 2e-5


def test_a_sample_of_sentences_says_how_many(toy_job: Build) -> None:
    job = toy_job()
    assert analyze(job, "analysis.limit=12", "analysis.cka_sentences=10") == 0
    assert {(row["sentences"], row["cka_sentences"]) for row in _rows(job)} == {("12", "10")}


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (["language=fr"], "Unknown language of the parallel sentences 'fr'"),
        (["analysis.sentences=fact"], "Did you mean 'facts'?"),
        (["analysis.pooling=max"], "Known: mean, scored."),
        (["analysis.pooling=scored", "analysis.sentences=corpus"], "analysis.sentences=facts or analysis.pooling=mean"),
        (["analysis.sentences=corpus"], "corpus.parallel=true"),
        (["analysis.limit=9"], "analysis.limit=9: give a whole number from 10, or null for all."),
        (["analysis.resamples=3"], "analysis.resamples=3: give a whole number from 100."),
        (["dataset.limit=3"], "have 9 parallel sentences the model can be given in 'mlama'; at least 10 are needed"),
        (["pivot=fr"], "Unknown language of the parallel sentences 'fr'"),
        (["pair=[3,2]"], "pair=[3, 2] is not a layer pair"),
    ],
)
def test_what_cannot_be_measured_is_refused_with_the_next_step(
    settings: list[str], told: str, toy_job: Build, capsys: Capture
) -> None:
    job = toy_job()
    assert analyze(job, *settings) == 1
    error = " ".join(capsys.readouterr().err.split())
    assert told in error and "Traceback" not in error
    assert not (home(job) / "analysis.json").exists()
