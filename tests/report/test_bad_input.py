"""What a user may hand a report by mistake or malice, through the command: named and refused, or shown as text."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from lrp2_bench.commands.report_contents import _of_models
from lrp2_bench.results.runs import find_runs
from tests.support.commands import lrp2_bench
from tests.support.page_runs import write_page_run
from tests.support.run_folders import write_run

Capture = pytest.CaptureFixture[str]

#: Code for a browser, a terminal, a spreadsheet's reader and TeX, a text that turns around, and one without an end.
HOSTILE = (
    "</script><script>alert(1)</script>", "\u202egnirts \u2066x", "\\input{/etc/passwd} $x_1$ 50% & # ~ ^ {",
    "[red]bold[/red] \x1b[31m", "W" * 10_000,
)  # fmt: skip


def everything_in(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_an_empty_folder_is_an_error_and_stays_empty(tmp_path: Path, capsys: Capture) -> None:
    assert lrp2_bench("report", str(tmp_path)) == 1
    said = capsys.readouterr().err
    assert f"There is no run in {tmp_path}" in said and "EXPERIMENT/MODEL/DATASET/LANGUAGE" in said
    assert "Traceback" not in said and list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("without_figures")
def test_a_half_written_sweep_gives_the_tables_of_what_is_there_and_names_the_rest(
    tmp_path: Path, capsys: Capture
) -> None:
    write_page_run(tmp_path, "de")
    killed = tmp_path / "paper" / "mbert" / "mlama" / "fr"
    killed.mkdir()
    (killed / "status.json").write_text('{"state": "runn')  # the disk was full
    (tmp_path / "paper" / "mbert" / "mlama" / "ja").mkdir()  # made, and nothing written yet
    assert lrp2_bench("report", str(tmp_path), "--quiet") == 3
    assert str(killed) in capsys.readouterr().err
    table = (tmp_path / "report" / "tables" / "optimal_layers_mbert_mlama.md").read_text("utf-8")
    assert "\n| de |" in table and "fr is not finished: status.json is damaged" in table
    page = (tmp_path / "report" / "index.html").read_text("utf-8")
    assert '"unfinished":[{"name":"French"' in page


@pytest.mark.usefixtures("without_figures")
def test_mixed_configurations_of_one_experiment_are_told_apart_in_the_tables(tmp_path: Path, capsys: Capture) -> None:
    write_run(tmp_path, "de", (20, 30), {(1, 2): (21, 31)}, blocks=4)
    config = {"dataset": {"limit": 10}, "corpus": {"sentences": 1000}, "vectors": {"path": None}}
    write_run(tmp_path, "fr", (20, 30), {(1, 2): (21, 31)}, blocks=4, manifest={"config": config})
    assert lrp2_bench("report", str(tmp_path)) == 3  # without hits
    said = " ".join(capsys.readouterr().out.split())
    assert (
        "Labelled apart: The runs of model 'mbert' on 'mlama' in experiment 'paper' have different configurations"
        in said
    )
    table = (tmp_path / "report" / "data" / "optimal_layers_mbert_mlama.csv").read_text("utf-8").splitlines()
    assert [row.split(",")[:2] for row in table[1:]] == [
        ["paper (dataset.limit=10)", "fr"],
        ["paper (dataset.limit=null)", "de"],
    ]


def test_hits_of_a_language_nobody_knows_are_assessed_and_named_by_their_code(tmp_path: Path) -> None:
    for language in ("qqq", "de"):
        write_page_run(tmp_path, language)
    assert lrp2_bench("report", str(tmp_path), "--quiet") == 0
    report = tmp_path / "report"
    assert "qqq" in (report / "tables" / "table1_mbert_mlama.md").read_text("utf-8")
    rows = (report / "data" / "significance_mbert_mlama.csv").read_text("utf-8").splitlines()
    assert [row.split(",")[:2] for row in rows[1:]] == [["de", "German"], ["qqq", "qqq"]]
    assert '"name":"qqq","family":null,"resource":null' in (report / "index.html").read_text("utf-8")


def test_a_model_without_data_is_an_error_that_says_what_it_has(tmp_path: Path, capsys: Capture) -> None:
    write_run(tmp_path, "de", (20, 30), {(1, 2): (21, 31)}, model="mbert")
    write_run(tmp_path, "de", (20, 30), model="mine", state="failed", status={"message": "no disk"})
    for model, told in (("mine", "no finished run to report on:\n.*no disk"), ("mbret", "Did you mean 'mbert'")):
        assert lrp2_bench("report", str(tmp_path), f"models=[{model}]") == 1
        said = capsys.readouterr().err
        assert re.search(told, said) and "Traceback" not in said
    assert not (tmp_path / "report").exists()


def test_a_model_is_reported_with_its_ablations_or_one_of_these_alone(tmp_path: Path) -> None:
    for label, model in (("lrp2", "mbert"), ("random_seed1", "mbert"), ("lrp2", "other")):
        manifest = {"projection": {"label": label}}
        write_run(tmp_path / label, "de", (20, 30), {(1, 2): (21, 31)}, model=model, manifest=manifest)
    runs, unfinished = find_runs([tmp_path])

    def reported(*models: str) -> set[str]:
        return {run.model for run in _of_models(runs, unfinished, models)[0]}

    assert reported("mbert") == {"mbert", "mbert_random_seed1"}
    assert reported("mbert_random_seed1") == {"mbert_random_seed1"} and reported("other", "mbert") == reported()


@pytest.mark.usefixtures("without_figures")
def test_labels_that_are_code_elsewhere_are_text_on_the_page_and_reach_no_table(tmp_path: Path) -> None:
    write_page_run(tmp_path, "de", labels=HOSTILE * 8, facts=40, relations=("P36", HOSTILE[0], HOSTILE[2]))
    assert lrp2_bench("report", str(tmp_path), "--quiet") == 0
    for path in (tmp_path / "report").rglob("*.*"):
        text = path.read_text("utf-8") if path.suffix != ".parquet" else ""
        assert not re.search("[\u202e\u2066\x1b]", text), path
        if path.suffix == ".tex":
            assert "\\input{" not in text and text.isascii()
    page = (tmp_path / "report" / "index.html").read_text("utf-8")
    assert "alert(1)</script>" not in page and page.count("<script") == 3
    held = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert held is not None
    texts = [text for entry in json.loads(held[1])["facts"] for text in entry if text]
    assert HOSTILE[0] in texts and "�gnirts �x" in texts and HOSTILE[2] in texts
    assert max(map(len, texts)) < 300 and any(text.startswith("WWW") and text.endswith("…") for text in texts)
