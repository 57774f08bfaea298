"""The first line of a report is the held-out number with its interval, the in-sample one second and named so."""

from __future__ import annotations

from dataclasses import replace

from lrp2_bench.report.assessed_runs import AssessedRun, AssessedRuns
from lrp2_bench.report.headlines import headline, headlines
from lrp2_bench.stats.held_out import nothing_held_out
from tests.support.assessed import assessed_run, evidence


def of(*runs: AssessedRun) -> AssessedRuns:
    return evidence(*runs).found


def test_of_several_languages_the_mean_comes_first_with_what_is_significant() -> None:
    found = of(*(assessed_run(code, held_out=gain) for code, gain in (("de", 0.4), ("fr", 0.5), ("ja", 0.6))))
    said = headline(found)
    assert said.startswith(
        "mbert on mlama: held-out gain of transferability +0.5 [0.2, 0.8] points, mean of 3 languages;"
    )
    assert "above 0 in 0, below in 0 (p Holm < 0.05); in-sample +0.7 [" in said


def test_of_one_language_its_own_comes_first() -> None:
    said = headline(of(assessed_run("de", held_out=0.5, best=(3, 4))))
    assert said == (
        "mbert on mlama, German: held-out gain of transferability +0.5 [-0.5, 1.5] points; in-sample, at 3/4, "
        "+0.7 [-0.3, 1.7]."
    )


def test_too_few_facts_are_said_to_be_too_few() -> None:
    one = assessed_run("de")
    few = replace(one, assessed=replace(one.assessed, held_out=nothing_held_out()))
    assert "too few facts for a held-out gain of LRP2 (fewer than 40 clusters" in headline(of(few))


def test_models_without_a_searched_language_have_none() -> None:
    assert list(headlines([AssessedRuns((), "transferability", {"transferability": {}})])) == []
