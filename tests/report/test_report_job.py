"""The whole job: run folders in, files and terminal tables out."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from lrp2_bench.commands.report import Report, run_report
from lrp2_bench.core.errors import BenchError, UnknownNameError
from tests.support.run_folders import every_pair, write_run
from tests.support.synthetic_runs import write_synthetic_run

MODELS = ("mbert", "bloom_560m")


def report(*inputs: Path, output: Path | None = None, select_by: str = "transferability") -> tuple[Path, str]:
    console = Console(file=io.StringIO(), width=120)
    done = run_report(inputs, output, select_by, console)
    return done.folder, console.file.getvalue()


def read_csv(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))


@pytest.mark.usefixtures("without_figures")
def test_every_model_and_dataset_gets_both_tables_in_three_forms(tmp_path: Path) -> None:
    write_run(tmp_path, "de", (20, 30), every_pair(12))
    write_run(tmp_path, "de", (20, 30), every_pair(24), model="bloom_560m", blocks=24)
    folder, printed = report(tmp_path)
    assert folder == tmp_path / "report"
    assert sorted(path.name for path in folder.iterdir()) == [
        "data", "index.html", "index.md", "results.csv", "results.parquet", "tables",
    ]  # fmt: skip
    names = ["runs", *(f"{table}_{model}_mlama" for table in ("table1", "optimal_layers") for model in MODELS)]
    assert {path.name for path in (folder / "data").iterdir()} == {f"{name}.csv" for name in names}
    assert {path.name for path in (folder / "tables").iterdir()} == {
        f"{name}.{form}" for name in names for form in ("md", "tex")
    }
    assert "Optimal layers, mbert on mlama" in printed and str(folder) in printed


@pytest.mark.usefixtures("without_figures")
def test_the_csv_holds_the_runs_numbers_and_the_papers(tmp_path: Path) -> None:
    write_run(tmp_path, "de", (20.123456, 30), {(1, 2): (21, 31.654321), (3, 4): (22, 31)})
    folder, _ = report(tmp_path, output=tmp_path / "elsewhere" / "deep")
    assert folder == tmp_path / "elsewhere" / "deep"
    (row,) = read_csv(folder / "data" / "optimal_layers_mbert_mlama.csv")
    assert row == {
        "language": "de", "best_lirp": "1", "best_lsrp": "2",
        "accuracy_without": "20.123456", "accuracy_lrp2": "21.000000",
        "transferability_without": "30.000000", "transferability_lrp2": "31.654321",
        "paper_lirp": "3", "paper_lsrp": "4",
        "transferability_at_paper": "31.000000", "transferability_difference": "-0.654321",
        "paper_rank": "2", "paper_rank_of": "2",
    }  # fmt: skip


@pytest.mark.usefixtures("without_figures")
def test_runs_of_several_inputs_join_in_one_table(tmp_path: Path) -> None:
    write_run(tmp_path / "a", "de", (20, 30), {(1, 2): (21, 31)})
    write_run(tmp_path / "b", "fr", (20, 30), {(1, 2): (21, 31)})
    folder, _ = report(tmp_path / "a", tmp_path / "b")
    assert folder == tmp_path / "a" / "report"
    rows = read_csv(folder / "data" / "optimal_layers_mbert_mlama.csv")
    assert [row["language"] for row in rows] == ["de", "fr"]


def test_a_second_report_over_the_first_gives_the_same_files(tmp_path: Path) -> None:
    write_run(tmp_path, "de", (20, 30), {(1, 2): (21, 31)})
    folder, _ = report(tmp_path)
    before = {path: path.read_bytes() for path in folder.rglob("*.*")}
    report(tmp_path)
    assert {path: path.read_bytes() for path in folder.rglob("*.*")} == before


@pytest.mark.usefixtures("without_figures")
def test_unfinished_runs_are_named_on_the_console_and_in_their_tables_notes(tmp_path: Path) -> None:
    write_run(tmp_path, "de", (20, 30), {(1, 2): (21, 31)})
    failed = write_run(tmp_path, "fr", (20, 30), state="failed", status={"message": "[red]no disk[/red]"})
    folder, printed = report(tmp_path)
    assert f"{failed}: failed: [red]no disk[/red]" in printed
    for table in ("table1", "optimal_layers"):
        text = (folder / "tables" / f"{table}_mbert_mlama.md").read_text(encoding="utf-8")
        assert r"- fr is not finished: failed: \[red\]no disk" in text


def test_runs_that_cannot_be_told_apart_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    write_run(tmp_path, "de", (20, 30), {(1, 2): (21, 31)}, model="a_good_one")
    write_run(tmp_path, "de", (20, 30), {(1, 2): (21, 31)})
    write_run(tmp_path, "fr", (20, 30), {(1, 2): (21, 31)}, manifest={"language": "de"})
    with pytest.raises(BenchError, match="Two runs of language 'de'"):
        report(tmp_path)
    assert not (tmp_path / "report").exists()


def test_an_unknown_metric_is_an_error_that_suggests_the_nearest(tmp_path: Path) -> None:
    write_run(tmp_path, "de", (20, 30), {(1, 2): (21, 31)})
    with pytest.raises(UnknownNameError, match="Did you mean 'accuracy'"):
        report(tmp_path, select_by="acuracy")


@pytest.mark.usefixtures("without_figures")  # whose names have a test of their own
def test_a_models_name_does_not_lead_out_of_the_folder(tmp_path: Path) -> None:
    model = {"name": "../../evil", "blocks": 12, "digest": "d", "revision": "r"}
    write_run(tmp_path / "runs", "de", (20, 30), {(1, 2): (21, 31)}, manifest={"model": model})
    folder, _ = report(tmp_path / "runs")
    assert len([path for path in folder.rglob("*") if path.is_file()]) == 13
    assert {path.parent for path in tmp_path.rglob("*evil*")} == {folder / "tables", folder / "data"}


@pytest.mark.usefixtures("without_figures")
def test_only_the_pivots_run_gives_tables_with_an_empty_body(tmp_path: Path) -> None:
    write_run(tmp_path, "en", (34, 100))
    folder, _ = report(tmp_path)
    assert "34.0" in (folder / "tables" / "table1_mbert_mlama.md").read_text(encoding="utf-8")


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


@pytest.mark.usefixtures("without_figures")
def test_many_runs_that_lack_the_same_file_are_not_a_screen_of_lines(tmp_path: Path) -> None:
    for language in ("de", "fr", "ja", "ko", "zh", "cy", "ga"):
        write_run(tmp_path, language, (20, 30), {(1, 2): (21, 31)})
    _, printed = report(tmp_path)
    assert printed.count("Not on the page: '") == 5 and "Not on the page: and 2 more like these" in printed


def run(root: Path, *models: str) -> Report:
    return run_report([root], None, "transferability", Console(file=io.StringIO(), width=80), models=models)


def test_runs_with_hits_are_assessed_and_one_verdict_is_given_on_all_models(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for language in ("de", "fr", "ja"):
        for model in ("mbert", "mine"):
            write_synthetic_run(tmp_path, language, model=model, blocks=3, facts=60)
    folder, printed = report(tmp_path)
    for table in ("significance_mbert_mlama", "relations_mine_mlama", "verdict", "leaderboard"):
        assert all((folder / "tables" / f"{table}.{form}").exists() for form in ("md", "tex"))
        assert (folder / "data" / f"{table}.csv").exists()
    assert (folder / "figures" / "relations_mbert_mlama.pdf").exists()
    verdict = read_csv(folder / "data" / "verdict.csv")
    checks = {row["check"] for row in verdict if row["subject"] == "mbert on mlama, 3 languages"}
    assert {"accuracy_rises", "languages_differ", "alignment_rises", "published_pairs_hold"} <= checks
    assert {row["result"] for row in verdict} <= {"supported", "contradicted", "inconclusive"}
    assert "The paper's claims, checked" in printed
    monkeypatch.setattr("lrp2_bench.commands.report.write_figures", lambda *_: ([], []))
    assert run(tmp_path).incomplete == ()


@pytest.mark.usefixtures("without_figures")
def test_a_report_knows_what_its_runs_lack(tmp_path: Path) -> None:
    whole = write_synthetic_run(tmp_path, "de", blocks=3, facts=60)
    write_run(tmp_path, "en", (34, 100), blocks=3)
    failed = write_run(tmp_path, "fr", (20, 30), state="failed", status={"message": "no disk"})
    cut = write_run(tmp_path, "ja", (20, 30), {(1, 2): (21, 31)}, blocks=3, status={"missing": ["P413"]})
    incomplete = run(tmp_path).incomplete
    assert incomplete[:3] == (f"{failed}: failed: no disk", f"{cut}: 1 of 3 pairs", f"{cut}: relations missing: P413")
    assert incomplete[3].startswith(f"{cut}: '{cut / 'hits.parquet'}' is missing") and len(incomplete) == 4
    assert not any(str(whole) in line for line in incomplete)


@pytest.mark.usefixtures("without_figures")
def test_a_report_may_be_of_some_models_alone(tmp_path: Path) -> None:
    for model in ("mbert", "xlmr"):
        write_run(tmp_path, "de", (20, 30), every_pair(3), blocks=3, model=model)
    write_run(tmp_path, "de", (20, 30), state="failed", status={"message": "no disk"}, model="mine")
    folder = run(tmp_path, "xlmr").folder
    assert {path.name.split("_", 1)[1] for path in (folder / "tables").glob("*_*.md")} == {
        "xlmr_mlama.md",
        "layers_xlmr_mlama.md",
    }
    with pytest.raises(UnknownNameError, match="Did you mean 'xlmr'"):
        run(tmp_path, "xlmrr")
    with pytest.raises(BenchError, match="'mine' has no finished run to report on:\n.*no disk"):
        run(tmp_path, "mine")


HOSTILE = "<script>alert(1)</script> \u202eabc $x_1$ \\input{/etc/passwd} % & | ` 中文 " + "W" * 10_000


def test_names_that_are_code_elsewhere_stay_text_in_every_form(tmp_path: Path) -> None:
    for number, language in enumerate(("de", "fr", "ja")):
        folder = write_synthetic_run(tmp_path, language, blocks=3, facts=60, relations=("P36", HOSTILE))
        manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
        manifest["model"]["name"] = HOSTILE
        manifest["language"] = f"{HOSTILE}{number}"
        (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    folder, printed = report(tmp_path)
    for path in folder.rglob("*.*"):
        text = path.read_text("utf-8") if path.suffix in (".md", ".tex", ".csv", ".html") else ""
        assert "\u202e" not in text
        if path.suffix == ".md":
            assert "\\<script" in text and not re.search(r"(?<!\\)<script", text)
        if path.suffix == ".tex":
            assert "\\input" not in text and text.isascii()
    assert "\u202e" not in printed and len(list((folder / "figures").iterdir())) == 14


@pytest.mark.usefixtures("without_figures")
def test_the_numbers_of_every_form_are_the_same(tmp_path: Path) -> None:
    write_synthetic_run(tmp_path, "de", blocks=3, facts=60)
    folder, _ = report(tmp_path)
    (row,) = read_csv(folder / "data" / "significance_mbert_mlama.csv")
    value, low, high = (float(row[f"transferability_held_out{part}"]) for part in ("", "_low", "_high"))
    shown = f"{value:+.1f} [{low:.1f}, {high:.1f}]".replace("+0.0 ", "0.0 ")
    lines = (folder / "tables" / "significance_mbert_mlama.md").read_text("utf-8").split("\n")
    assert f"| {shown} |" in next(line for line in lines if "German" in line).replace("\\", "")
    assert f"${value:+.1f}$" in (folder / "tables" / "significance_mbert_mlama.tex").read_text("utf-8").replace(
        "$-0.0$", "$0.0$"
    )


@pytest.mark.usefixtures("without_figures")
def test_a_page_lies_beside_the_tables_and_says_what_it_lacks(tmp_path: Path) -> None:
    run = write_run(tmp_path, "de", (20, 30), {(1, 2): (21, 31)})
    folder, printed = report(tmp_path)
    assert f"Page: {folder / 'index.html'}" in printed
    assert f"Not on the page: '{run / 'hits.parquet'}' is missing" in printed
    assert '"select_by":"transferability"' in (folder / "index.html").read_text(encoding="utf-8")


def test_a_report_loads_no_model_library() -> None:
    code = (
        "import sys, lrp2_bench.commands.report\n"
        "print(sorted({'torch', 'transformers', 'optuna', 'wandb', 'hydra'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
