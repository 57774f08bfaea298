"""A report on searched strengths: tables, figures and the page say at which strength a pair was best."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from lrp2_bench.api.results import load_results
from lrp2_bench.commands.search.board import RelationHits
from lrp2_bench.commands.search.views import _pair_rows
from lrp2_bench.core.errors import UnknownNameError
from lrp2_bench.core.types import Fact, LayerPair, Relation, Setting, all_pairs
from lrp2_bench.metrics.registry import chosen_metrics
from lrp2_bench.render.figures.style import house_style
from lrp2_bench.render.plain import to_csv, to_markdown
from lrp2_bench.render.stored_tables import table_from_json, table_to_json
from lrp2_bench.report.figures.draw import _figures
from lrp2_bench.report.figures.pareto import pareto
from lrp2_bench.report.page.data import Choices, page_data
from lrp2_bench.report.tables.optimal_layers import optimal_layers_table
from lrp2_bench.report.tables.strengths import strength_tables
from lrp2_bench.results.facts import write_facts
from lrp2_bench.results.hits import write_hits
from lrp2_bench.results.runs import Run
from lrp2_bench.results.tables import PairRow, write_pairs
from lrp2_bench.tracking.figures import pair_heatmap
from tests.support.drawing import cells, panels, runs_below, texts
from tests.support.page_runs import assessed_groups
from tests.support.run_folders import write_run

FACTS, BEST = 120, LayerPair(1, 3, 0.5)
SETTINGS: tuple[Setting, ...] = (None, *(pair.at(each) for pair in all_pairs(3) for each in (0.5, 1.0)))


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Three blocks at two strengths; the best by either metric is 1/3 at 0.5."""
    folder = write_run(tmp_path, "tr", (0, 0), {}, blocks=3)
    shares = [0.4, 0.45, 0.3, 0.8, 0.6, 0.2, 0.5]
    hits = np.stack([np.arange(FACTS) * 0.618 % 1 < share for share in shares]).astype(np.int8)
    pivot = np.ones((1, FACTS), dtype=np.int8)
    facts = tuple(Fact("P36", n, f"fact {n}", "s", "Q1", "o", "Q2") for n in range(FACTS))
    relation = Relation("P36", "[X] [Y]", facts, {"Q2": "o"})
    rows = _pair_rows([RelationHits(relation, relation, hits, pivot)], SETTINGS, chosen_metrics([], "accuracy"))
    write_pairs(folder / "pairs.csv", rows)
    write_hits(folder / "hits.parquet", [("P36", facts, SETTINGS, hits)])
    write_facts(folder / "facts.parquet", [(relation, relation)])
    write_hits(folder / "pivot_hits.parquet", [("P36", facts, [None], pivot)])
    [found] = runs_below(tmp_path)
    return found


def _value(row: PairRow | None) -> float:
    assert row is not None
    return row.accuracy


def test_the_strength_is_in_tables_figures_and_the_page(run: Run, tmp_path: Path) -> None:
    assert run.strengths == ("0.5", "1") and run.evaluated == run.grid == 3
    best = run.best("accuracy")
    assert best is not None and best.pair == BEST
    table = optimal_layers_table([run], "accuracy")
    assert "1/3 at 0.5" in to_markdown(table)
    assert to_csv(table).splitlines()[0].startswith("language,best_lirp,best_lsrp,best_strength,")
    assert to_csv(table).splitlines()[1].startswith("tr,1,3,0.5,")
    assert table_from_json(table_to_json(table)) == table

    by_strength, weights = strength_tables([run], "accuracy")
    assert [row[1:3] for row in by_strength.rows] == [("0.5", LayerPair(1, 3)), ("1", LayerPair(1, 3))]
    assert [column.key for column in weights.columns][1:4] == ["lirp", "lsrp", "strength"]
    (shares,) = (row[1:4] for row in weights.rows)
    assert sum(share for share in shares if isinstance(share, float)) == pytest.approx(100)

    (tmp_path / "paper/mbert/mlama/tr/damage.csv").write_text(
        "lirp,lsrp,strength,pivot_accuracy,kl,facts,sentences\n,,,80,0,9,9\n"
        "1,3,0.5,70,0.2,9,9\n1,3,1.0,60,0.3,9,9\n1,2,0.5,80,0.1,9,9\n"
    )
    *_, front = strength_tables([run], "accuracy")
    assert [row[1] for row in front.rows] == [LayerPair(1, 2, 0.5), BEST] and front.name.startswith("front_")

    with house_style():
        figure = pareto([run], "accuracy")
    assert figure is not None
    (axes,) = (one for one in figure.axes if one.get_title("left") == "Turkish")
    lines = {line.get_gid(): line for line in axes.lines if line.get_gid()}
    gains = {row.pair: row.accuracy - run.baseline.accuracy for row in run.pairs}
    assert sorted(lines["pairs"].get_xdata()) == [0.1, 0.2, 0.3]
    assert list(lines["front"].get_xdata()) == [0.1, 0.2]
    np.testing.assert_allclose(lines["front"].get_ydata(), [gains[LayerPair(1, 2, 0.5)], gains[BEST]])
    assert {"1/2 at 0.5", "1/3 at 0.5"} <= {text.get_text() for text in axes.texts}

    with house_style():
        drawn = dict(islice(_figures([run], [], "accuracy"), 5))  # those of the first metric, accuracy
    assert {"strengths_accuracy_mbert_mlama", "heatmaps_accuracy_mbert_mlama_strength_0.5"} <= drawn.keys()
    base, figure = run.baseline.accuracy, drawn["heatmaps_accuracy_mbert_mlama"]
    assert "best strength" in texts(figure) and " at 0.5" in texts(figure)
    rows = {row.pair: row.accuracy - base for row in run.pairs}
    grid = cells(panels(figure)["Turkish"])
    assert grid[0, 2] == pytest.approx(rows[BEST]) and grid[0, 1] == pytest.approx(rows[LayerPair(1, 2, 0.5)])
    at_one = cells(panels(drawn["heatmaps_accuracy_mbert_mlama_strength_1"])["Turkish"])
    assert at_one[0, 2] == pytest.approx(rows[LayerPair(1, 3, 1.0)])
    (curve,) = [one for one in drawn["strengths_accuracy_mbert_mlama"].axes if "Turkish" in one.get_title("left")]
    layers = next(line for line in curve.lines if line.get_linestyle() == "-" and len(line.get_xdata()) == 2)
    np.testing.assert_allclose(layers.get_xdata(), [0.5, 1.0])
    np.testing.assert_allclose(layers.get_ydata(), [rows[BEST], rows[LayerPair(1, 3, 1.0)]])

    content, problems = page_data(assessed_groups([run], "accuracy"), [], Choices("accuracy"))
    assert not problems
    assert [group["strength"] for group in content["groups"]] == ["searched", "0.5", "1"]
    shown = content["groups"][0]["runs"][0]
    assert shown["pairs"] == [[1, 2], [1, 3], [2, 3]] and shown["strengths"] == ["0.5", "0.5", "1"]
    assert shown["best"]["accuracy"] == 1 and "test" in shown["metrics"]["accuracy"]
    assert "test" in content["groups"][2]["runs"][0]["metrics"]["accuracy"], "each strength is assessed by itself"


def test_pandas_and_wandbs_heatmap_have_the_strength(run: Run, tmp_path: Path) -> None:
    results = load_results(tmp_path)
    assert results.pairs["strength"].tolist() == [1.0, *[0.5, 1.0] * 3], "the baseline has its run's"
    [found] = results.best("accuracy").to_dict("records")
    assert (found["lirp"], found["lsrp"], found["strength"]) == (1, 3, 0.5)
    hits = results.hits()
    assert hits.groupby(["lirp", "lsrp", "strength"]).size().tolist() == [FACTS] * 6
    pytest.importorskip("plotly")
    best = run.best("accuracy")
    assert best is not None
    drawn = pair_heatmap([run.baseline, *run.pairs], "accuracy", best, "t", "accuracy")
    assert drawn.data[0].z[0][2] == _value(best) and "1/3 at 0.5" in drawn.data[1].name


def test_two_strengths_of_one_search_are_compared_fact_by_fact(run: Run, tmp_path: Path) -> None:
    table = load_results(tmp_path).compare("0.5", "1", metric="accuracy", dimension="strength")
    by = table.set_index(["metric", "at"])
    baseline, best = by.loc[("accuracy", "baseline")], by.loc[("accuracy", "best")]
    assert baseline.difference == 0 and (best["first"], best["second"]) == pytest.approx((80, 60), abs=1)
    assert best.difference == pytest.approx(-20, abs=1) and best.first_lirp == best.second_lirp == 1
    assert np.isnan(best.low), "facts of one subject give no interval"
    with pytest.raises(UnknownNameError, match=r"strength.*'0.7'"):
        load_results(tmp_path).compare("0.5", "0.7", dimension="strength")
    with pytest.raises(UnknownNameError, match="dimension"):
        load_results(tmp_path).compare("0.5", "1", dimension="layer")
