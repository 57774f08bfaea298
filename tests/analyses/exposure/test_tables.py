"""The testbed's tables hold what the stored hits say of facts seen in pretraining, and leave other models alone."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from lrp2_bench.analyses.exposure.compute import fact_statuses
from lrp2_bench.analyses.exposure.tables import embedded_tables
from lrp2_bench.commands.report import run_report
from lrp2_bench.core.types import Interval
from lrp2_bench.metrics import hits as metrics
from lrp2_bench.render.table import Cell, Table
from lrp2_bench.render.terminal import to_terminal
from lrp2_bench.results.runs import Run, find_runs
from lrp2_bench.results.stored_hits import read_hits
from tests.support.exposure_runs import MODEL, TWIN, embedded, write_exposure_run
from tests.support.run_folders import write_run


def tables(root: Path, model: str = "tiny_mbert", select_by: str = "transferability") -> list[Table]:
    runs, _ = find_runs([root])
    return embedded_tables([run for run in runs if run.model == model], runs, select_by)


def row(table: Table, language: str) -> dict[str, Cell]:
    (found,) = [cells for cells in table.rows if cells[0] == language]
    return {column.key: cell for column, cell in zip(table.columns, found, strict=True)}


def run_of(root: Path, language: str) -> Run:
    (run,) = [run for run in find_runs([root])[0] if run.language == language]
    return run


def values(cells: Sequence[Cell]) -> list[float]:
    return [cell.value for cell in cells if isinstance(cell, Interval)]


def test_the_exposure_table_has_the_runs_numbers_with_intervals_around_them(tmp_path: Path) -> None:
    write_exposure_run(tmp_path, "de")
    (exposure, _), run = tables(tmp_path), run_of(tmp_path, "de")
    best = run.best("transferability")
    assert best is not None
    de = row(exposure, "de")
    assert (de["name"], de["resource"], de["facts"], de["best"]) == ("German", "high", run.baseline.facts, best.pair)
    assert de["exposure"] == pytest.approx(79, abs=0.3)
    assert de["accuracy_lrp2"] == pytest.approx(best.accuracy, abs=1e-6)
    assert de["transferability_without"] == pytest.approx(run.baseline.transferability, abs=1e-6)
    assert de["transferability_lrp2"] == pytest.approx(best.transferability, abs=1e-6)
    gains = (best.accuracy - run.baseline.accuracy, best.transferability - run.baseline.transferability)
    for key, value in zip(
        ("accuracy_without", "accuracy_change", "transferability_change"), (run.baseline.accuracy, *gains), strict=True
    ):
        cell = de[key]
        assert isinstance(cell, Interval)
        assert cell.value == pytest.approx(value, abs=2e-6)
        assert cell.low < value < cell.high < cell.low + 12


def test_languages_stand_by_exposure_the_pivot_first_and_those_without_text_last(tmp_path: Path) -> None:
    for language in ("ga", "sq", "hi", "en", "de", "zh"):
        write_exposure_run(tmp_path, language)
    exposure, knowledge = tables(tmp_path)
    for table in (exposure, knowledge):
        assert [cells[0] for cells in table.rows] == ["en", "de", "zh", "hi", "ga", "sq"]
    assert row(exposure, "sq")["exposure"] is None
    assert row(exposure, "en")["exposure"] == 100


def test_knowledge_is_split_by_who_told_it(tmp_path: Path) -> None:
    folder = write_exposure_run(tmp_path, "hi", chances={"seen": 100, "pivot": 0, "elsewhere": 50, "nowhere": 0})
    _, knowledge = tables(tmp_path)
    hi = row(knowledge, "hi")
    assert values([hi["seen_without"], hi["pivot_without"]]) == [100, 0]
    stored = read_hits(folder / "hits.parquet")
    statuses = fact_statuses(stored.facts, MODEL.exposure, "hi")
    best = run_of(tmp_path, "hi").best("transferability")
    assert statuses is not None and best is not None
    for status in ("seen", "pivot"):
        mask = statuses.by[status]
        assert hi[f"{status}_facts"] == mask.sum() > 20
        hit = stored.row(best.pair)
        assert hit is not None
        assert hi[f"{status}_lrp2"] == pytest.approx(metrics.accuracy(hit[None, mask])[0])
    assert 90 < hi["seen_lrp2"] < 100, "pairs flip some hits"


def test_the_pivots_row_shows_its_accuracy_on_what_it_was_told(tmp_path: Path) -> None:
    write_exposure_run(tmp_path, "en")
    write_exposure_run(tmp_path, "en", TWIN)
    exposure, knowledge = tables(tmp_path)
    en = row(exposure, "en")
    assert en["name"] == "English" and "en is the pivot: " in " ".join(exposure.notes)
    assert values([en["accuracy_without"]]) == [100]
    assert [en[key] for key in ("best", "accuracy_lrp2", "transferability_without", "transferability_lrp2")] == [
        None
    ] * 4
    en = row(knowledge, "en")
    assert values([en["seen_without"]]) == [100]
    assert (en["seen_facts"], en["pivot_facts"], en["transfer_without"]) == (len(facts("en")), 0, None)
    assert not [note for note in knowledge.notes if note.startswith("No transfer")]


def facts(language: str) -> list[object]:
    return [fact for relation in embedded(language).relations for fact in relation.facts]


def test_transfer_is_the_models_accuracy_on_held_out_facts_less_its_twins(tmp_path: Path) -> None:
    chances = {"seen": 80, "pivot": 60, "elsewhere": 50, "nowhere": 20}
    model = read_hits(write_exposure_run(tmp_path, "de", chances=chances) / "hits.parquet")
    twin = read_hits(write_exposure_run(tmp_path, "de", TWIN, chances=chances) / "hits.parquet")
    statuses = fact_statuses(model.facts, MODEL.exposure, "de")
    best = run_of(tmp_path / "paper" / "tiny_mbert", "de").best("accuracy")
    assert statuses is not None and best is not None
    de = row(tables(tmp_path, select_by="accuracy")[1], "de")
    for key, setting in (("transfer_without", None), ("transfer_lrp2", best.pair)):
        rows = model.row(setting), twin.row(setting)
        assert rows[0] is not None and rows[1] is not None
        ours, theirs = metrics.accuracy(np.stack(rows)[:, statuses.held_out])
        cell = de[key]
        assert isinstance(cell, Interval)
        assert cell.value == pytest.approx(ours - theirs)
        assert 10 < cell.low < cell.value < cell.high < 60
    rows = (twin.row(None),)
    assert de["twin_without"] == pytest.approx(metrics.accuracy(np.stack(rows)[:, statuses.held_out])[0])
    assert de["held_out_facts"] == statuses.held_out.sum()


def test_a_twin_has_an_exposure_table_of_its_own_in_which_english_tells_less(tmp_path: Path) -> None:
    write_exposure_run(tmp_path, "de", TWIN)
    write_exposure_run(tmp_path, "en", TWIN)
    (exposure,) = tables(tmp_path, "tiny_mbert_twin")
    assert exposure.name == "exposure_tiny_mbert_twin_cldr"
    assert row(exposure, "en")["exposure"] == pytest.approx(80, abs=0.3)
    assert any("no-transfer control" in note for note in exposure.notes)


def test_a_twin_is_known_by_its_manifest_whatever_its_folder_is_called(tmp_path: Path) -> None:
    write_exposure_run(tmp_path, "de", folder="mine")
    write_exposure_run(tmp_path, "de", TWIN, folder="other", experiment="before")
    assert row(tables(tmp_path, "mine")[1], "de")["transfer_without"] is not None


def test_the_twin_of_the_same_experiment_is_taken_first(tmp_path: Path) -> None:
    write_exposure_run(tmp_path, "de")
    write_exposure_run(tmp_path, "de", TWIN, folder="other", experiment="before", chances={"nowhere": 100})
    write_exposure_run(tmp_path, "de", TWIN, chances={"nowhere": 0})
    assert row(tables(tmp_path)[1], "de")["twin_without"] == 0


@pytest.mark.parametrize("why", ["none", "other exposure", "other facts", "no hits", "no pair"])
def test_without_a_twin_to_compare_with_a_note_says_why(tmp_path: Path, why: str) -> None:
    write_exposure_run(tmp_path, "de")
    twin = TWIN
    if why == "other exposure":
        twin = replace(TWIN, exposure=replace(TWIN.exposure, seed=1))
    if why != "none":
        folder = write_exposure_run(tmp_path, "de", twin, pairs=why != "no pair")
        if why == "other facts":
            manifest = json.loads((folder / "manifest.json").read_text())
            manifest["identity"]["dataset"]["digest"] = "another"
            (folder / "manifest.json").write_text(json.dumps(manifest))
        elif why == "no hits":
            (folder / "hits.parquet").unlink()
    knowledge = tables(tmp_path)[1]
    de = row(knowledge, "de")
    notes = [note for note in knowledge.notes if note.startswith("No transfer for de: ")]
    if why == "no pair":
        assert de["transfer_without"] is not None and de["transfer_lrp2"] is None and not notes
        return
    assert (de["twin_without"], de["transfer_without"], de["transfer_lrp2"]) == (None, None, None)
    expected = {"other facts": "the no-transfer control's run differs in dataset", "no hits": "is missing"}
    assert expected.get(why, "no finished run of the no-transfer control 'tiny_mbert_twin'") in notes[0]


def test_a_baseline_alone_has_its_accuracies_and_no_pair(tmp_path: Path) -> None:
    write_exposure_run(tmp_path, "de", pairs=False)
    exposure, knowledge = tables(tmp_path)
    de = row(exposure, "de")
    assert len(values([de["accuracy_without"]])) == 1 and de["best"] is de["accuracy_change"] is None
    assert de["transferability_without"] is not None and row(knowledge, "de")["seen_lrp2"] is None


def test_other_models_and_other_facts_get_no_such_table(tmp_path: Path) -> None:
    write_run(tmp_path, "de", (20, 30), {(1, 2): (21, 31)}, model="mbert", dataset="cldr")
    write_exposure_run(tmp_path, "de", dataset="mlama")
    folder = tmp_path / "paper" / "tiny_mbert" / "mlama" / "de"
    assert tables(tmp_path, "mbert") == [] and len(tables(tmp_path)) == 2
    table = pd.read_parquet(folder / "hits.parquet")
    table.assign(uuid=table["uuid"].astype(str) + "0").to_parquet(folder / "hits.parquet")
    assert tables(tmp_path) == []


@pytest.mark.parametrize("name", ["hits.parquet", "pivot_hits.parquet"])
def test_a_run_without_its_hits_is_named_and_the_others_stay(tmp_path: Path, name: str) -> None:
    write_exposure_run(tmp_path, "de")
    (write_exposure_run(tmp_path, "zh") / name).write_bytes(b"torn")
    for table in tables(tmp_path):
        assert [cells[0] for cells in table.rows] == ["de"]
        assert any(note.startswith("zh has no row: ") and name in note for note in table.notes)


def test_hits_that_lack_the_best_pair_are_named(tmp_path: Path) -> None:
    folder = write_exposure_run(tmp_path, "zh")
    shutil.copy(write_exposure_run(tmp_path / "b", "zh", pairs=False) / "hits.parquet", folder / "hits.parquet")
    write_exposure_run(tmp_path, "de")
    assert any("has fewer hits than pairs.csv counts" in note for note in tables(tmp_path)[0].notes)


@pytest.mark.usefixtures("without_figures")
def test_the_report_writes_them_in_every_form_and_a_second_time_the_same(tmp_path: Path) -> None:
    for language in ("de", "hi", "en"):
        write_exposure_run(tmp_path, language)
        write_exposure_run(tmp_path, language, TWIN)
    folder = run_report([tmp_path], None, "transferability", Console(file=io.StringIO())).folder
    names = ["exposure_tiny_mbert_cldr", "exposure_tiny_mbert_twin_cldr", "knowledge_tiny_mbert_cldr"]
    written = {path.name: path.read_bytes() for path in folder.rglob("*.*") if path.is_file()}
    assert sorted(name for name in written if name[0] in "ek") == [
        f"{n}.{form}" for n in names for form in ("csv", "md", "tex")
    ]
    (de,) = [
        line for line in csv.DictReader(io.StringIO(written[f"{names[0]}.csv"].decode())) if line["language"] == "de"
    ]
    assert float(de["accuracy_change_low"]) < float(de["accuracy_change"]) < float(de["accuracy_change_high"])
    run_report([tmp_path], None, "transferability", Console(file=io.StringIO()))
    assert {path.name: path.read_bytes() for path in folder.rglob("*.*") if path.is_file()} == written


def test_a_terminal_of_80_columns_shows_the_intervals(tmp_path: Path) -> None:
    for language in ("ar", "de", "ga", "hi", "sq"):
        write_exposure_run(tmp_path, language)
        write_exposure_run(tmp_path, language, TWIN)
    for table in tables(tmp_path):
        file = io.StringIO()
        Console(file=file, width=80).print(to_terminal(table, 80))
        assert max(len(line.rstrip()) for line in file.getvalue().split("\n")) <= 80
        assert "too narrow" not in file.getvalue() and "…" not in file.getvalue() and ".." in file.getvalue()
