"""``analysis=retrieval``: what it counts, where it takes sentences from, and what it refuses."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from tests.analyses.alignment.test_job import analyze, home
from tests.support.commands import ToyJob
from tests.support.paths import TATOEBA_ZIP, needs_tatoeba

Build = Callable[..., ToyJob]
Capture = pytest.CaptureFixture[str]
PARALLEL = ("corpus.parallel=true", "corpus.sentences=null")


def _rows(job: ToyJob) -> list[dict[str, str]]:
    path = home(job, "retrieval") / f"retrieval_all_{job.model.name}.csv"
    return list(csv.DictReader(path.read_text("utf-8").splitlines()))


def _retrieve(job: ToyJob, *more: str, language: str = "de") -> int:
    return analyze(job, *more, analysis="retrieval", language=language)


def test_a_corpus_and_the_facts_it_was_made_of_give_the_same(toy_job: Build, capsys: Capture) -> None:
    job = toy_job()
    assert _retrieve(job, *PARALLEL) == 0
    assert "Translations found among sentences of text" in capsys.readouterr().out
    corpus = _rows(job)
    assert len(corpus) == 5 * 4 * 2
    assert {(row["sentences"], row["candidates"]) for row in corpus} == {("24", "24")}
    found = [float(row["found"]) for row in corpus]
    assert min(found) < 60 and max(found) > 10
    assert all(float(row["found_low"]) <= float(row["found"]) <= float(row["found_high"]) for row in corpus)
    assert _retrieve(job, "analysis.sentences=facts", "corpus.sentences=null") == 0
    assert [row["found"] for row in _rows(job)] == [row["found"] for row in corpus]
    record = json.loads((home(job, "retrieval") / "analysis.json").read_text("utf-8"))
    assert record["figures"] == [f"retrieval_{job.model.name}"]
    assert (home(job, "retrieval") / f"retrieval_{job.model.name}.png").stat().st_size > 10_000
    table = record["tables"][0]
    best = max(
        (float(one["found"]) + float(other["found"])) / 2
        for one, other in pairwise(corpus)
        if one["variant"] == other["variant"] == "margin" and one["layer"] == other["layer"]
    )
    assert table["rows"][0][4]["interval"][0] == pytest.approx(best, abs=1e-5)


def test_languages_go_side_by_side_and_repeats_are_counted(toy_job: Build, tmp_path: Path) -> None:
    job = toy_job()
    corpus = tmp_path / "repeated"
    shutil.copytree(job.corpus, corpus)
    for language in ("de", "en"):
        lines = (corpus / f"{language}.txt").read_text("utf-8").splitlines()
        # The first English sentence once more, beside a German one that says it otherwise; and a line twice.
        again = [lines[0] if language == "en" else "Paris , Hauptstadt von Frankreich .", lines[5]]
        (corpus / f"{language}.txt").write_text("\n".join([*lines, *again]) + "\n", "utf-8")
    assert _retrieve(job, *PARALLEL, f"corpus.path={corpus}") == 0
    rows = _rows(job)
    assert {(row["direction"], row["sentences"], row["candidates"]) for row in rows} == {
        ("forward", "25", "24"), ("backward", "24", "25"),
    }  # fmt: skip
    data_warnings = json.loads((home(job, "retrieval") / "analysis.json").read_text("utf-8"))["data_warnings"]
    counts = {kind[:40]: (found["count"], found["examples"]) for kind, found in data_warnings.items()}
    assert counts["Sentences that occur more than once on their side"[:40]] == (1, ["de-en: en"])
    assert counts["Parallel sentences that occur more than o"[:40]] == (1, ["de-en 26"])


@pytest.mark.parametrize(("language", "told"), [("de,en", True), ("de", False)])
def test_a_pivot_that_was_asked_for_by_name_is_left_out_and_told(toy_job: Build, language: str, told: bool) -> None:
    job = toy_job()
    assert _retrieve(job, *PARALLEL, f"corpus.path={job.corpus}", language=language) == 0
    assert {row["language"] for row in _rows(job)} == {"de"}
    data_warnings = json.loads((home(job, "retrieval") / "analysis.json").read_text("utf-8"))["data_warnings"]
    assert any("not compared with itself" in kind for kind in data_warnings) == told


def test_what_is_removed_may_be_the_means_of_the_sentences_themselves(toy_job: Build) -> None:
    """Which are the language vectors where those come from the same sentences; no corpus is asked for them."""
    job = toy_job()
    assert _retrieve(job, *PARALLEL) == 0
    corpus = [row["found"] for row in _rows(job)]
    facts = ("analysis.sentences=facts", "analysis.vectors=sentences", "corpus.path=/nowhere")
    assert _retrieve(job, *facts) == 0
    assert [row["found"] for row in _rows(job)] == corpus


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ([*PARALLEL, "analysis.vectors=corpora"], "Did you mean 'corpus'?"),
        ([], "does not say which of its sentences translate each other"),
        ([*PARALLEL, "language=fr"], "Unknown language of the parallel sentences 'fr'"),
        ([*PARALLEL, "analysis.neighbours=0"], "analysis.neighbours=0: give a whole number from 1."),
        ([*PARALLEL, "analysis.neighbours=30", "analysis.limit=null"], "at least 30 are needed"),
        ([*PARALLEL, "analysis.limit=2"], "whole number from 10, or null for all"),
        (["corpus=tatoeba", "corpus.sentences=null", "corpus.path=null"], "corpus.path=ZIP_OR_DIR"),
        ([*PARALLEL, "language=zh"], "23 lines and"),
    ],
)
def test_what_cannot_be_looked_for_is_refused_with_the_next_step(
    settings: list[str], told: str, toy_job: Build, capsys: Capture
) -> None:
    job = toy_job()
    assert _retrieve(job, *settings) == 1
    error = " ".join(capsys.readouterr().err.split())
    assert told in error and "Traceback" not in error


@needs_tatoeba
def test_two_languages_of_tatoeba_are_joined_or_said_to_have_too_little_in_common(
    toy_job: Build, capsys: Capture
) -> None:
    job = toy_job()
    tatoeba = ["corpus=tatoeba", f"corpus.path={TATOEBA_ZIP}", "corpus.sentences=20", "pivot=de"]
    assert _retrieve(job, *tatoeba, "analysis.limit=30", language="fr") == 0
    assert {row["sentences"] for row in _rows(job)} <= {"29", "30"}
    assert _retrieve(job, *tatoeba, language="tr") == 1
    error = " ".join(capsys.readouterr().err.split())
    assert "have 0 parallel sentences" in error and "common English side" in error
