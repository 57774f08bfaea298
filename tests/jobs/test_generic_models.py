"""A whole search of models without an adapter of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.commands import ToyJob, manifest_of, pairs_of, status_of
from tests.support.families import build_family
from tests.support.loading import edit


@pytest.fixture
def job(tmp_path: Path, toy_mlama: Path, toy_corpus: Path) -> ToyJob:
    return ToyJob(tmp_path / "job", tmp_path / "model", toy_mlama, toy_corpus)


@pytest.mark.parametrize(
    ("family", "how"),
    [("gemma2", "causal, sentences packed into trees"), ("lfm2", "causal, one row per sentence")],
)
def test_a_search_runs_and_its_log_says_how(
    family: str, how: str, job: ToyJob, capsys: pytest.CaptureFixture[str]
) -> None:
    build_family(job.model, family)
    assert job.search("dataset.relations=[P36]") == 0
    console = capsys.readouterr()
    assert f"generic adapter, {how}" in console.out + console.err
    assert len(pairs_of(job.folder())) == 1 + 6
    assert status_of(job.folder())["state"] == "finished"
    assert manifest_of(job.folder())["model"]["family"] == how.split(",")[0]


@pytest.mark.parametrize("family", ["albert", "gpt_neo"])  # a head narrower than the states; no intermediate size
def test_a_search_can_be_planned(family: str, job: ToyJob, capsys: pytest.CaptureFixture[str]) -> None:
    build_family(job.model, family)
    assert job.search("dataset.relations=[P36]", "plan=true") == 0
    assert "likely seconds" in capsys.readouterr().out


def test_a_search_of_a_refused_architecture_says_what_to_do(job: ToyJob, capsys: pytest.CaptureFixture[str]) -> None:
    build_family(job.model, "llama")
    edit(job.model / "config.json", model_type="canine")
    assert job.search() == 1
    assert "CANINE reads characters" in capsys.readouterr().err
    edit(job.model / "config.json", model_type="llama")
    assert job.search("model.family=masked") == 1
    assert "only a causal one. Leave model.family out" in capsys.readouterr().err
