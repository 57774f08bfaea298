"""Evidence of a run is that of its hits: counted here by hand."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from lrp2_bench.commands.report import run_report
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.types import Hits, LayerPair
from lrp2_bench.report.run_evidence import evidence_of
from lrp2_bench.results.choice import METRICS
from lrp2_bench.results.runs import Run, find_runs
from lrp2_bench.results.stored_hits import StoredHits, read_hits
from lrp2_bench.stats.assess import assess
from lrp2_bench.stats.fact_clusters import fact_clusters
from lrp2_bench.stats.paired_intervals import paired_changes
from lrp2_bench.stats.resampled import Sampled
from tests.support.page_runs import write_page_run


@pytest.fixture
def run(tmp_path: Path) -> Run:
    write_page_run(tmp_path, "de", facts=150)
    return find_runs([tmp_path])[0][0]


def test_facts_won_and_lost_are_those_whose_hit_differs_from_the_baselines(run: Run) -> None:
    evidence = evidence_of(run)
    table = pd.read_parquet(run.folder / "hits.parquet").fillna({"lirp": 0, "lsrp": 0})
    by_setting = {key: part.set_index(["relation", "uuid"])["hit"] for key, part in table.groupby(["lirp", "lsrp"])}
    pivot = pd.read_parquet(run.folder / "pivot_hits.parquet").set_index(["relation", "uuid"])["hit"]
    baseline = by_setting[0, 0]
    for row in run.pairs:
        assert row.pair is not None
        moved = by_setting[row.lirp, row.lsrp]
        gained, lost = list(baseline.index[~baseline & moved]), list(baseline.index[baseline & ~moved])
        assert evidence.counts[row.pair] == (len(gained), len(lost)) and gained and lost
        if row.pair in evidence.turned:
            turned = evidence.turned[row.pair]
            assert (list(turned.gained), list(turned.lost)) == (gained, lost)
            assert turned.right == {fact for fact in gained + lost if pivot.get(fact, default=False)}
            assert turned.right and turned.right != {*gained, *lost}
    best = [run.best(metric) for metric in METRICS]
    assert set(evidence.turned) == {row.pair for row in best if row}


def read(run: Run) -> tuple[StoredHits, Hits]:
    hits = read_hits(run.folder / "hits.parquet")
    return hits, read_hits(run.folder / "pivot_hits.parquet").by_fact(None, hits.facts)


@pytest.mark.parametrize("metric", METRICS)
def test_changes_are_the_paired_intervals_and_the_best_is_in_its_confidence_set(run: Run, metric: str) -> None:
    found = evidence_of(run).measured[metric]
    hits, pivot = read(run)
    sampled = Sampled(hits, pivot, fact_clusters(run.files, hits.facts))
    changes = paired_changes(hits.hits, pivot, sampled.clusters, metric)
    for place, setting in enumerate(hits.settings):
        if setting is not None:
            one = found.changes[setting]
            assert (one.low, one.high) == pytest.approx((changes.interval(place).low, changes.interval(place).high))
    best = run.best(metric)
    assert best is not None and best.pair in found.confidence_set
    assert found.confidence_set == set(sampled.confidence_set(metric))
    assert metric == "transferability" or len(found.confidence_set) < len(run.pairs), "or every pair would do"


def test_what_is_drawn_once_says_what_each_part_says_by_itself(run: Run) -> None:
    """The same floats, not nearly the same: reports over the same runs are the same bytes."""
    hits, pivot = read(run)
    evidence = evidence_of(run)
    for metric in METRICS:
        best = run.best(metric)
        assert best is not None and best.pair is not None
        alone = assess(Sampled(hits, pivot, fact_clusters(run.files, hits.facts)), best.pair, metric)
        found = evidence.assessed[metric]
        assert (found.held_out, found.largest, found.confidence_set) == (
            alone.held_out, alone.largest, alone.confidence_set,
        )  # fmt: skip
        for name in METRICS:
            assert found.measured[name].change == alone.measured[name].change
            assert found.measured[name].held_out == alone.measured[name].held_out


@pytest.mark.usefixtures("without_figures")
def test_each_file_of_hits_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for language in ("de", "fr"):
        write_page_run(tmp_path, language)
    read: list[Path] = []

    def counting(path: Path, may_be_empty: bool = False) -> StoredHits:
        read.append(path)
        return read_hits(path, may_be_empty)

    monkeypatch.setattr("lrp2_bench.results.run_folder.read_hits", counting)
    run_report([tmp_path], tmp_path / "report", "transferability", Console(quiet=True))
    assert sorted(read) == sorted(tmp_path.rglob("*hits.parquet")) and len(read) == 4


def test_hits_of_another_search_than_the_tables_are_refused(run: Run, tmp_path: Path) -> None:
    other = write_page_run(tmp_path / "other", "de", facts=150, seed=1)
    (run.folder / "hits.parquet").write_bytes((other / "hits.parquet").read_bytes())
    with pytest.raises(BenchError, match="pairs.csv disagree in their (accuracy|transferability)"):
        evidence_of(run)
    deeper = write_page_run(tmp_path / "deeper", "de", facts=150, blocks=5)
    (run.folder / "hits.parquet").write_bytes((deeper / "hits.parquet").read_bytes())
    with pytest.raises(BenchError, match="disagree in their settings"):
        evidence_of(run)


def test_a_pair_that_was_not_evaluated_on_every_fact_has_no_interval(tmp_path: Path) -> None:
    folder = write_page_run(tmp_path, "de", facts=40)
    table = pd.read_parquet(folder / "hits.parquet")
    table["hit"] = table["hit"].astype("boolean")
    (first, *_) = table.index[(table["lirp"] == 1) & (table["lsrp"] == 2)]
    table.loc[first, "hit"] = pd.NA
    table.to_parquet(folder / "hits.parquet")
    lines = (folder / "pairs.csv").read_text().splitlines(keepends=True)
    (folder / "pairs.csv").write_text("".join(line for line in lines if not line.startswith("1,2,")))
    (run,) = find_runs([tmp_path])[0]
    measured = evidence_of(run).measured["accuracy"]
    assert LayerPair(1, 2) not in measured.changes and len(measured.changes) == len(run.pairs) == 5
