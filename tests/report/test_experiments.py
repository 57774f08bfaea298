"""A report on several experiments: one column more in every table, figures of each, and a table that compares them."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from rich.console import Console

from lrp2_bench.commands.report import run_report
from lrp2_bench.core.types import LayerPair
from lrp2_bench.render.table import Column, Table
from lrp2_bench.report.tables.by_experiment import by_experiment
from lrp2_bench.results.runs import find_runs
from lrp2_bench.stats.compare import compare_runs
from tests.support.synthetic_runs import write_synthetic_run


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``one`` has de and fr, ``two`` de and ja, where German pairs help."""
    root = tmp_path_factory.mktemp("experiments")
    for experiment, languages, gain in (("one", ("de", "fr"), 0.0), ("two", ("de", "ja"), 1.5)):
        for language in languages:
            write_synthetic_run(root / experiment, language, blocks=3, facts=200, gain=gain)
        (root / experiment / "paper").rename(root / f"{experiment}.")
        (root / experiment).rmdir()
        (root / f"{experiment}.").rename(root / experiment)
    return root


def rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text("utf-8"))))


def test_a_report_over_two_experiments_compares_them(outputs: Path, tmp_path: Path) -> None:
    console = Console(file=io.StringIO(), width=200)
    report = run_report([outputs], tmp_path, "transferability", console).folder
    means = rows(report / "data" / "table1_mbert_mlama.csv")
    assert [row["experiment"] for row in means if row["group"] == "all languages"] == ["one", "two"] * 2
    assert [row["metric"] for row in means] == sorted(row["metric"] for row in means), "a metric's rows stay together"
    layers = rows(report / "data" / "optimal_layers_mbert_mlama.csv")
    assert [(row["experiment"], row["language"]) for row in layers] == [
        ("one", "de"), ("one", "fr"), ("two", "de"), ("two", "ja"),
    ]  # fmt: skip
    (compared,) = rows(report / "data" / "comparison.csv")
    assert (compared["dimension"], compared["language"], compared["second"], compared["first"]) == (
        "experiment", "de", "two", "one",
    )  # fmt: skip
    assert (compared["experiment"], compared["model"], compared["intervention"]) == ("", "mbert", "lrp2")
    assert float(compared["transferability_held_out"]) > 0
    assert int(compared["facts"]) == 200 and float(compared["accuracy_baseline"]) == 0.0
    assert 0 < float(compared["accuracy_best_low"]) < float(compared["accuracy_best"])
    notes = (report / "tables" / "comparison.md").read_text("utf-8")
    assert "In two alone: ja." in notes and "In one alone: fr." in notes
    figures = {path.stem for path in (report / "figures").iterdir()}
    assert {"heatmaps_accuracy_mbert_mlama_one", "heatmaps_accuracy_mbert_mlama_two"} <= figures
    page = (report / "index.html").read_text("utf-8")
    assert '"experiment":"one"' in page and '"experiment":"two"' in page
    assert {row["subject"] for row in rows(report / "data" / "verdict.csv")} >= {"mbert on mlama, one, 2 languages"}


@pytest.mark.usefixtures("without_figures")
def test_one_experiment_of_two_gives_the_tables_it_always_gave(outputs: Path, tmp_path: Path) -> None:
    report = run_report([outputs / "one"], tmp_path, "accuracy", Console(file=io.StringIO(), width=200)).folder
    assert "experiment" not in rows(report / "data" / "table1_mbert_mlama.csv")[0]
    assert not list(report.rglob("compar*"))


def test_a_run_compared_with_itself_differs_by_nothing_and_that_is_not_certainty(outputs: Path) -> None:
    run = next(run for run in find_runs([outputs])[0] if run.language == "de")
    compared = compare_runs(run, run, "accuracy")
    for found in (*compared.baseline.values(), *compared.at_best.values()):
        # One fact is the least: of all in accuracy, of those that either side hits in transferability.
        assert found.difference.value == 0.0 and -2.0 < found.difference.low == -found.difference.high < 0
    best = run.best("accuracy")
    assert best is not None and compared.best == (best.pair, best.pair)


def test_tables_of_unlike_columns_stand_in_one_with_gaps() -> None:
    language, pair = Column("language", "language", "text"), Column("paper", "paper", "pair")
    first = Table("t", "T", (language, pair), (("de", LayerPair(1, 2)),), ("both", "the first alone"))
    second = Table("t", "T", (language,), (("fr",),), ("both",))
    (table,) = by_experiment([("a", first), ("b", second)])
    assert [column.key for column in table.columns] == ["experiment", "language", "paper"]
    assert table.rows == (("a", "de", LayerPair(1, 2)), ("b", "fr", None))
    assert table.notes == ("both", "a: the first alone")
    assert by_experiment([("", first)]) == [first]
