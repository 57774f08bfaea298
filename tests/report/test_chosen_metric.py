"""A report by a metric beyond the paper's two, counted from hits where ``pairs.csv`` lacks it."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from lrp2_bench.commands.report import run_report
from lrp2_bench.core.errors import BenchError
from lrp2_bench.metrics.base import FactHits
from lrp2_bench.metrics.registry import metric
from lrp2_bench.report.chosen_metric import with_metric
from lrp2_bench.results.runs import find_runs
from tests.support.page_runs import write_page_run


def report(folder: Path, select_by: str) -> str:
    console = Console(file=io.StringIO(), width=200)
    run_report([folder], None, select_by, console)
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def test_a_report_selects_by_a_metric_that_no_search_wrote_in_tables_page_and_figures(tmp_path: Path) -> None:
    for language in ("de", "fr"):
        write_page_run(tmp_path, language, facts=150)
    runs, problems = with_metric(find_runs([tmp_path])[0], "accuracy_macro")
    assert not problems
    said = report(tmp_path, "accuracy_macro")
    assert "held-out gain of accuracy_macro" in said
    folder = tmp_path / "report"
    board = pd.read_csv(folder / "data" / "leaderboard.csv")
    of_german = board[board["language"] == "de"].iloc[0]
    german = next(run for run in runs if run.language == "de")
    best = german.best("accuracy_macro")
    assert best is not None and of_german["accuracy_macro_baseline"] == pytest.approx(
        german.baseline.value("accuracy_macro"), abs=1e-5
    )
    assert of_german["accuracy_macro_in_sample"] == pytest.approx(
        best.value("accuracy_macro") - german.baseline.value("accuracy_macro"), abs=1e-5
    )
    results = pd.read_csv(folder / "results.csv")
    assert results["metric"].unique().tolist() == ["accuracy_macro"]
    assert results["accuracy_macro_held_out_gain"].notna().all() and results["accuracy_held_out_gain"].notna().all()
    assert {path.stem for path in (folder / "figures").glob("heatmaps_accuracy_macro_*.png")}
    page = (folder / "index.html").read_text("utf-8")
    data = json.loads(page.split('id="data"', 1)[1].split(">", 1)[1].split("</script>", 1)[0])
    assert data["metrics"] == ["accuracy_macro", "transferability", "accuracy"]
    assert data["groups"][0]["runs"][0]["metrics"]["accuracy_macro"]["test"]["held_out"] is not None


def test_the_metric_is_that_of_the_runs_own_hits(tmp_path: Path) -> None:
    write_page_run(tmp_path, "de", facts=150)
    (run,), _ = with_metric(find_runs([tmp_path])[0], "recall_pivot_miss")
    hits = run.files.hits()
    data = FactHits(hits.hits, run.files.pivot_hits(hits.facts), hits.relations, hits.row(None))
    expected = dict(zip(hits.settings, metric("recall_pivot_miss").values(data), strict=True))
    for row in (run.baseline, *run.pairs):
        assert row.value("recall_pivot_miss") == pytest.approx(expected[row.pair], abs=1e-6)


def test_hits_that_cannot_be_read_leave_the_run_out_and_are_named(tmp_path: Path) -> None:
    write_page_run(tmp_path, "de")
    found = find_runs([tmp_path])[0]
    (found[0].folder / "hits.parquet").write_bytes(b"cut")
    (run,), problems = with_metric(found, "accuracy_macro")
    assert "hits.parquet" in problems[0] and run.best("accuracy_macro") is None
    assert math.isnan(run.baseline.value("accuracy_macro"))
    assert with_metric(found, "accuracy") == (found, [])


def test_a_metric_of_scores_is_refused_with_the_command_that_makes_them(tmp_path: Path) -> None:
    write_page_run(tmp_path, "de")
    with pytest.raises(BenchError, match=r"(?s)'mrr' needs the candidates' scores.*`lrp2-bench score`"):
        report(tmp_path, "mrr")
