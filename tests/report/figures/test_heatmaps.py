"""Cells, marks and texts of the heatmaps are those of the runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from lrp2_bench.core.types import LayerPair
from lrp2_bench.render.figures.style import house_style
from lrp2_bench.report.figures.heatmaps import heatmaps
from tests.support.drawing import cells, lines, mesh, panels, place, runs_below, text_of, texts
from tests.support.run_folders import every_pair, write_run


def drawn(root: Path, metric: str = "transferability", select_by: str = "transferability") -> Figure:
    figure = heatmaps(runs_below(root), metric, select_by)
    assert figure is not None
    return figure


def test_a_cell_is_the_change_against_the_baseline_model(tmp_path: Path) -> None:
    write_run(tmp_path, "de", (20, 30), {(1, 2): (21, 33.5), (1, 3): (19, 30), (2, 3): (20, 28)}, blocks=3)
    nan = np.nan
    np.testing.assert_allclose(
        cells(panels(drawn(tmp_path))["German"]), [[nan, 3.5, 0], [nan, nan, -2], [nan, nan, nan]]
    )
    np.testing.assert_allclose(
        cells(panels(drawn(tmp_path, "accuracy"))["German"]), [[nan, 1, -1], [nan, nan, 0], [nan, nan, nan]]
    )


def test_lsrp_goes_across_and_lirp_up_from_layer_1(tmp_path: Path) -> None:
    write_run(tmp_path, "de", (20, 30), every_pair(3), blocks=3)
    axes = panels(drawn(tmp_path))["German"]
    corners = mesh(axes).get_coordinates()
    # The mesh's row 0 and column 1 are LIRP 1 and LSRP 2: the square around x = 2, y = 1.
    assert corners[0, 1].tolist() == [1.5, 0.5] and corners[1, 2].tolist() == [2.5, 1.5]
    assert axes.get_xticks().tolist() == axes.get_yticks().tolist() == [1, 2, 3]
    assert "LSRP after block" in texts(axes.figure) and "LIRP after block" in texts(axes.figure)


def test_the_star_marks_the_best_pair_by_select_by_whatever_is_drawn(tmp_path: Path) -> None:
    write_run(tmp_path, "fr", (20, 30), {(1, 2): (21, 33), (2, 4): (25, 31)}, blocks=4)
    for metric in ("accuracy", "transferability"):
        assert place(panels(drawn(tmp_path, metric))["French"], "best") == (1, 2)
        assert place(panels(drawn(tmp_path, metric, "accuracy"))["French"], "best") == (2, 4)
    assert "best pair by accuracy" in texts_of_legend(drawn(tmp_path, "accuracy", "accuracy"))


def texts_of_legend(figure: Figure) -> list[str]:
    (legend,) = figure.legends
    return [text.get_text() for text in legend.get_texts()]


def test_the_corner_holds_the_drawn_metric_at_the_star(tmp_path: Path) -> None:
    write_run(tmp_path, "fr", (20, 30), {(1, 2): (18.5, 33), (2, 4): (25, 31)}, blocks=4)
    axes = panels(drawn(tmp_path, "accuracy"))["French"]
    assert text_of(axes, "change") == "−1.50"
    assert text_of(axes, "levels") == "20.0 → 18.5"


def test_the_ring_stands_at_the_published_pair_of_that_model_only(tmp_path: Path) -> None:
    for model in ("mbert", "xlmr_base"):
        write_run(tmp_path / model, "de", (20, 30), every_pair(12), model=model)
    write_run(tmp_path / "other_pivot", "de", (20, 30), every_pair(12), pivot="es")
    write_run(tmp_path / "shallow", "de", (20, 30), every_pair(3), blocks=3)
    # The paper's pair for German with mBERT is 3/4.
    figure = drawn(tmp_path / "mbert")
    assert place(panels(figure)["German"], "paper") == (3, 4)
    assert "the paper's pair" in texts_of_legend(figure)
    for root in ("xlmr_base", "other_pivot", "shallow"):
        figure = drawn(tmp_path / root)
        assert place(panels(figure)["German"], "paper") is None
        assert "the paper's pair" not in texts_of_legend(figure)


def test_every_searched_language_has_a_panel_in_alphabetic_order_on_one_scale(tmp_path: Path) -> None:
    write_run(tmp_path, "en", (40, 100))
    write_run(tmp_path, "fr", (20, 30))
    write_run(tmp_path, "zh", (20, 30), {(1, 2): (20, 38)}, blocks=12)
    write_run(tmp_path, "qqq", (20, 30), {(1, 2): (20, 29)}, blocks=12)
    write_run(tmp_path, "sq", (20, 30), {(1, 2): (20, 31)}, blocks=12)
    found = panels(drawn(tmp_path))
    assert list(found) == ["Albanian", "Chinese", "qqq"]
    limits = {(mesh(axes).norm.vmin, mesh(axes).norm.vmax) for axes in found.values()}
    ((low, high),) = limits
    assert low == -high and high == 8


def test_pairs_not_yet_evaluated_are_grey_and_named_in_the_legend(tmp_path: Path) -> None:
    write_run(tmp_path / "part", "de", (20, 30), {(1, 2): (21, 33)}, blocks=3)
    write_run(tmp_path / "whole", "de", (20, 30), every_pair(3), blocks=3)
    part, whole = drawn(tmp_path / "part"), drawn(tmp_path / "whole")
    (grey,) = [item for item in panels(part)["German"].collections if item.get_gid() is None]
    array = grey.get_array()
    assert array is not None
    assert np.argwhere(~np.ma.getmaskarray(array)).tolist() == [[0, 2], [1, 2]]
    assert "not evaluated" in texts_of_legend(part)
    assert "not evaluated" not in texts_of_legend(whole)


def test_a_pair_deeper_than_the_manifest_says_stays_in_its_panel(tmp_path: Path) -> None:
    write_run(tmp_path, "de", (20, 30), {(1, 9): (21, 33)}, blocks=3)
    axes = panels(drawn(tmp_path))["German"]
    assert place(axes, "best") == (1, 9) and axes.get_xlim()[1] == 9.5


@pytest.mark.parametrize("metric", ["accuracy", "transferability"])
def test_without_pairs_or_facts_there_is_no_figure(tmp_path: Path, metric: str) -> None:
    nan = float("nan")
    write_run(tmp_path, "en", (40, 100))
    write_run(tmp_path, "fr", (20, 30))
    write_run(tmp_path, "de", (nan, nan), {(1, 2): (nan, nan)}, facts=0, shared=0)
    assert heatmaps(runs_below(tmp_path), metric, "transferability") is None


def test_cells_hold_their_number_where_one_fits_and_a_few_panels_are_enlarged_for_it(tmp_path: Path) -> None:
    def numbers(*languages: str, blocks: int = 12) -> list[str]:
        root = tmp_path / f"{len(languages)}_{blocks}"
        for language in languages:
            write_run(root, language, (20, 30), every_pair(blocks), blocks=blocks)
        first = next(iter(panels(drawn(root)).values()))
        return [text.get_text() for text in first.texts if text.get_gid() == "number"]

    assert len(numbers("fr")) == 66 == len(numbers("de", "fr", "hi", "zh"))
    assert numbers("de", blocks=3) == ["−20.0"] * 3
    assert numbers("de", blocks=40) == [], "nobody reads a number that small"


def test_the_confidence_set_is_outlined_side_by_side_and_named(tmp_path: Path) -> None:
    write_run(tmp_path, "de", (20, 30), every_pair(4), blocks=4)

    def outline(*pairs: tuple[int, int]) -> tuple[int, Figure]:
        sets = {"de": [LayerPair(*pair) for pair in pairs]}
        figure = heatmaps(runs_below(tmp_path), "accuracy", "accuracy", sets)
        assert figure is not None
        drawn = lines(panels(figure)["German"], "95 % set")
        return sum(int(np.isnan(line.get_xdata()).sum()) for line in drawn), figure

    sides, figure = outline((1, 3), (1, 4))
    assert sides == 6 and "95 % confidence set" in texts_of_legend(figure)
    assert outline((1, 2), (3, 4))[0] == 8
    sides, figure = outline((1, 3))
    assert sides == 0 and "95 % confidence set" not in texts_of_legend(figure)


def test_small_cells_are_an_image_that_holds_the_same_at_the_same_place(tmp_path: Path) -> None:
    for language in ("de", "fr", "hi", "zh", "tr", "ko"):
        write_run(tmp_path, language, (20, 30), {(1, 2): (20, 31), (5, 59): (20, 29)}, blocks=60)
    axes = panels(drawn(tmp_path))["German"]
    (changes,) = [image for image in axes.images if image.get_gid() == "changes"]
    array = changes.get_array()
    assert array is not None and array.shape == (60, 60)
    at = {(lirp + 1, lsrp + 1): float(array[lirp, lsrp]) for lirp, lsrp in np.argwhere(~np.ma.getmaskarray(array))}
    assert at == {(1, 2): pytest.approx(1.0), (5, 59): pytest.approx(-1.0)}
    assert (changes.origin, list(changes.get_extent())) == ("lower", [0.5, 60.5, 0.5, 60.5])
    assert axes.get_xlim() == axes.get_ylim() == (0.5, 60.5)


def test_the_legend_stays_on_the_page(tmp_path: Path) -> None:
    write_run(tmp_path, "de", (20, 30), {(1, 2): (21, 33), (3, 4): (19, 29)}, blocks=12)
    with house_style():
        figure = heatmaps(runs_below(tmp_path), "accuracy", "accuracy", {"de": [LayerPair(1, 2), LayerPair(3, 4)]})
        assert figure is not None and len(texts_of_legend(figure)) == 4
        figure.draw_without_rendering()
        box = figure.legends[0].get_window_extent()
        assert box.x0 >= 0 and box.x1 <= figure.bbox.width and box.y0 >= 0
