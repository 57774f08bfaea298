"""A note wherever transferability rises while accuracy falls: in tables and in the page's data."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from lrp2_bench.commands.report import run_report
from lrp2_bench.report.page.data import Choices, page_data
from lrp2_bench.results.forgetting import forgetting_note, forgetting_notes
from lrp2_bench.results.runs import find_runs
from lrp2_bench.results.tables import PairRow
from tests.support.page_runs import assessed_groups
from tests.support.run_folders import write_run

BASELINE = PairRow(None, None, 5.0, 13.2, 100, 80)


@pytest.mark.parametrize(
    ("accuracy", "transferability", "noted"),
    [(3.1, 27.1, True), (5.0, 27.1, False), (6.0, 27.1, False), (3.1, 13.2, False), (3.1, 9.0, False)],
)
def test_a_pair_is_noted_where_transferability_rises_and_accuracy_falls_and_nowhere_else(
    accuracy: float, transferability: float, noted: bool
) -> None:
    row = PairRow(2, 5, accuracy, transferability, 100, 80)
    note = forgetting_note(BASELINE, row)
    assert (note is not None) == noted == bool(forgetting_notes([("de", BASELINE, row)]))
    assert not note or ("13.2 to 27.1 %" in note and "5.0 to 3.1 %" in note and "2/5" in note)


@pytest.mark.usefixtures("without_figures")
def test_tables_and_page_name_the_languages_that_forget(tmp_path: Path) -> None:
    write_run(tmp_path, "de", (5, 13), {(1, 2): (3, 27), (1, 3): (7, 12)})
    write_run(tmp_path, "fr", (5, 13), {(1, 2): (6, 27)})
    console = Console(file=io.StringIO(), width=120)
    folder = run_report([tmp_path], None, "transferability", console).folder
    for name in ("table1_mbert_mlama.md", "optimal_layers_mbert_mlama.md"):
        assert "accuracy falls in de (5.0 to 3.0 %)" in (folder / "tables" / name).read_text()
    content, _ = page_data(assessed_groups(find_runs([tmp_path])[0]), (), Choices())
    notes = {
        run["code"]: [note for note in run["notes"] if "accuracy falls" in note] for run in content["groups"][0]["runs"]
    }
    assert len(notes["de"]) == 1 and "at 1/2" in notes["de"][0] and notes["fr"] == []
