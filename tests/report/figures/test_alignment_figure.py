"""Lines are those of alignment.csv, and their mean."""

from __future__ import annotations

from pathlib import Path

import pytest
from matplotlib.figure import Figure

from lrp2_bench.report.figures.alignment import alignment, read_aligned
from tests.support.drawing import add_alignment, line, lines, panels, points, runs_below
from tests.support.run_folders import every_pair, write_run


def make_run(root: Path, language: str, baseline: list[float], lrp2: list[float] | None, **keys: object) -> Path:
    folder = write_run(root, language, (20, 30), every_pair(2), blocks=2, manifest=keys)
    add_alignment(folder, baseline, lrp2)
    return folder


def drawn(root: Path) -> Figure:
    found, problems = read_aligned(runs_below(root))
    figure = alignment(found)
    assert figure is not None and problems == []
    return figure


def test_each_language_has_its_lines_and_all_have_their_mean(tmp_path: Path) -> None:
    make_run(tmp_path, "fr", [0.1, 0.2, 0.3], [0.1, 0.6, 0.4])
    make_run(tmp_path, "de", [0.3, 0.4, 0.5], [0.3, 0.8, 0.7])
    found = panels(drawn(tmp_path))
    assert list(found) == ["Mean of 2", "French", "German"]
    assert points(line(found["French"], "baseline")) == {0: 0.1, 1: 0.2, 2: 0.3}
    assert points(line(found["French"], "lrp2")) == {0: 0.1, 1: 0.6, 2: 0.4}
    assert points(line(found["Mean of 2"], "baseline")) == pytest.approx({0: 0.2, 1: 0.3, 2: 0.4})
    assert points(line(found["Mean of 2"], "lrp2")) == pytest.approx({0: 0.2, 1: 0.7, 2: 0.55})
    assert len({axes.get_ylim() for axes in found.values()}) == 1


def test_a_lone_language_has_no_mean(tmp_path: Path) -> None:
    make_run(tmp_path, "fr", [0.1, 0.2, 0.3], [0.1, 0.6, 0.4])
    assert list(panels(drawn(tmp_path))) == ["French"]


def test_the_runs_own_pair_is_marked_and_an_impossible_one_is_not(tmp_path: Path) -> None:
    make_run(tmp_path, "fr", [0.1, 0.2, 0.3], [0.1, 0.6, 0.4], best={"lirp": 1, "lsrp": 2})
    make_run(tmp_path, "de", [0.1, 0.2, 0.3], [0.1, 0.6, 0.4], best={"lirp": "x", "lsrp": 99})
    make_run(tmp_path, "sq", [0.1, 0.2, 0.3], [0.1, 0.6, 0.4], best="?")
    found = panels(drawn(tmp_path))
    marked = {name: [mark.get_xdata()[0] for mark in lines(axes, "projected")] for name, axes in found.items()}
    assert marked == {"Mean of 3": [], "French": [1, 2], "German": [], "Albanian": []}


def test_runs_with_nothing_to_show_are_left_out_without_a_word(tmp_path: Path) -> None:
    write_run(tmp_path, "en", (40, 100))
    write_run(tmp_path, "de", (20, 30), every_pair(12))
    make_run(tmp_path, "fr", [0.1, 0.2, 0.3], None)
    folder = make_run(tmp_path, "sq", [0.1, 0.2, 0.3], [0.1, 0.2, 0.3])
    of_nothing = "".join(f"{layer},nan,nan,0\n" for layer in range(3))
    (folder / "alignment.csv").write_text(f"layer,baseline,lrp2,facts\n{of_nothing}")
    assert read_aligned(runs_below(tmp_path)) == ([], [])
    assert alignment([]) is None


def test_a_damaged_file_or_one_of_another_model_is_named(tmp_path: Path) -> None:
    folder = make_run(tmp_path, "de", [0.1, 0.2, 0.3], [0.1, 0.6, 0.4])
    (folder / "alignment.csv").write_text("layer,baseline\n")
    make_run(tmp_path, "fr", [0.1, 0.2, 0.3, 0.4], [0.1, 0.6, 0.4, 0.4])
    make_run(tmp_path, "sq", [0.1, 0.2, 0.3], [0.1, 0.6, 0.4])
    found, problems = read_aligned(runs_below(tmp_path))
    assert [one.name for one in found] == ["Albanian"]
    assert str(folder / "alignment.csv") in problems[0] and "expected the columns" in problems[0]
    assert "its layers are not 0 to 2" in problems[1]
