"""Searches at several strengths, at one, and at a run's own are told apart, and parts of a search are parts alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from lrp2_bench.api.results import load_results
from lrp2_bench.report.assessed_runs import at_strength
from lrp2_bench.report.overview.answer import answers
from lrp2_bench.report.overview.leaderboard import heads, unmeasured
from lrp2_bench.report.page.data import Choices, page_data
from tests.support.strength_runs import contents_below, write_strength_run

CODES = ("fr", "it", "tr")
BOTH = (0.5, 1.0)


def test_languages_with_and_without_searched_strengths_have_means_of_their_own(tmp_path: Path) -> None:
    write_strength_run(tmp_path, "de")
    for language in CODES:
        write_strength_run(tmp_path, language, BOTH)
    write_strength_run(tmp_path, "en", blocks=0)
    contents = contents_below(tmp_path)
    assert {(row.name, row.strength) for row in heads(contents.leaderboard)} == {
        ("German", "1"), ("mean of 3 languages", "searched"), ("mean of 3 languages", "0.5"),
        ("mean of 3 languages", "1"),
    }  # fmt: skip
    assert sorted(each.subject.partition(", ")[2] for each in answers(contents.leaderboard)) == [
        "experiment paper (searched strengths=none), strength 1, German",
        "experiment paper (searched strengths=several), strength chosen with the pair, mean of 3 languages",
    ]
    assert [[run.language for run in found.runs] for found in contents.assessed] == [["de", "en"], ["en", *CODES]]


def test_one_searched_strength_is_told_apart_from_another_but_not_from_the_runs_own(tmp_path: Path) -> None:
    write_strength_run(tmp_path, "de")
    write_strength_run(tmp_path, "fr", (1.0,))
    assert {found.label for found in contents_below(tmp_path).assessed} == {""}
    write_strength_run(tmp_path, "it", (0.5,))
    labels = {found.label: len(found.runs) for found in contents_below(tmp_path).assessed}
    assert labels == {"paper (searched strengths=none)": 2, "paper (searched strengths=0.5)": 1}


@pytest.fixture
def beside(tmp_path: Path) -> Path:
    """A search over strengths, and one at 0.5 alone beside it, which is read last."""
    for language in CODES:
        write_strength_run(tmp_path, language, BOTH, model="bert")
        write_strength_run(tmp_path, language, model="bert", projection="lrp2_s0.5", own=0.5)
    return tmp_path


def test_a_run_at_one_strength_is_no_part_of_the_search_beside_it(beside: Path) -> None:
    contents = contents_below(beside)
    called = ["0.5", "0.5 of searched", "1", "searched"]
    means = [row for row in contents.leaderboard if not row.language]
    assert heads(contents.leaderboard) == means and sorted(row.strength for row in means) == called
    assert {row.strength for row in means if row.part} == {"0.5 of searched", "1"}
    assert {each.subject.partition("mlama, ")[2] for each in answers(contents.leaderboard)} == {
        "strength 0.5, mean of 3 languages", "strength chosen with the pair, mean of 3 languages",
    }  # fmt: skip
    compared = [(row.dimension, row.first, row.second) for row in contents.comparisons if not row.language]
    assert compared == [("strength", "0.5 of searched", "1")]
    page, _ = page_data(contents.assessed, [], Choices("accuracy"))
    assert sorted(group["strength"] for group in page["groups"]) == called
    assert {row["strength"] for row in page["leaderboard"]["accuracy"]} == set(called)


def test_pandas_compares_two_strengths_of_one_search_with_each_other(beside: Path) -> None:
    alone = load_results(beside / "paper" / "bert").compare("0.5", "1", metric="accuracy", dimension="strength")
    both = load_results(beside).compare("0.5", "1", metric="accuracy", dimension="strength")
    assert both.equals(alone)


def test_models_with_one_searched_strength_are_compared(tmp_path: Path) -> None:
    for model in ("one", "two"):
        for language in CODES:
            write_strength_run(tmp_path, language, (0.5,), model=model)
    (mean,) = [row for row in contents_below(tmp_path).comparisons if not row.language]
    assert (mean.dimension, mean.first, mean.second, mean.names["strength"]) == ("model", "one", "two", "0.5")


def test_the_pages_group_is_named_by_the_languages_not_by_the_pivots_baseline(tmp_path: Path) -> None:
    write_strength_run(tmp_path, "en", blocks=0)
    write_strength_run(tmp_path, "fr", BOTH)
    page, _ = page_data(contents_below(tmp_path).assessed, [], Choices("accuracy"))
    assert [(group["strength"], len(group["runs"])) for group in page["groups"]] == [
        ("searched", 2), ("0.5", 1), ("1", 1),
    ]  # fmt: skip


def test_at_a_strength_the_others_choose_a_pair_at_that_strength(tmp_path: Path) -> None:
    for language in CODES:
        write_strength_run(tmp_path, language, BOTH)
    (found,) = contents_below(tmp_path).assessed
    for strength in ("0.5", "1"):
        chosen = [each.new_language for each in at_strength(found, strength).assessed.values()]
        assert {each.pair.strengths for each in chosen if each and each.pair} == {strength}


def test_damage_that_a_search_can_add_is_asked_for_and_no_other(tmp_path: Path) -> None:
    folders = [write_strength_run(tmp_path, language, BOTH) for language in CODES]
    (line,) = unmeasured(contents_below(tmp_path).leaderboard)
    assert line.startswith("Damage was not measured: mbert on mlama, lrp2, experiment paper. The same search with dam")
    header = "lirp,lsrp,strength,pivot_accuracy,kl,facts,sentences\n,,,80.0,0.0,9,9\n"
    for folder in folders:
        (folder / "damage.csv").write_text(f"{header}2,3,1.0,70.0,0.2,9,9\n")
    (line,) = unmeasured(contents_below(tmp_path).leaderboard)
    assert "not measured at the best pair by accuracy" in line and "with select_by=accuracy damage=true" in line
    for folder in folders:
        (folder / "damage.csv").write_text(f"{header}1,2,0.5,70.0,0.2,9,9\n")
    assert unmeasured(contents_below(tmp_path).leaderboard) == [], "at the strengths that are not best there is none"
