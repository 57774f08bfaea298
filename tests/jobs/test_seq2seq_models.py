"""A whole search of an encoder-decoder."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.commands import TABLES, ToyJob, manifest_of, pairs_of, records, status_of
from tests.support.seq2seq import build_seq2seq


@pytest.fixture
def job(tmp_path: Path, toy_mlama: Path, toy_corpus: Path) -> ToyJob:
    return ToyJob(tmp_path / "job", tmp_path / "model", toy_mlama, toy_corpus)


def test_a_search_runs_resumes_and_says_what_its_hits_are_of(job: ToyJob, capsys: pytest.CaptureFixture[str]) -> None:
    build_seq2seq(job.model, "umt5")
    assert job.search("dataset.relations=[P36]") == 0
    console, folder = capsys.readouterr(), job.folder()
    assert "encoder-decoder, LRP2 on the encoder's 4 blocks, targets packed into trees" in console.out + console.err
    assert len(pairs_of(folder)) == 1 + 6
    assert status_of(folder)["state"] == "finished"
    manifest = manifest_of(folder)
    assert manifest["model"]["family"] == "seq2seq"
    probing = {"pool_size": 10, "sentence_score": "mean", "seed": 0, "closing_sentinel": False}
    assert manifest["identity"]["probing"] == probing
    alignment = (folder / "alignment.csv").read_text().splitlines()
    assert len(alignment) == 1 + 5 and all(line.split(",")[2] for line in alignment[1:])
    written = {name: (folder / name).read_bytes() for name in TABLES}
    for name in TABLES:
        (folder / name).unlink()
    hits = records(folder)
    assert job.search("dataset.relations=[P36]") == 0
    assert {name: (folder / name).read_bytes() for name in TABLES} == written
    assert records(folder) == hits, "nothing was evaluated again"
    assert job.search("dataset.relations=[P36]", "probing.closing_sentinel=true") == 1
    assert "probing.closing_sentinel false -> true" in capsys.readouterr().err


@pytest.mark.slow
def test_other_scores_are_other_hits_and_need_another_folder(job: ToyJob, capsys: pytest.CaptureFixture[str]) -> None:
    build_seq2seq(job.model, "mt5")
    assert job.search("dataset.relations=[P36]", "search=baseline") == 0
    assert job.search("dataset.relations=[P36]", "search=baseline", "probing.sentence_score=sum") == 1
    assert "probing.sentence_score: stored mean, now sum" in capsys.readouterr().err
    assert job.search("dataset.relations=[P36]", "search=baseline", "probing.sentence_score=mean") == 0
    assert job.search("dataset.relations=[P36]", "plan=true") == 0
    assert "likely seconds" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize(
    "more",
    [
        ("search=tpe", "search.trials=3", "search.batch=2"),
        ("search=racing", "search.first=0.5", "search.budget=0.9"),
        ("model.precision=bfloat16",),
        ("model.precision=float16", "probing.pool_size=null"),
        ("grid.memory_gb=0.001", "grid.batch_tokens=8"),
        ("shard.count=2", "shard.index=0"),
    ],
    ids=lambda more: more[0],
)
def test_every_kind_of_search_runs(more: tuple[str, ...], job: ToyJob) -> None:
    build_seq2seq(job.model, "t5-1.1")
    assert job.search(*more) == 0
    if "shard.count=2" in more:
        assert job.search("shard.count=2", "shard.index=1") == 0
    assert status_of(job.folder())["state"] == "finished"
    assert len(pairs_of(job.folder())) >= 2
