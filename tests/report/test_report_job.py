"""The whole job: run folders in, files and terminal tables out."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from lrp2_bench.errors import BenchError, UnknownNameError
from lrp2_bench.jobs.report import run_report
from tests.support.run_folders import every_pair, write_run


def report(*inputs: Path, output: Path | None = None, select_by: str = "transferability") -> tuple[Path, str]:
    console = Console(file=io.StringIO(), width=120)
    folder = run_report(inputs, output, select_by, console)
    return folder, console.file.getvalue()  # type: ignore[attr-defined]


def read_csv(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))


def test_every_model_and_dataset_gets_both_tables_in_three_forms(tmp_path: Path) -> None:
    write_run(tmp_path, "de", (20, 30), every_pair(12))
    write_run(tmp_path, "de", (20, 30), every_pair(24), model="bloom_560m", blocks=24)
    folder, printed = report(tmp_path)
    assert folder == tmp_path / "report"
    tables = [
        f"{table}_{model}_mlama.{form}"
        for table in ("table1", "optimal_layers")
        for model in ("mbert", "bloom_560m")
        for form in ("md", "csv", "tex")
    ]
    assert sorted(path.name for path in folder.iterdir() if path.is_file()) == sorted(["page.html", *tables])
    assert "Optimal layers, mbert on mlama" in printed and str(folder) in printed


def test_the_csv_holds_the_runs_numbers_and_the_papers(tmp_path: Path) -> None:
    write_run(tmp_path, "de", (20.123456, 30), {(1, 2): (21, 31.654321), (3, 4): (22, 31)})
    folder, _ = report(tmp_path, output=tmp_path / "elsewhere" / "deep")
    assert folder == tmp_path / "elsewhere" / "deep"
    (row,) = read_csv(folder / "optimal_layers_mbert_mlama.csv")
    assert row == {
        "language": "de", "best_lirp": "1", "best_lsrp": "2",
        "accuracy_without": "20.123456", "accuracy_lrp2": "21.000000",
        "transferability_without": "30.000000", "transferability_lrp2": "31.654321",
        "paper_lirp": "3", "paper_lsrp": "4",
        "transferability_at_paper": "31.000000", "transferability_difference": "-0.654321",
        "paper_rank": "2", "paper_rank_of": "2",
    }  # fmt: skip


def test_runs_of_several_inputs_join_in_one_table(tmp_path: Path) -> None:
    write_run(tmp_path / "a", "de", (20, 30), {(1, 2): (21, 31)})
    write_run(tmp_path / "b", "fr", (20, 30), {(1, 2): (21, 31)})
    folder, _ = report(tmp_path / "a", tmp_path / "b")
    assert folder == tmp_path / "a" / "report"
    rows = read_csv(folder / "optimal_layers_mbert_mlama.csv")
    assert [row["language"] for row in rows] == ["de", "fr"]


def test_a_second_report_over_the_first_gives_the_same_files(tmp_path: Path) -> None:
    write_run(tmp_path, "de", (20, 30), {(1, 2): (21, 31)})
    folder, _ = report(tmp_path)
    before = {path: path.read_bytes() for path in folder.rglob("*.*")}
    report(tmp_path)
    assert {path: path.read_bytes() for path in folder.rglob("*.*")} == before


def test_unfinished_runs_are_named_on_the_console_and_in_their_tables_notes(tmp_path: Path) -> None:
    write_run(tmp_path, "de", (20, 30), {(1, 2): (21, 31)})
    failed = write_run(tmp_path, "fr", (20, 30), state="failed", status={"message": "[red]no disk[/red]"})
    folder, printed = report(tmp_path)
    assert f"{failed}: failed: [red]no disk[/red]" in printed
    for table in ("table1", "optimal_layers"):
        text = (folder / f"{table}_mbert_mlama.md").read_text(encoding="utf-8")
        assert r"- fr is not finished: failed: \[red\]no disk" in text


def test_mixed_runs_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    write_run(tmp_path, "de", (20, 30), {(1, 2): (21, 31)}, model="a_good_one")
    write_run(tmp_path, "de", (20, 30), {(1, 2): (21, 31)})
    write_run(tmp_path, "fr", (20, 30), {(1, 2): (21, 31)}, manifest={"pivot": "es"})
    with pytest.raises(BenchError, match="not made alike"):
        report(tmp_path)
    assert not (tmp_path / "report").exists()


def test_an_unknown_metric_is_an_error_that_suggests_the_nearest(tmp_path: Path) -> None:
    write_run(tmp_path, "de", (20, 30), {(1, 2): (21, 31)})
    with pytest.raises(UnknownNameError, match="Did you mean 'accuracy'"):
        report(tmp_path, select_by="acuracy")


def test_a_models_name_does_not_lead_out_of_the_folder(tmp_path: Path) -> None:
    model = {"name": "../../evil", "blocks": 12, "digest": "d", "revision": "r"}
    write_run(tmp_path / "runs", "de", (20, 30), {(1, 2): (21, 31)}, manifest={"model": model})
    folder, _ = report(tmp_path / "runs")
    assert len([path for path in folder.iterdir() if path.is_file()]) == 7
    assert {path.parent for path in tmp_path.rglob("*evil*")} == {folder, folder / "figures"}


def test_only_the_pivots_run_gives_tables_with_an_empty_body(tmp_path: Path) -> None:
    write_run(tmp_path, "en", (34, 100))
    folder, _ = report(tmp_path)
    assert "34.0" in (folder / "table1_mbert_mlama.md").read_text(encoding="utf-8")


def test_figures_lie_beside_the_tables_and_are_counted_on_the_console(tmp_path: Path) -> None:
    for language in ("de", "fr"):
        write_run(tmp_path / "searched", language, (20, 30), {(1, 2): (21, 31)})
    write_run(tmp_path / "baseline", "en", (34, 100))
    folder, printed = report(tmp_path / "searched")
    assert f"Figures: 5, as PNG and PDF, in {folder / 'figures'}" in printed
    assert len(list((folder / "figures").iterdir())) == 10
    folder, printed = report(tmp_path / "baseline")
    assert "Figures: none, for no finished run has pairs" in printed
    assert not (folder / "figures").exists()


def test_an_alignment_that_cannot_be_read_is_named_and_costs_no_other_figure(tmp_path: Path) -> None:
    damaged = write_run(tmp_path, "de", (20, 30), {(1, 2): (21, 31)}) / "alignment.csv"
    damaged.write_text("?")
    folder, printed = report(tmp_path)
    assert f"Not in the alignment's figure: {damaged}, line 1" in printed
    assert len(list((folder / "figures").iterdir())) == 10


def test_a_page_lies_beside_the_tables_and_says_what_it_lacks(tmp_path: Path) -> None:
    run = write_run(tmp_path, "de", (20, 30), {(1, 2): (21, 31)})
    folder, printed = report(tmp_path)
    assert f"Page: {folder / 'page.html'}" in printed
    assert f"Not on the page: '{run / 'hits.parquet'}' is missing" in printed
    assert '"select_by":"transferability"' in (folder / "page.html").read_text(encoding="utf-8")


def test_a_report_loads_no_model_library() -> None:
    code = (
        "import sys, lrp2_bench.jobs.report\n"
        "print(sorted({'torch', 'transformers', 'optuna', 'wandb', 'hydra'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
