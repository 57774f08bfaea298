"""Of a metric of which less is better a gain is what falls: in every rank, count, outcome and word."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from lrp2_bench.core.languages import GROUPS
from lrp2_bench.core.types import Interval, LayerPair
from lrp2_bench.metrics.better import if_less_is_better, sides
from lrp2_bench.metrics.registry import metric
from lrp2_bench.render.figures.style import BLUE, VERMILLION, house_style
from lrp2_bench.report.assessed_runs import AssessedRuns, assess_runs
from lrp2_bench.report.chosen_metric import with_metric
from lrp2_bench.report.figures.change import change
from lrp2_bench.report.headlines import headline
from lrp2_bench.report.overview.leaderboard import heads, leaderboard
from lrp2_bench.report.overview.leaderboard_table import leaderboard_table
from lrp2_bench.report.overview.results_table import results_frame
from lrp2_bench.report.page.overview_data import Beside, overview_data
from lrp2_bench.report.tables.optimal_layers import optimal_layers_table
from lrp2_bench.report.tables.significance import significance_table
from lrp2_bench.results.runs import find_runs
from lrp2_bench.stats.across_languages import Estimate
from tests.support.assessed import assessed_run
from tests.support.drawing import texts
from tests.support.synthetic_runs import write_synthetic_run

LOST = "hit_to_miss_pivot_hit"
CODES = ("de", "fr", "ja")
NAN = math.nan


def lost(by: float, *, model: str = "mbert", p: float = 0.001) -> AssessedRuns:
    """Three languages in which the share of facts lost changes by about ``by`` points, held out and at the best."""
    members = {}
    for number, code in enumerate(CODES):
        each = assessed_run(code, model=model)
        held_out = Interval(by + 0.1 * number, by - 1, by + 1)
        gain = Estimate(held_out.value)
        one = replace(each.assessed.measured["accuracy"], held_out=held_out, gain=gain, rise=gain, change=held_out)
        monte_carlo = {**each.assessed.held_out.monte_carlo, LOST: 0.01}
        assessed = replace(
            each.assessed,
            measured={**each.assessed.measured, LOST: one},
            held_out=replace(each.assessed.held_out, monte_carlo=monte_carlo),
        )
        pairs = tuple(replace(row, further={LOST: 40.0 + row.pair.lsrp if row.pair else NAN}) for row in each.run.pairs)
        manifest = {**each.run.manifest, "dataset": {"name": "mlama"}, "projection": {"strength": [1.0, 1.0]}}
        baseline = replace(each.run.baseline, further={LOST: 40.0 - by})
        run = replace(each.run, pairs=pairs, baseline=baseline, manifest=manifest)
        members[code] = replace(each, run=run, assessed=assessed, held_out_p=p)
    return AssessedRuns(tuple(each.run for each in members.values()), LOST, {LOST: members})


def test_the_side_that_is_better_is_the_metrics() -> None:
    assert (sides("accuracy"), sides(LOST)) == (("above", "below"), ("below", "above"))
    assert (if_less_is_better("accuracy"), if_less_is_better(LOST)) == ("", " (less is better)")
    assert (metric("accuracy").sign, metric(LOST).sign) == (1.0, -1.0)


def test_what_falls_is_supported_and_ranks_first() -> None:
    rows = leaderboard([lost(3.0, model="harms"), lost(-3.0, model="helps"), lost(0.5, model="hardly")])
    assert [row.model for row in heads(rows)] == ["helps", "hardly", "harms"]
    assert {row.outcome for row in rows if row.model == "helps"} == {"supported"}
    assert {row.outcome for row in rows if row.model == "harms"} == {"contradicted"}
    assert [row.name for row in rows if row.model == "helps"] == [
        "mean of 3 languages", "German", "French", "Japanese",
    ]  # fmt: skip
    table = leaderboard_table(rows)
    assert table is not None and f"Supported: it is below 0, for less of {LOST} is better;" in table.notes[0]
    assert "it is too low wherever" in table.notes[1]


@pytest.mark.parametrize(("by", "below", "above"), [(-3.0, 3, 0), (3.0, 0, 3)])
def test_languages_are_counted_on_the_side_on_which_they_are(by: float, below: int, above: int) -> None:
    found = lost(by)
    said = headline(found)
    assert f"held-out gain of {LOST} (less is better) " in said and "biased downwards by the choice" in said
    assert f"below 0 in {below}, above in {above} (p Holm" in said
    notes = " ".join(significance_table(found).notes)
    assert f"the held-out gain is below 0 in {below} and above it in {above} (p Holm" in notes
    assert "the upper bound holds for all pairs at once" in notes


def test_the_published_pairs_rank_is_1_where_it_is_lowest() -> None:
    table = optimal_layers_table(lost(-3.0).runs, LOST)
    keys = [column.key for column in table.columns]
    de = dict(zip(keys, next(row for row in table.rows if row[0] == "de"), strict=True))
    # The lower LSRP, the fewer facts are lost: before 3/4 come 1/2, 1/3 and 2/3.
    assert (de["best"], de["paper"], de["paper_rank"]) == (LayerPair(1, 2), LayerPair(3, 4), (4, 66))


def test_the_figure_has_the_largest_fall_on_top_in_the_colour_of_a_gain() -> None:
    runs = [replace(run, baseline=replace(run.baseline, further={LOST: before}))
            for run, before in zip(lost(0.0).runs, (41.0, 52.0, 47.0), strict=True)]  # fmt: skip
    with house_style():
        figure = change(runs, LOST, LOST)
    assert figure is not None and "(less is better)" in texts(figure)
    (axes,) = figure.axes
    assert [patch.get_width() for patch in axes.patches] == [-10, -5, 1]
    from matplotlib.colors import to_rgba

    assert [patch.get_facecolor() for patch in axes.patches] == [to_rgba(BLUE), to_rgba(BLUE), to_rgba(VERMILLION)]


def test_a_pair_that_loses_facts_everywhere_is_not_what_a_new_language_is_given(tmp_path: Path) -> None:
    for language in CODES:
        write_synthetic_run(tmp_path, language, blocks=4, facts=300)
    runs, problems = with_metric(find_runs([tmp_path])[0], LOST)
    found = assess_runs(runs, LOST)
    assert not problems and {each.new_language.pair for each in found.assessed.values() if each.new_language} == {None}
    assert set(results_frame([found], GROUPS)["result"]) <= {"contradicted", "inconclusive"}
    assert overview_data([found], Beside())["signs"] == {"accuracy": 1, "transferability": 1, LOST: -1}
