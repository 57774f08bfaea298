"""Bars are the changes at each language's best pair, in order."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.text import Annotation

from lrp2_bench.core.types import Interval
from lrp2_bench.render.figures.style import BLUE, VERMILLION
from lrp2_bench.report.figures.change import change, saw_bloom_languages
from lrp2_bench.stats.across_languages import Estimate
from lrp2_bench.stats.assess import Measured
from tests.support.drawing import line, lines, runs_below, texts
from tests.support.run_folders import write_run


def drawn(root: Path, metric: str = "transferability", select_by: str = "transferability") -> Axes:
    figure = change(runs_below(root), metric, select_by)
    assert figure is not None
    (axes,) = figure.axes
    return axes


def bars(axes: Axes) -> dict[str, float]:
    """Name -> change, from top to bottom."""
    names = {tick: label.get_text() for tick, label in zip(axes.get_yticks(), axes.get_yticklabels(), strict=True)}
    found = {
        names[round(bar.get_y() + bar.get_height() / 2)]: bar.get_width()
        for bar in axes.patches
        if isinstance(bar, Rectangle)
    }
    assert axes.get_ylim()[0] > axes.get_ylim()[1]  # row 0 on top
    return {name: found[name] for _, name in sorted(names.items())}


def test_bars_stand_in_order_of_the_change_at_the_best_pair(tmp_path: Path) -> None:
    write_run(tmp_path, "en", (40, 100))
    write_run(tmp_path, "de", (20, 30), {(1, 2): (19, 31), (1, 3): (29, 30.5)})
    write_run(tmp_path, "fr", (20, 30), {(1, 2): (22, 34)})
    write_run(tmp_path, "sq", (20, 30), {(1, 2): (20, 28)})
    assert bars(drawn(tmp_path)) == {"French": 4, "German": 1, "Albanian": -2}
    assert bars(drawn(tmp_path, "accuracy")) == {"French": 2, "Albanian": 0, "German": -1}
    assert bars(drawn(tmp_path, "accuracy", "accuracy")) == {"German": 9, "French": 2, "Albanian": 0}


def test_gains_losses_and_their_mean_are_told_apart_and_written(tmp_path: Path) -> None:
    write_run(tmp_path, "fr", (20, 30), {(1, 2): (22, 34)})
    write_run(tmp_path, "sq", (20, 30), {(1, 2): (20, 29)})
    axes = drawn(tmp_path)
    from matplotlib.colors import to_hex

    assert [to_hex(bar.get_facecolor()).upper() for bar in axes.patches] == [BLUE, VERMILLION]
    assert [text.get_text() for text in axes.texts] == ["+4.00", "−1.00"]
    assert line(axes, "mean").get_xdata()[0] == 1.5
    figure = change(runs_below(tmp_path), "transferability", "transferability")
    assert figure is not None
    assert "the mean of 2 languages, +1.50" in texts(figure).replace("\n", " ")


def test_intervals_and_held_out_gains_stand_beside_the_bars_where_they_are_known(tmp_path: Path) -> None:
    write_run(tmp_path, "fr", (20, 30), {(1, 2): (22, 34)})
    write_run(tmp_path, "sq", (20, 30), {(1, 2): (20, 29)})
    write_run(tmp_path, "de", (20, 30), {(1, 2): (20, 31)})
    nothing, none = Interval(math.nan, math.nan, math.nan), Estimate(math.nan, np.array([]))
    known = {
        "fr": Measured(nothing, nothing, Interval(4, 1, 9), Interval(2.5, -1, 6), none, none, none, 1.0),
        "sq": Measured(
            nothing, nothing, Interval(-1, -3, 1), nothing, none, none, none, 1.0
        ),  # too few facts to hold some out
    }
    figure = change(runs_below(tmp_path), "transferability", "transferability", known)
    assert figure is not None
    (axes,) = figure.axes

    def drawn_at(gid: str) -> dict[int, list[float]]:
        return {round(each.get_ydata()[0]): list(each.get_xdata()) for each in lines(axes, gid)}

    assert bars(axes) == {"French": 4, "German": 1, "Albanian": -1}
    assert drawn_at("in-sample interval") == {0: [1, 9], 2: [-3, 1]}
    assert drawn_at("held-out") == {0: [2.5]} and drawn_at("held-out interval") == {0: [-1, 6]}
    assert axes.get_xlim()[0] < -3 and axes.get_xlim()[1] > 9
    at = {text.get_text(): text.xy[0] for text in axes.texts if isinstance(text, Annotation)}
    assert at == {"+4.00": 9, "+1.00": 1, "−1.00": -3}, "numbers stand behind the whiskers"
    said = texts(figure).replace("\n", " ")
    assert "Rings: the held-out gain" in said and "lower end allows for the choice" in said


def test_blooms_languages_are_starred_where_the_model_is_bloom(tmp_path: Path) -> None:
    for model in ("bloom_560m", "tiny_bloom"):
        for language in ("fr", "de"):
            write_run(tmp_path / model, language, (20, 30), {(1, 2): (22, 34)}, model=model)
    assert list(bars(drawn(tmp_path / "bloom_560m"))) == ["French ★", "German"]
    assert list(bars(drawn(tmp_path / "tiny_bloom"))) == ["French", "German"]


@pytest.mark.parametrize("model", ["bloom_560m", "bloom-560m", "bloom-1b7", "bloomz-7b1", "bloom-3b", "BLOOM-1b1"])
def test_published_checkpoints_saw_blooms_languages(model: str) -> None:
    assert saw_bloom_languages(model)


@pytest.mark.parametrize("model", ["mbert", "bloom", "tiny_bloom", "bloom_like", "tiny_bloom_560m", "my-bloom-560m-x"])
def test_models_that_merely_resemble_bloom_are_not_taken_for_it(model: str) -> None:
    assert not saw_bloom_languages(model)


def test_where_nothing_changes_the_bars_still_have_an_axis(tmp_path: Path) -> None:
    write_run(tmp_path, "de", (20, 30), {(1, 2): (20, 30)})
    axes = drawn(tmp_path)
    assert bars(axes) == {"German": 0} and axes.get_xlim()[0] < axes.get_xlim()[1]
    assert [text.get_text() for text in axes.texts] == ["0.00"]


def test_without_pairs_there_is_no_figure(tmp_path: Path) -> None:
    write_run(tmp_path, "fr", (20, 30))
    assert change(runs_below(tmp_path), "accuracy", "accuracy") is None
