"""``lrp2-bench score``: the files are what naive passes and formulas say, it resumes, and it refuses what cannot be."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import lrp2_bench as lrp2
from lrp2_bench.commands.score import compute
from lrp2_bench.core.errors import BenchError
from lrp2_bench.results.run_folder import RunFolder
from lrp2_bench.results.score_tables import read_answers, read_score_metrics
from lrp2_bench.results.stored_hits import read_hits
from lrp2_bench.stats.fact_clusters import fact_clusters
from lrp2_bench.stats.paired_intervals import paired_runs
from lrp2_bench.tracking.base import AnalysisRecord, NoTracker
from tests.support.commands import ToyJob, contents, lrp2_bench, snapshot

FILES = ("scores.parquet", "pivot_scores.parquet", "score_metrics.csv", "answers.parquet", "wrong_answers.csv")


def _score(job: ToyJob, *more: str, language: str = "de") -> int:
    return lrp2_bench("score", *(one for one in job.arguments(language) if not one.startswith("tracking")), *more)


@pytest.fixture(scope="module")
def scored(finished_job: ToyJob, tmp_path_factory: pytest.TempPathFactory) -> ToyJob:
    """A copy of the finished job, scored; never to be changed."""
    job = _copy(finished_job, tmp_path_factory.mktemp("scored"))
    assert _score(job) == 0
    return job


def _copy(job: ToyJob, root: Path) -> ToyJob:
    copied = ToyJob(root, job.model, job.mlama, job.corpus)
    shutil.copytree(job.outputs, copied.outputs)
    return copied


def test_a_tracker_gets_the_tables_and_every_metric_at_every_setting(
    scored: ToyJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[AnalysisRecord] = []
    monkeypatch.setattr(NoTracker, "log_analysis", lambda self, record: seen.append(record))
    assert _score(scored, "tracking=none") == 0  # everything is there already
    (record,) = seen
    assert (record.name, record.experiment) == (f"scores-de-{scored.model.name}-default", "default")
    assert [str(file) for file in record.files] == ["score_metrics.csv", "wrong_answers.csv"]
    rows = read_score_metrics(scored.folder() / "score_metrics.csv")
    assert len(record.summary) == len(rows) > 2
    assert record.summary["mrr/baseline"] == pytest.approx(
        next(row.value for row in rows if row.metric == "mrr" and row.lirp is None), abs=1e-6
    )


def test_settings_of_one_pair_are_told_apart_by_both_strengths(
    scored: ToyJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, seen = _copy(scored, tmp_path), []
    monkeypatch.setattr(NoTracker, "log_analysis", lambda self, record: seen.append(record))
    assert _score(job, "tracking=none", "score.settings=[[1,2],[1,2,0.5],[1,2,0.5,0]]") == 0
    [record] = seen
    assert {"mrr/baseline", "mrr/1-2", "mrr/1-2 at 0.5", "mrr/1-2 at 0.5/0"} <= record.summary.keys()


def _scores(job: ToyJob, name: str = "scores.parquet") -> pd.DataFrame:
    return pd.read_parquet(job.folder() / name)


def test_every_candidate_has_a_score_at_the_baseline_and_the_best_pair_and_the_first_is_the_hit(scored: ToyJob) -> None:
    found = _scores(scored)
    assert list(found) == ["relation", "uuid", "lirp", "lsrp", "strength", "candidate", "score", "strength_back"]
    best = json.loads((scored.folder() / "manifest.json").read_text())["best"]
    assert {(row.lirp, row.lsrp, row.strength) for row in found[found["lirp"].notna()].itertuples()} == {
        (best["lirp"], best["lsrp"], 1.0)
    }
    assert found[found["lirp"].isna()]["strength"].isna().all()
    pools = found.groupby(["relation", "uuid", "lirp"], dropna=False, observed=True)["candidate"].nunique()
    assert len(pools) == 2 * 24 and (pools > 1).all()
    hits = pd.read_parquet(scored.folder() / "hits.parquet")
    own = pd.read_parquet(scored.folder() / "facts.parquet").set_index(["relation", "uuid"])["object"]
    for (relation, uuid, lirp), some in found.groupby(["relation", "uuid", "lirp"], dropna=False, observed=True):
        answer = some.sort_values("candidate").set_index("candidate")["score"].idxmax()
        same = hits[(hits["relation"] == relation) & (hits["uuid"] == uuid)]
        same = (
            same[same["lirp"].isna()]
            if pd.isna(lirp)
            else same[(same["lirp"] == lirp) & (same["lsrp"] == best["lsrp"])]
        )
        assert same["hit"].tolist() == [answer == own[relation, uuid]]
    pivot = _scores(scored, "pivot_scores.parquet")
    assert pivot["lirp"].isna().all() and pivot["candidate"].isin(["Germany", "Berlin", "Europe"]).any()


def test_metrics_and_answers_are_those_of_the_scores(scored: ToyJob) -> None:
    rows = {(row.lirp, row.metric): row for row in read_score_metrics(scored.folder() / "score_metrics.csv")}
    pairs = list(csv.DictReader((scored.folder() / "pairs.csv").open()))
    assert rows[None, "accuracy"].value == pytest.approx(float(pairs[0]["accuracy"]), abs=1e-5)
    found = _scores(scored).merge(
        pd.read_parquet(scored.folder() / "facts.parquet")[["relation", "uuid", "object"]], on=["relation", "uuid"]
    )
    baseline = found[found["lirp"].isna()]
    shares, reciprocal = [], []
    for _, some in baseline.groupby(["relation", "uuid"], observed=True):
        mine = some[some["candidate"] == some["object"]]["score"].item()
        shares.append(100 * np.exp(mine) / np.exp(some["score"]).sum())
        reciprocal.append(1 / (1 + (some["score"] > mine).sum()))
    assert rows[None, "own_probability"].value == pytest.approx(np.mean(shares), abs=1e-4)
    assert rows[None, "mrr"].value == pytest.approx(np.mean(reciprocal), abs=1e-4)
    moved = [row for row in rows.values() if row.setting is not None]
    assert moved and all(row.low <= row.change <= row.high for row in moved)  # type: ignore[operator]
    assert np.isfinite([row.value for row in rows.values()]).all() and rows[None, "rankc"].facts == 24
    answers = [one for one in read_answers(scored.folder() / "answers.parquet") if one.setting is None]
    right = [one.kind == "right" for one in answers]
    assert len(right) == 24 and 100 * np.mean(right) == pytest.approx(rows[None, "accuracy"].value, abs=1e-5)
    assert {one.language for one in answers} <= {"own", "both", "pivot"}
    berlin = [one for one in answers if one.answer in ("Berlin", "Paris", "Japan")]
    assert all(one.language == "both" for one in berlin), "what English calls the same is in both languages"


def test_the_same_command_computes_nothing_again_and_further_pairs_join_those_that_are_there(
    scored: ToyJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = _copy(scored, tmp_path)
    written, tables = contents(job.folder(), FILES), snapshot(job.folder() / "relations")
    calls: list[int] = []
    evaluate = compute.evaluate_scores
    monkeypatch.setattr(compute, "evaluate_scores", lambda *given: calls.append(1) or evaluate(*given))
    assert _score(job) == 0 and not calls and contents(job.folder(), FILES) == written
    assert _score(job, "score.settings=[[1,4]]", "score.prior=false") == 0
    assert len(calls) == 3, "a call a relation"
    assert snapshot(job.folder() / "relations") == tables, "hits are none of its business"
    layers = {(row.lirp, row.lsrp) for row in _scores(job).dropna().itertuples()}
    assert len(layers) == 2 and (1, 4) in layers
    calls.clear()
    monkeypatch.setattr(compute, "evaluate_scores", _dies_after(2, evaluate))
    assert _score(job, "score.settings=[[2,4]]", "score.prior=false") == 130
    monkeypatch.setattr(compute, "evaluate_scores", lambda *given: calls.append(1) or evaluate(*given))
    assert _score(job, "score.settings=[[2,4]]", "score.prior=false") == 0 and len(calls) == 1


def _dies_after(count: int, evaluate):  # type: ignore[no-untyped-def]
    left = iter(range(count))

    def stopped(*given):  # type: ignore[no-untyped-def]
        if next(left, None) is None:
            raise KeyboardInterrupt
        return evaluate(*given)

    return stopped


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("score.settings=[[1,9]]",), "has 4 blocks"),
        (("score.settings=[[3,2]]",), "1 <= LIRP < LSRP"),
        (("score.settings=[[1,inf]]",), "1 <= LIRP < LSRP"),
        (("score.settings=[[nan,2]]",), "1 <= LIRP < LSRP"),
        ((f"score.settings=[[1,1{'0' * 400}]]",), "has 4 blocks"),
        (("score.settings=[[1,2,inf]]",), "score.settings=inf is not a number"),
        ((f"score.settings=[[1,2,1{'0' * 400}]]",), "is not a number"),
        (("score.settings=[[1,2,1,inf]]",), "score.settings=inf is not a number"),
        (("score.settings=[[1,2]]", "model.threads=0"), "model.threads=0 is no number of CPU threads"),
        (("score.settings=[[1,2,-0.5]]",), "is negative"),
        (("score.settings=[[1,2,0.5]]", "projection.strength=0.5", "projection.strength_back=2"), "whole run"),
        (("score.settings=[1,2]",), "which is no layer pair"),
        (("score.settings=best",), "is no list of layer pairs"),
        (("metrics=[accuracy]",), "a metric of hits"),
        (("select_by=mrr", "experiment.name=new"), "no finished search"),
        (("seed=3", "score.settings=[]"), "another configuration"),
    ],
)
def test_what_cannot_be_scored_is_refused_and_changes_nothing(
    more: tuple[str, ...], said: str, scored: ToyJob, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(scored.folder(), FILES)
    assert _score(scored, *more) == 1
    assert said in capsys.readouterr().err and contents(scored.folder(), FILES) == before


def test_python_has_the_scores_and_the_best_pair_by_a_metric_of_scores(scored: ToyJob, finished_job: ToyJob) -> None:
    results = lrp2.load_results(scored.outputs)
    found = results.scores(language="de")
    assert len(found) == len(_scores(scored)) and found["own"].sum() == 2 * 24
    assert list(found)[:5] == ["experiment", "model", "dataset", "language", "projection"]
    (best,) = results.best("mrr").to_dict("records")
    assert best["gain"] == pytest.approx(best["value"] - best["baseline"]) and best["gain_low"] <= best["gain_high"]
    plain = lrp2.load_results(finished_job.outputs)
    for ask in (lambda: plain.best("mrr"), plain.scores):
        with pytest.raises(BenchError, match="lrp2-bench score"):
            ask()
    with pytest.raises(BenchError, match="mmr"):
        plain.best("mmr")


@pytest.mark.usefixtures("without_figures")
def test_a_report_has_tables_of_scores_and_the_page_what_was_answered_instead(scored: ToyJob, tmp_path: Path) -> None:
    assert lrp2_bench("report", str(scored.outputs), f"output={tmp_path}") == 0
    stem = f"{scored.model.name}_mlama"
    for name in ("scores", "answers", "wrong_answers"):
        assert list(csv.DictReader((tmp_path / "data" / f"{name}_{stem}.csv").open()))
    page = (tmp_path / "index.html").read_text("utf-8")
    data = json.loads(page.split('id="data">')[1].split("</script>")[0])
    (run,) = data["groups"][0]["runs"]
    sides = [side for change in run["changes"].values() for side in (change["gained"], change["lost"])]
    assert any(side["instead"] and all(side["instead"]) for side in sides)
    assert all(len(side["instead"]) == len(side["shown"]) for side in sides if side["instead"] is not None)


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ["bloom", "xlm-roberta"])
def test_a_job_of_another_kind_of_model_scores_its_pivot_and_alone(architecture: str, toy_job, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    job = toy_job(architecture)
    assert _score(job, "score.settings=[[1,3]]") == 0, "no search is needed for given pairs"
    assert _score(job, language="en") == 0
    rows = read_score_metrics(job.folder("en") / "score_metrics.csv")
    assert {row.setting for row in rows} == {None}
    assert next(row for row in rows if row.metric == "rankc").value == 100.0


def test_accuracy_of_scores_has_the_interval_that_hits_have(scored: ToyJob) -> None:
    """Of the same hits, one fact at least: a setting that turns none is not known to a hair."""
    rows = [row for row in read_score_metrics(scored.folder() / "score_metrics.csv") if row.metric == "accuracy"]
    hits = read_hits(scored.folder() / "hits.parquet")
    before = hits.row(None)
    clusters = fact_clusters(RunFolder(scored.folder()), list(hits.facts), "auto")
    for row in rows[1:]:
        after = hits.row(row.setting)
        assert before is not None and after is not None and row.change is not None
        *_, interval = paired_runs(before, after, (before, after), clusters, "accuracy")
        assert (row.change, row.low, row.high) == pytest.approx((interval.value, interval.low, interval.high), abs=1e-4)
