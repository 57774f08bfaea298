"""The leaderboard: what is ranked first, what a gain amounts to, and what it costs."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from lrp2_bench.core.types import Interval, LayerPair
from lrp2_bench.render.terminal import to_terminal
from lrp2_bench.report.assessed_runs import AssessedRun, AssessedRuns
from lrp2_bench.report.overview.leaderboard import heads, leaderboard
from lrp2_bench.report.overview.leaderboard_table import leaderboard_table
from lrp2_bench.results.damage import DamageRow, write_damage
from lrp2_bench.stats.held_out import nothing_held_out
from tests.support.assessed import assessed_run


def group(*runs: AssessedRun, label: str = "", projection: str = "lrp2") -> AssessedRuns:
    strength = [0.5, 0.25] if "_s" in projection and "seed" not in projection else [1.0, 1.0]
    manifest = {**runs[0].run.manifest, "projection": {"strength": strength}}
    own = [replace(one, run=replace(one.run, label=label, projection=projection, manifest=manifest)) for one in runs]
    return AssessedRuns(
        tuple(each.run for each in own), "transferability", {"transferability": {one.run.language: one for one in own}}
    )


def gains(each: AssessedRun, p: float = 0.001, **of: Interval) -> AssessedRun:
    """With held-out gains by metric."""
    measured = {name: replace(one, held_out=of.get(name, one.held_out)) for name, one in each.assessed.measured.items()}
    return replace(each, held_out_p=p, assessed=replace(each.assessed, measured=measured))


def without_gain(each: AssessedRun) -> AssessedRun:
    nothing = nothing_held_out()
    few = replace(each.assessed, held_out=nothing)
    return gains(replace(each, assessed=few), **nothing.gain)


def languages(*gains: float, model: str = "mbert", dataset: str = "mlama") -> list[AssessedRun]:
    return [
        assessed_run(code, held_out=gain, model=model, dataset=dataset)
        for code, gain in zip(("sq", "de", "ja"), gains, strict=True)
    ]


def test_means_come_first_and_then_languages_each_by_their_held_out_gain() -> None:
    weak, strong = group(*languages(0.1, 0.3, 0.2)), group(*languages(1.1, 1.3, 1.2, model="xlmr"))
    rows = leaderboard([weak, strong])
    assert [(row.model, row.name) for row in rows] == [
        ("xlmr", "mean of 3 languages"), ("mbert", "mean of 3 languages"),
        ("xlmr", "German"), ("xlmr", "Japanese"), ("xlmr", "Albanian"),
        ("mbert", "German"), ("mbert", "Japanese"), ("mbert", "Albanian"),
    ]  # fmt: skip
    assert rows[0].gain.value == pytest.approx(1.2) and rows[0].languages == 3 and rows[0].facts == 300
    assert heads(rows) == rows[:2]


def test_gains_on_different_facts_are_not_ranked_against_each_other() -> None:
    rows = leaderboard([group(*languages(0, 0, 0)), group(*languages(9, 9, 9, dataset="cldr"))])
    assert [row.dataset for row in heads(rows)] == ["cldr", "mlama"]
    rows = leaderboard([group(*languages(9, 9, 9)), group(*languages(0, 0, 0, dataset="cldr"))])
    assert [row.dataset for row in heads(rows)] == ["cldr", "mlama"]


def test_interventions_strengths_and_experiments_are_lines_of_their_own() -> None:
    groups = [
        group(*languages(0.1, 0.2, 0.3), label="one"),
        group(*languages(0.2, 0.3, 0.4), label="two"),
        group(*languages(0.3, 0.4, 0.5), label="one", projection="random_seed1"),
        group(*languages(0.4, 0.5, 0.6), label="one", projection="lrp2_s0.5_b0.25"),
    ]
    assert [(row.experiment, row.intervention, row.strength) for row in heads(leaderboard(groups))] == [
        ("one", "lrp2", "0.5/0.25"), ("one", "random_seed1", "1"), ("two", "lrp2", "1"), ("one", "lrp2", "1"),
    ]  # fmt: skip


def test_a_model_with_one_language_stands_among_the_means() -> None:
    one, three = group(assessed_run("de", held_out=2.0)), group(*languages(1, 1, 1, model="xlmr"))
    rows = leaderboard([three, one])
    assert [(row.name, row.language) for row in rows[:2]] == [("German", "de"), ("mean of 3 languages", "")]
    assert len(rows) == 5


@pytest.mark.parametrize(
    ("gain", "p", "outcome", "why"),
    [
        (Interval(1.0, 0.5, 1.5), 0.01, "supported", ""),
        (Interval(1.0, 0.1, 1.9), 0.20, "inconclusive", "p = 0.200 after Holm's"),
        (Interval(-1.0, -1.5, -0.5), 0.01, "contradicted", "other side of 0"),
        (Interval(0.1, -3.0, 3.2), 0.90, "inconclusive", "includes 0"),
        (Interval(0.0, -0.1, 0.1), 0.90, "contradicted", "Equivalent to none: within 0.5 points"),
    ],
)
def test_a_languages_gain_is_judged_by_its_interval_its_corrected_p_and_the_margin(
    gain: Interval, p: float, outcome: str, why: str
) -> None:
    (row,) = leaderboard([group(gains(assessed_run("de"), p, transferability=gain))])
    assert row.outcome == outcome and why in row.why


def test_a_mean_is_judged_as_the_claim_that_gains_rise() -> None:
    assert leaderboard([group(*languages(1.0, 1.1, 1.2))])[0].outcome == "supported"
    assert leaderboard([group(*languages(-1.0, -1.1, -1.2))])[0].outcome == "contradicted"
    two = leaderboard([group(*languages(1.0, 1.1, 1.2)[:2])])[0]
    assert two.outcome == "inconclusive" and two.why == "Fewer than 3 languages."


def test_too_few_facts_are_inconclusive_and_last() -> None:
    few = without_gain(assessed_run("de", held_out=9.0))
    rows = leaderboard([group(few, *languages(0.1, 0.2, 0.3)[::2])])
    assert [row.name for row in rows] == ["mean of 2 languages", "Japanese", "Albanian", "German"]
    assert rows[-1].outcome == "inconclusive" and rows[-1].why == "Fewer than 40 clusters of facts."
    nothing = leaderboard([group(few, without_gain(assessed_run("fr")))])[0]
    assert nothing.outcome == "inconclusive" and "every language" in nothing.why and nothing.baseline["accuracy"].value


def test_all_means_of_a_row_are_over_the_languages_that_it_counts(tmp_path: Path) -> None:
    few = without_gain(assessed_run("de", without=90.0, selection_bias=9.0))
    few = replace(few, run=replace(few.run, folder=tmp_path))
    write_damage(
        tmp_path / "damage.csv", [DamageRow(None, 50.0, 0.0, 9, 9), DamageRow(LayerPair(1, 2), 9.0, 9.0, 9, 9)]
    )
    rows = leaderboard([group(few, *(assessed_run(code, without=30.0, held_out=1.0) for code in ("fr", "ja", "sq")))])
    mean = rows[0]
    assert (mean.name, mean.languages, mean.facts, mean.pivot_change) == ("mean of 3 languages", 3, 300, None)
    assert mean.baseline["accuracy"].value == pytest.approx(30) and mean.in_sample["accuracy"].value == pytest.approx(
        1.2
    )
    table = leaderboard_table(rows)
    assert table is not None and any("all of a row over the same ones" in note for note in table.notes)
    assert any("knows that languages share facts, does not know of the choice" in note for note in table.notes)


def test_transferability_that_rises_while_accuracy_falls_is_remarked() -> None:
    def remark(transferability: float, accuracy: float) -> str:
        of = {"transferability": transferability, "accuracy": accuracy}
        each = gains(assessed_run("de"), **{name: Interval(value, value - 1, value + 1) for name, value in of.items()})
        (row,) = leaderboard([group(each)])
        return row.remark

    assert remark(0.4, -0.3).startswith("Transferability rises (+0.4) while accuracy falls (-0.3)")
    assert not any((remark(0.4, 0.3), remark(-0.4, -0.3), remark(0.4, -0.04), remark(0.04, -0.4)))


def test_damage_at_the_best_pair_stands_beside_the_gain(tmp_path: Path) -> None:
    each = assessed_run("de", best=(3, 4))
    each = replace(each, run=replace(each.run, folder=tmp_path))
    pairs = (None, LayerPair(1, 2), LayerPair(3, 4))
    costs = [(50.0, 0.0), (10.0, 9.0), (48.5, 0.25)]
    write_damage(
        tmp_path / "damage.csv", [DamageRow(pair, *cost, 90, 100) for pair, cost in zip(pairs, costs, strict=True)]
    )
    rows = leaderboard([group(each, assessed_run("fr", held_out=0.1))])
    assert [(row.pivot_change, row.kl) for row in rows] == [(-1.5, 0.25), (-1.5, 0.25), (None, None)]
    (tmp_path / "damage.csv").write_text("damaged", encoding="utf-8")
    assert leaderboard([group(each)])[0].pivot_change is None


def test_the_table_shows_what_differs_and_hides_what_does_not() -> None:
    assert leaderboard_table([]) is None
    table = leaderboard_table(leaderboard([group(*languages(1.0, 1.1, 1.2))]))
    assert table is not None
    hidden = {column.key for column in table.columns if column.in_csv_only}
    assert {"experiment", "dataset", "strength", "kl", "note"} <= hidden and "intervention" not in hidden
    many = [group(*languages(1.0, 1.1, 1.2), label=label) for label in ("one", "two")]
    table = leaderboard_table(leaderboard(many))
    assert table is not None and "experiment" in {column.key for column in table.for_readers().columns}


def test_the_leaderboard_of_several_experiments_is_a_table_on_a_terminal_of_80_columns() -> None:
    board = leaderboard_table(
        [
            replace(row, pivot_change=-1.0, kl=0.2, remark="x", strength=strength)
            for label, strength in (("first", "0.5/0.25"), ("strengths", "searched"))
            for row in heads(leaderboard([group(*languages(1.0, 2.0, 3.0, model="tiny_bloom"), label=label)]))
        ]
    )
    assert board is not None
    for width in (80, 120):
        file = io.StringIO()
        Console(file=file, width=width).print(to_terminal(board, width))
        lines = file.getvalue().split("\n")
        assert "- experiment:" not in file.getvalue() and max(map(len, lines)) <= width
        assert any(line.startswith("strengths") and "+2.0" in line for line in lines)
