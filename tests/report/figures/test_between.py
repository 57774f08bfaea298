"""Lines are mean changes of transferability by distance."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from lrp2_bench.core.languages import GROUPS
from lrp2_bench.report.figures.between import between
from tests.support.drawing import line, lines, points, runs_below
from tests.support.run_folders import every_pair, write_run


def drawn(root: Path) -> Figure:
    figure = between(runs_below(root), "transferability")
    assert figure is not None
    return figure


def legend(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_a_point_is_the_mean_over_pairs_so_far_apart(tmp_path: Path) -> None:
    write_run(tmp_path, "de", (20, 30), {(1, 2): (0, 31), (1, 3): (0, 26), (2, 3): (0, 34)}, blocks=3)
    write_run(tmp_path, "fr", (20, 10), {(1, 2): (0, 10), (2, 3): (0, 11)}, blocks=3)
    figure = drawn(tmp_path)
    (axes,) = figure.axes
    assert points(line(axes, "de")) == {1: 2.5, 2: -4}
    assert points(line(axes, "fr")) == {1: 0.5}
    # A language counts at the distances it has pairs of.
    assert points(line(axes, "mean")) == {1: 1.5, 2: -4}
    assert legend(figure) == ["French", "German", "mean of 2"]


def test_a_lone_language_is_its_own_mean(tmp_path: Path) -> None:
    write_run(tmp_path, "de", (20, 30), every_pair(3), blocks=3)
    figure = drawn(tmp_path)
    assert lines(figure.axes[0], "mean") == [] and legend(figure) == ["German"]


def test_more_languages_than_colours_are_grey_lines_under_one_name(tmp_path: Path) -> None:
    for language in GROUPS["all"][:7]:
        write_run(tmp_path, language, (20, 30), every_pair(3), blocks=3)
    figure = drawn(tmp_path)
    (axes,) = figure.axes
    colours = {line(axes, language).get_color() for language in GROUPS["all"][:7]}
    assert len(colours) == 1
    assert legend(figure) == ["a language", "mean of 7"]


def test_ticks_end_at_the_widest_distance(tmp_path: Path) -> None:
    write_run(tmp_path, "de", (20, 30), every_pair(6), blocks=6)
    assert drawn(tmp_path).axes[0].get_xticks().tolist() == [1, 2, 3, 4, 5]


def test_without_pairs_there_is_no_figure(tmp_path: Path) -> None:
    write_run(tmp_path, "fr", (20, 30))
    assert between(runs_below(tmp_path), "transferability") is None
