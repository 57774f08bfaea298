"""Figures 6 and 7: relations are counted over the languages that have them, and drawn with their names."""

from __future__ import annotations

from pathlib import Path

import pytest

from lrp2_bench.data.relation_names import relation_name
from lrp2_bench.render.figures.style import house_style
from lrp2_bench.report.assessed_runs import AssessedRuns, assess_runs
from lrp2_bench.report.figures.relations import relations
from lrp2_bench.report.tables.relations import RelationSummary, relations_table, summarise_relations
from lrp2_bench.results.runs import find_runs
from tests.support.drawing import line, texts
from tests.support.synthetic_runs import write_synthetic_run


def assessed(root: Path) -> AssessedRuns:
    return assess_runs(find_runs([root])[0], "transferability")


def test_a_relation_is_counted_over_the_languages_that_share_facts_of_it(tmp_path: Path) -> None:
    for language, names in (("de", ("P36", "P30")), ("fr", ("P36", "P30")), ("ja", ("P36", "P17"))):
        write_synthetic_run(tmp_path, language, blocks=4, facts=200, relations=names)
    found = assessed(tmp_path)
    summaries = {one.relation: one for one in summarise_relations(found)}
    assert {name: one.languages for name, one in summaries.items()} == {"P36": 3, "P30": 2, "P17": 1}
    scores = [score for each in found.assessed.values() for score in each.assessed.relations if score.relation == "P36"]
    capital = summaries["P36"]
    assert capital.rises == sum(score.lrp2 > score.without for score in scores)
    assert capital.falls == sum(score.lrp2 < score.without for score in scores)
    assert capital.without == pytest.approx(sum(score.without for score in scores) / 3)
    table = relations_table(found)
    assert [row[:3] for row in table.rows if row[0] == "P36"] == [("P36", "capital", (capital.rises, 3))]


def test_those_that_rise_in_most_languages_come_first(tmp_path: Path) -> None:
    for language in ("de", "fr", "ja", "ko"):
        write_synthetic_run(tmp_path, language, blocks=4, facts=200, gain=0.1)
    shares = [one.share for one in summarise_relations(assessed(tmp_path))]
    assert shares == sorted(shares, reverse=True)


def test_the_figure_has_a_named_row_a_relation_with_both_levels() -> None:
    found = [RelationSummary("P36", 4, 3, 1, 20.0, 30.0), RelationSummary("P9999", 2, 0, 2, 60.0, 55.0)]
    with house_style():
        figure = relations(found, "m<b>$x$", "mlama", "transferability")
    assert figure is not None
    shares, levels = figure.axes
    assert [label.get_text() for label in shares.get_yticklabels()] == ["P36 capital", "P9999"]
    widths = [patch.get_width() for patch in shares.patches]
    assert widths == [75, 0, -25, -100]
    assert list(line(levels, "without").get_xdata()) == [20, 60]
    assert list(line(levels, "lrp2").get_xdata()) == [30, 55]
    assert "m<b>$x$ on mlama" in texts(figure)


def test_without_a_relation_there_is_no_figure() -> None:
    with house_style():
        assert relations([], "m", "d", "accuracy") is None


def test_relations_that_no_dataset_has_keep_their_code_alone() -> None:
    assert (relation_name("P36"), relation_name("P9999")) == ("capital", "")
