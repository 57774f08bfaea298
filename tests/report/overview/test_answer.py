"""The answer is worded once: what it is of, its interval, what that amounts to, and how many others there are."""

from __future__ import annotations

import math
from dataclasses import replace

from lrp2_bench.core.types import Interval
from lrp2_bench.report.overview.answer import LISTED, answers, rest
from lrp2_bench.report.overview.leaderboard import LeaderboardRow
from lrp2_bench.report.run_strength import SEARCHED

NAN = math.nan
ROW = LeaderboardRow(
    experiment="paper", model="mbert", dataset="mlama", intervention="lrp2", strength="1", language="",
    name="mean of 52 languages", languages=52, facts=1, metric="transferability", baseline={}, held_out={},
    in_sample={}, best=None, p=NAN, outcome="inconclusive", why="The interval includes 0.", pivot_change=None,
    kl=None, remark="",
)  # fmt: skip


def row(value: float, low: float, high: float, **changed: object) -> LeaderboardRow:
    return replace(ROW, held_out={"transferability": Interval(value, low, high)}, **changed)  # type: ignore[arg-type]


def test_a_single_answer_names_what_it_is_of_and_its_interval() -> None:
    (found,) = answers([row(-0.001, -1.234, 2)])
    assert str(found) == (
        "LRP2 with mbert on mlama, mean of 52 languages: held-out gain of transferability 0.00 points, 95 % interval "
        "-1.23 to 2.00: inconclusive"
    )
    assert (found.why, rest([found])) == ("The interval includes 0.", "")


def test_what_has_no_interval_or_no_gain_says_so_and_comes_last() -> None:
    rows = [row(NAN, NAN, NAN, model="a"), row(3, NAN, NAN, model="b"), row(1, 0.5, 2, model="c", outcome="supported")]
    found = answers(rows)
    assert [each.subject.split()[2] for each in found] == ["c", "b", "a"]
    assert found[1].said.endswith("+3.00 points, too few languages for an interval")
    assert found[2].said == "too few facts for a held-out gain of transferability"
    assert rest(found) == "Of 3 held-out gains: 1 supported, 2 inconclusive."


def test_experiments_and_strengths_are_named_where_they_differ_and_parts_of_a_search_are_not_counted() -> None:
    rows = [
        row(1, 0, 2, experiment="one"), row(2, 1, 3, experiment="two", strength=SEARCHED),
        row(3, 2, 4, experiment="two", strength="0.5", part=True),
        row(9, 8, 10, intervention="random", experiment="one"),
    ]  # fmt: skip
    assert [each.subject for each in answers(rows)] == [
        "LRP2 with mbert on mlama, experiment one, strength 1, mean of 52 languages",
        "LRP2 with mbert on mlama, experiment two, strength chosen with the pair, mean of 52 languages",
    ]
    assert [each.subject for each in answers(rows[3:])] == ["random with mbert on mlama, mean of 52 languages"]


def test_more_than_are_listed_are_counted() -> None:
    found = answers([row(1, 0, 2, model=f"m{number}") for number in range(LISTED + 2)])
    assert rest(found) == "Of 8 held-out gains: 8 inconclusive. 2 of them stand in the leaderboard alone."
    assert answers([]) == [] and rest([]) == ""
