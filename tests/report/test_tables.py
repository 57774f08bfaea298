"""The numbers in the tables are those of the runs, and the paper's stand beside the right ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lrp2_bench.core.languages import GROUPS
from lrp2_bench.core.types import LayerPair
from lrp2_bench.render.table import Cell, Column, Table
from lrp2_bench.report.tables.group_means import group_means_table
from lrp2_bench.report.tables.optimal_layers import optimal_layers_table
from lrp2_bench.results.runs import find_runs
from lrp2_bench.stats.across_languages import Estimate
from lrp2_bench.stats.held_out import nothing_held_out
from tests.support.assessed import assessed_run, evidence
from tests.support.run_folders import every_pair, write_run

pytestmark = pytest.mark.no_torch


def means(root: Path, select_by: str = "transferability") -> Table:
    return group_means_table(find_runs([root])[0], select_by)


def layers(root: Path, select_by: str = "transferability") -> Table:
    return optimal_layers_table(find_runs([root])[0], select_by)


def row(table: Table, *start: str) -> dict[str, Cell]:
    """The row that begins with ``start``, by column key."""
    (found,) = [cells for cells in table.rows if cells[: len(start)] == start]
    return {column.key: cell for column, cell in zip(table.columns, found, strict=True)}


def test_a_groups_mean_is_that_of_each_languages_best_pair(tmp_path: Path) -> None:
    write_run(tmp_path, "de", (20, 30), {(1, 2): (22, 36), (1, 3): (25, 35)})
    write_run(tmp_path, "fr", (10, 20), {(1, 2): (11, 21), (1, 3): (14, 28)})
    high = row(means(tmp_path), "accuracy", "high resource")
    assert (high["without"], high["lrp2"], high["gain"]) == (15, 18, 3)
    assert (high["without_paper"], high["lrp2_paper"]) == (23.4, 24.1)
    assert high["without_difference"] == pytest.approx(15 - 23.4)
    assert high["lrp2_difference"] == pytest.approx(18 - 24.1)
    assert high["gain_paper"] == pytest.approx(0.7)
    assert row(means(tmp_path), "transferability", "high resource")["lrp2"] == 32


def test_select_by_accuracy_takes_the_other_pair(tmp_path: Path) -> None:
    write_run(tmp_path, "de", (20, 30), {(1, 2): (22, 36), (1, 3): (25, 35)})
    assert row(means(tmp_path, "accuracy"), "accuracy", "all languages")["lrp2"] == 25
    assert row(layers(tmp_path, "accuracy"), "de")["best"] == LayerPair(1, 3)


def test_languages_fall_into_their_groups(tmp_path: Path) -> None:
    for number, language in enumerate(("de", "ja", "ko", "ga")):
        write_run(tmp_path, language, (number, 0), {(1, 2): (number, 1)})
    table = means(tmp_path)
    found = {str(cells[1]): (cells[2], cells[4]) for cells in table.rows if cells[0] == "accuracy"}
    assert found["Indo-European"] == ((2, 34), 1.5)
    assert found["non-Indo-European"] == ((2, 18), 1.5)
    assert found["high resource"] == ((2, len(GROUPS["high"])), 0.5)
    assert found["medium resource"] == ((1, len(GROUPS["medium"])), 2)
    assert found["low resource"] == ((1, len(GROUPS["low"])), 3)
    assert found["all languages"] == ((4, 52), 1.5)


def test_the_pivots_row_is_its_baseline_with_and_without_lrp2(tmp_path: Path) -> None:
    write_run(tmp_path, "en", (34, 100))
    write_run(tmp_path, "de", (20, 30), {(1, 2): (22, 36)})
    english = row(means(tmp_path), "accuracy", "English (pivot)")
    assert (english["without"], english["lrp2"], english["languages"]) == (34, 34, (1, 1))
    assert english["without_difference"] == pytest.approx(34 - 35.2)
    assert row(means(tmp_path), "accuracy", "all languages")["without"] == 20
    assert [cells[0] for cells in layers(tmp_path).rows] == ["de"]


def test_a_language_without_a_grid_counts_neither_without_nor_with_lrp2(tmp_path: Path) -> None:
    write_run(tmp_path, "de", (20, 30), {(1, 2): (22, 36)})
    write_run(tmp_path, "fr", (90, 90))
    table = means(tmp_path)
    assert row(table, "accuracy", "all languages")["without"] == 20
    assert "Only the baseline was run, so counted as missing: fr." in table.notes


def test_missing_languages_are_counted_and_named(tmp_path: Path) -> None:
    for language in GROUPS["all"]:
        if language not in ("zh", "ceb"):
            write_run(tmp_path, language, (20, 30), {(1, 2): (22, 36)})
    table = means(tmp_path)
    assert "Missing (2 of 52 languages): ceb, zh." in table.notes
    assert any("with language=en search=baseline fills it" in note for note in table.notes)


def test_a_table_of_a_grid_that_is_not_whole_says_of_how_many_pairs_it_is(tmp_path: Path) -> None:
    write_run(tmp_path, "de", (20, 30), {(1, 2): (22, 36)})
    assert "Best of the pairs evaluated so far: de (1 of 66)." in means(tmp_path).notes
    write_run(tmp_path / "whole", "de", (20, 30), every_pair(12))
    assert not any("so far" in note for note in means(tmp_path / "whole").notes)


def test_a_complete_sweep_has_no_note_on_missing_languages(tmp_path: Path) -> None:
    write_run(tmp_path, "en", (34, 100))
    for language in GROUPS["all"]:
        write_run(tmp_path, language, (20, 30), {(1, 2): (22, 36)})
    assert not any("issing" in note or "empty" in note for note in means(tmp_path).notes)


def test_a_language_that_shares_no_fact_is_left_out_of_both_means(tmp_path: Path) -> None:
    nan = float("nan")
    write_run(tmp_path, "de", (20, 30), {(1, 2): (22, 36)})
    write_run(tmp_path, "fr", (90, nan), {(1, 2): (90, nan)}, shared=0)
    assert row(means(tmp_path), "accuracy", "all languages")["languages"] == (1, 52)
    table = layers(tmp_path)
    assert [cells[0] for cells in table.rows] == ["de"]
    assert any("because there are no facts for transferability: fr" in note for note in table.notes)


def test_an_unknown_language_counts_among_all_and_is_named(tmp_path: Path) -> None:
    write_run(tmp_path, "de", (20, 30), {(1, 2): (22, 36)})
    write_run(tmp_path, "tlh", (90, 90), {(1, 2): (90, 90)})
    table = means(tmp_path)
    everyone = row(table, "accuracy", "all languages")
    assert (everyone["languages"], everyone["without"]) == ((2, 53), 55)
    assert row(table, "accuracy", "Indo-European")["languages"] == (1, 34)
    assert any("Of unknown family or size" in note and "group: tlh." in note for note in table.notes)
    assert [cells[0] for cells in layers(tmp_path).rows] == ["de", "tlh"]


def test_a_model_the_paper_lacks_has_no_published_columns(tmp_path: Path) -> None:
    write_run(tmp_path, "de", (20, 30), {(1, 2): (22, 36)}, model="xlmr")
    for table in (means(tmp_path), layers(tmp_path)):
        assert not any("paper" in column.key or "difference" in column.key for column in table.columns)
    assert row(layers(tmp_path), "de") == {
        "language": "de", "best": LayerPair(1, 2), "accuracy_without": 20, "accuracy_lrp2": 22,
        "transferability_without": 30, "transferability_lrp2": 36,
    }  # fmt: skip


def test_another_pivot_is_not_set_beside_the_paper(tmp_path: Path) -> None:
    write_run(tmp_path, "es", (34, 100), pivot="es")
    write_run(tmp_path, "de", (20, 30), {(1, 2): (22, 36)}, pivot="es")
    table = means(tmp_path)
    assert not any("paper" in column.key for column in (*table.columns, *layers(tmp_path).columns))
    assert row(table, "accuracy", "Spanish (pivot)")["without"] == 34
    assert row(table, "accuracy", "all languages")["languages"] == (1, 51)


def test_the_papers_pair_is_looked_up_in_our_hits_and_ranked(tmp_path: Path) -> None:
    # The paper's pair for German with mBERT is 3/4.
    pairs = {(1, 2): (1, 40), (1, 3): (1, 39), (3, 4): (1, 38.5), (5, 6): (1, 38.5), (7, 8): (1, 2)}
    write_run(tmp_path, "de", (20, 30), pairs)
    found = row(layers(tmp_path), "de")
    assert (found["best"], found["paper"]) == (LayerPair(1, 2), LayerPair(3, 4))
    assert found["transferability_at_paper"] == 38.5
    assert found["transferability_difference"] == -1.5
    assert found["paper_rank"] == (3, 5)


def test_the_papers_pair_that_we_did_not_evaluate_has_no_value(tmp_path: Path) -> None:
    write_run(tmp_path, "de", (20, 30), {(1, 2): (1, 40)})
    found = row(layers(tmp_path), "de")
    assert found["paper"] == LayerPair(3, 4)
    assert (found["transferability_at_paper"], found["paper_rank"]) == (None, None)


def test_published_models_follow_the_papers_order_and_others_the_alphabet(tmp_path: Path) -> None:
    for model in ("mbert", "xlmr"):
        for language in ("af", "ceb", "cs"):
            write_run(tmp_path / model, language, (20, 30), {(1, 2): (1, 40)}, model=model)
    assert [cells[0] for cells in layers(tmp_path / "mbert").rows] == ["ceb", "cs", "af"]
    assert [cells[0] for cells in layers(tmp_path / "xlmr").rows] == ["af", "ceb", "cs"]


def test_a_grid_that_is_not_complete_and_relations_that_lack_are_noted(tmp_path: Path) -> None:
    write_run(tmp_path, "de", (20, 30), {(1, 2): (1, 40)}, blocks=4)
    write_run(tmp_path, "fr", (20, 30), every_pair(4), blocks=4, status={"missing": ["P413", "P108"]})
    notes = layers(tmp_path).notes
    assert "Best of the pairs evaluated so far: de (1 of 6)." in notes
    assert "Without these relations: fr (P413, P108)." in notes


def test_a_row_of_another_length_than_the_columns_is_refused() -> None:
    with pytest.raises(ValueError, match="2 columns, but a row of 1"):
        Table("t", "t", (Column("a", "a", "text"), Column("b", "b", "text")), (("x",),))


def test_a_held_out_gain_over_fewer_languages_than_the_other_means_says_so() -> None:
    few = assessed_run("de")
    nothing = nothing_held_out()
    untold = Estimate(nothing.gain["accuracy"].value)
    measured = {name: replace(one, gain=untold) for name, one in few.assessed.measured.items()}
    few = replace(few, assessed=replace(few.assessed, held_out=nothing, measured=measured))
    for extra, told in (([few], "3 of 4"), ([], "")):
        found = evidence(*(assessed_run(code) for code in ("fr", "ja", "ga")), *extra).found
        runs = [replace(run, manifest={**run.manifest, "dataset": {"name": "mlama"}}) for run in found.runs]
        table = group_means_table(runs, "transferability", assessed=found)
        notes = [note for note in table.notes if note.startswith("The held-out gain is over the languages with 40")]
        assert [f"all languages {told}." in note for note in notes] == ([True] if told else [])
        whole = row(table, "accuracy", "all languages")
        assert (whole["held_out_languages"], whole["languages"]) == (3, (3 + len(extra), 52))
