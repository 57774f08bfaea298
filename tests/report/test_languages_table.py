"""Table 3's form: X-FACTR's languages in the paper's order, its numbers beside ours."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from lrp2_bench.data import published
from lrp2_bench.render.table import Cell, Table
from lrp2_bench.report.tables.languages import languages_table
from lrp2_bench.results.runs import find_runs
from tests.support.run_folders import write_run

SIX = ("zh", "ko", "nl", "vi", "ceb", "ja")


def table(root: Path) -> Table:
    return languages_table(find_runs([root])[0], "transferability")


def row(found: Table, metric: str, language: str) -> dict[str, Cell]:
    (cells,) = [cells for cells in found.rows if cells[:2] == (metric, language)]
    return {column.key: cell for column, cell in zip(found.columns, cells, strict=True)}


def test_table_3_has_the_papers_values_in_its_order() -> None:
    cells = published.by_language("mbert", "xfactr", "transferability")
    assert list(cells) == ["en", *SIX]
    assert cells["ja"] == published.PublishedMean(23.4, 30.1)
    assert published.by_language("mbert", "xfactr", "accuracy")["en"] == published.PublishedMean(22.6, 22.6)
    assert published.by_language("bloom_560m", "xfactr", "accuracy") == {}
    assert published.by_language("mbert", "mlama", "accuracy") == {}


def test_ours_stand_beside_the_papers_and_missing_languages_are_named(tmp_path: Path) -> None:
    write_run(tmp_path, "zh", (15, 31), {(1, 2): (16, 33)}, dataset="xfactr")
    write_run(tmp_path, "fr", (20, 40), {(1, 2): (20, 42)}, dataset="xfactr")
    write_run(tmp_path, "en", (23, 100), dataset="xfactr")
    found = table(tmp_path)
    assert found.name == "table3_mbert_xfactr"
    order = [cells[1] for cells in found.rows if cells[0] == "accuracy"]
    assert order == ["en", *SIX, "fr", "mean"]
    zh = row(found, "transferability", "zh")
    assert (zh["without"], zh["without_paper"], zh["lrp2"], zh["lrp2_paper"]) == (31, 30.0, 33, 32.6)
    assert zh["without_difference"] == pytest.approx(1.0) and zh["lrp2_difference"] == pytest.approx(0.4)
    assert zh["gain_difference"] == pytest.approx(2 - 2.6)
    ko = row(found, "accuracy", "ko")
    assert ko["without"] != ko["without"] and ko["without_paper"] == 12.2
    assert row(found, "accuracy", "en")["lrp2"] == 23
    mean = row(found, "transferability", "mean")
    assert (mean["without"], mean["lrp2"], mean["without_paper"]) == (35.5, 37.5, None)
    assert "Missing (5 of the paper's languages): ko, nl, vi, ceb, ja." in found.notes


def test_over_the_papers_own_languages_the_means_compare(tmp_path: Path) -> None:
    for language in SIX:
        write_run(tmp_path, language, (20, 40), {(1, 2): (21, 42)}, dataset="xfactr")
    mean = row(table(tmp_path), "accuracy", "mean")
    assert mean["without_paper"] == pytest.approx((14.4 + 12.2 + 18.3 + 22.8 + 14.3 + 10.6) / 6)
    assert mean["gain"] == pytest.approx(1)
    # English is the pivot, of which no mean is: that it is missing changes none.
    assert "Missing (1 of the paper's languages): en." in table(tmp_path).notes
    assert not any("mean" in note for note in table(tmp_path).notes)


def test_a_baseline_of_one_of_the_papers_languages_leaves_ours_over_fewer(tmp_path: Path) -> None:
    for language in SIX:
        pairs = {} if language == "ja" else {(1, 2): (21, 42)}
        write_run(tmp_path, language, (20, 40), pairs, dataset="xfactr")
    write_run(tmp_path, "en", (23, 100), dataset="xfactr")
    found = table(tmp_path)
    mean = row(found, "accuracy", "mean")
    assert (mean["name"], mean["without_paper"], mean["lrp2_paper"]) == ("5 languages", None, None)
    assert "The paper's mean is not shown, for ours is over other languages." in found.notes


def test_the_papers_mean_is_left_out_of_the_metric_that_lacks_a_language(tmp_path: Path) -> None:
    for language in SIX:
        shared = 0 if language == "ja" else 80
        scores = (math.nan, math.nan) if language == "ja" else (40, 42)
        write_run(tmp_path, language, (20, scores[0]), {(1, 2): (21, scores[1])}, dataset="xfactr", shared=shared)
    found = languages_table(find_runs([tmp_path])[0], "accuracy")
    assert row(found, "accuracy", "mean")["without_paper"] is not None
    assert row(found, "transferability", "mean")["without_paper"] is None
    assert "The paper's mean of transferability is not shown, for ours is over other languages." in found.notes


def test_another_model_has_its_own_numbers_alone(tmp_path: Path) -> None:
    write_run(tmp_path, "zh", (15, 31), {(1, 2): (16, 33)}, dataset="xfactr", model="bloom_560m")
    found = table(tmp_path)
    assert not any("paper" in column.key for column in found.columns)
    assert [cells[1] for cells in found.rows if cells[0] == "accuracy"] == ["zh", "mean"]
