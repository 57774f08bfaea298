"""The table of significance says what the hits say, corrected over the languages in it, and names what it lacks."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest

from lrp2_bench.core.types import Interval, LayerPair
from lrp2_bench.metrics import hits as metrics
from lrp2_bench.render.plain import to_csv
from lrp2_bench.render.table import Cell, Table
from lrp2_bench.report.assessed_runs import AssessedRuns, assess_runs
from lrp2_bench.report.tables.significance import significance_table
from lrp2_bench.results.runs import find_runs
from lrp2_bench.results.stored_hits import read_hits
from lrp2_bench.stats.paired_tests import holm
from tests.support.run_folders import write_run
from tests.support.synthetic_runs import write_synthetic_run


def assessed(root: Path, select_by: str = "transferability") -> AssessedRuns:
    return assess_runs(find_runs([root])[0], select_by)


def rows(table: Table) -> dict[str, dict[str, Cell]]:
    keys = [column.key for column in table.columns]
    return {str(row[0]): dict(zip(keys, row, strict=True)) for row in table.rows}


def test_a_row_is_the_stored_hits_at_the_best_pair(tmp_path: Path) -> None:
    folder = write_synthetic_run(tmp_path, "de", blocks=4, facts=400)
    found = assessed(tmp_path)
    de = rows(significance_table(found))["de"]
    (run,) = found.runs
    best = run.best("transferability")
    assert best is not None and de["best"] == best.pair and (de["name"], de["facts"]) == ("German", 400)
    hits = read_hits(folder / "hits.parquet")
    before, after = hits.row(None), hits.row(best.pair)
    assert before is not None and after is not None
    assert (de["gained"], de["lost"]) == (int((after > before).sum()), int((after < before).sum()))
    change = de["transferability_change"]
    assert isinstance(change, Interval) and change.low < change.value < change.high
    assert change.value == pytest.approx(best.transferability - run.baseline.transferability, abs=2e-6)
    held_out, selection_bias = de["transferability_held_out"], de["transferability_selection_bias"]
    assert isinstance(held_out, float) and selection_bias == pytest.approx(change.value - held_out)
    accuracy = metrics.accuracy(np.stack([before, after]))
    other = de["accuracy_change"]
    assert isinstance(other, Interval) and other.value == pytest.approx(accuracy[1] - accuracy[0])
    members = [LayerPair(*map(int, text.split("/"))) for text in str(de["confidence_set_pairs"]).split()]
    assert de["confidence_set"] == (len(members), 6) and best.pair in members
    assert str(de["confidence_set_lirp"]).split("–")[0] == str(min(pair.lirp for pair in members))


def test_p_is_corrected_over_the_languages_of_the_table(tmp_path: Path) -> None:
    for language in ("de", "fr", "ja"):
        write_synthetic_run(tmp_path, language, blocks=4, facts=300)
    table = rows(significance_table(assessed(tmp_path)))
    plain = [row["p"] for row in table.values()]
    assert [row["p_holm"] for row in table.values()] == pytest.approx(holm(plain))
    assert len(table) == 3 and any(row["p_holm"] != row["p"] for row in table.values())


def test_select_by_accuracy_assesses_accuracy_first(tmp_path: Path) -> None:
    write_synthetic_run(tmp_path, "de", blocks=4, facts=300)
    table = significance_table(assessed(tmp_path, "accuracy"))
    assert [column.key for column in table.columns][4:8] == [
        "accuracy_without", "accuracy_change", "accuracy_held_out", "accuracy_selection_bias",
    ]  # fmt: skip


def test_the_published_pair_is_looked_for_among_the_good_ones(tmp_path: Path) -> None:
    for model in ("mbert", "mine"):
        write_synthetic_run(tmp_path / model, "de", model=model, blocks=12, facts=300)
    row = rows(significance_table(assessed(tmp_path / "mbert")))["de"]
    assert row["paper"] == LayerPair(3, 4)
    assert row["paper_confidence_set"] == ("yes" if "3/4" in str(row["confidence_set_pairs"]).split() else "no")
    assert not any("paper" in column.key for column in significance_table(assessed(tmp_path / "mine")).columns)


def test_runs_without_hits_or_pairs_have_no_row_and_are_named(tmp_path: Path) -> None:
    write_synthetic_run(tmp_path, "de", blocks=4, facts=200)
    damaged = write_synthetic_run(tmp_path, "fr", blocks=4, facts=200)
    (damaged / "hits.parquet").write_bytes(b"?")
    write_run(tmp_path, "ja", (20, 30), {(1, 2): (21, 31)}, blocks=4)
    write_run(tmp_path, "ko", (20, 30), blocks=4)
    other = write_synthetic_run(tmp_path, "zh", blocks=4, facts=200)
    (other / "hits.parquet").write_bytes((other / "pivot_hits.parquet").read_bytes())
    found = assessed(tmp_path)
    table = significance_table(found)
    assert list(rows(table)) == ["de"]
    assert sorted(found.unread) == ["fr", "ja", "zh"]
    notes = "\n".join(table.notes)
    assert f"fr has no row: '{damaged / 'hits.parquet'}' is damaged" in notes
    assert "ja has no row" in notes and "is missing" in notes
    assert "zh has no row" in notes and "and pairs.csv disagree in their settings" in notes
    assert "Only the baseline was run, so no row: ko." in notes


def test_csv_keeps_small_ps_and_every_good_pair(tmp_path: Path) -> None:
    write_synthetic_run(tmp_path, "de", blocks=4, facts=2_000, gain=1.5)
    table = significance_table(assessed(tmp_path))
    (row,) = csv.DictReader(io.StringIO(to_csv(table)))
    assert 0 < float(row["p"]) < 1e-6
    assert row["confidence_set_pairs"].split() == [*dict.fromkeys(row["confidence_set_pairs"].split())]
    assert len(row["confidence_set_pairs"].split()) == int(row["confidence_set"])


def test_an_unknown_language_has_a_row_of_its_own(tmp_path: Path) -> None:
    write_synthetic_run(tmp_path, "qqq", blocks=4, facts=200)
    assert rows(significance_table(assessed(tmp_path)))["qqq"]["name"] == "qqq"
