"""The figure of ablations has a panel a language, a row a projection, and the table's own numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest

from lrp2_bench.core.types import Interval
from lrp2_bench.render.figures.style import house_style
from lrp2_bench.render.table import Cell, Column, Table
from lrp2_bench.report.figures.ablations import ablations
from tests.support.drawing import line, lines, panels, points, texts

COLUMNS = (
    Column("language", "language", "text"),
    Column("projection", "projection", "text"),
    Column("transferability_change", "transf.", "change_interval"),
    Column("transferability_held_out", "held_out", "change_interval"),
)


@pytest.fixture(autouse=True)
def _style() -> Iterator[None]:
    with house_style():
        yield


def held_out(value: float) -> Interval:
    return Interval(value, value - 1, value + 1)


def _table(*rows: tuple[Cell, ...]) -> Table:
    return Table("ablations_mbert_mlama", "LRP2 and its ablations, mbert on mlama", COLUMNS, rows)


def test_every_change_stands_in_its_languages_panel_at_its_projections_row() -> None:
    figure = ablations(
        _table(
            ("de", "lrp2", Interval(1.5, 0.5, 2.5), held_out(-4.5)),
            ("de", "random", Interval(-0.5, -1.0, 0.25), held_out(math.nan)),
            ("de", "shuffled (zh)", Interval(0.75, 0.0, 1.0), held_out(0.25)),
            ("zh", "lrp2", Interval(2.0, 1.0, 3.0), None),
            ("zh", "shuffled (de)", Interval(0.5, math.nan, math.nan), held_out(0.5)),
            ("mean of 2", "lrp2", 1.75, 0.0),
        ),
        "transferability",
    )
    assert figure is not None
    drawn = panels(figure)
    assert list(drawn) == ["German", "Chinese"], "a mean has no interval"
    assert [label.get_text() for label in drawn["German"].get_yticklabels()] == ["lrp2", "random", "shuffled"]
    assert {gid: points(line(drawn["German"], gid)) for gid in ("lrp2", "random", "shuffled")} == {
        "lrp2": {1.5: 0.0}, "random": {-0.5: 1.0}, "shuffled": {0.75: 2.0},
    }  # fmt: skip
    assert not lines(drawn["Chinese"], "random") and points(line(drawn["Chinese"], "shuffled")) == {0.5: 2.0}
    assert points(line(drawn["German"], "lrp2 held-out")) == {-4.5: 0.0} and not lines(
        drawn["German"], "random held-out"
    )
    low, high = drawn["German"].get_xlim()
    assert low < -4.5 and high > 3.0 and drawn["Chinese"].get_xlim() == (low, high), "one scale, and all in it"
    assert "in-sample" in texts(figure) and "mbert on mlama" in texts(figure)


def test_without_a_language_there_is_no_figure() -> None:
    assert ablations(_table(("mean of 2", "lrp2", 1.75, 0.0)), "transferability") is None
    with pytest.raises(ValueError, match="accuracy_change"):
        ablations(_table(), "accuracy")
