"""Searches at several strengths, at one, and at a run's own are told apart, and parts of a search are parts alone."""

from __future__ import annotations

from pathlib import Path

from lrp2_bench.report.overview.answer import answers
from lrp2_bench.report.overview.leaderboard import heads
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
