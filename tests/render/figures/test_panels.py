"""Panels lie within their page, apart from each other, however many there are; texts fit."""

from __future__ import annotations

from itertools import pairwise

import pytest

from lrp2_bench.render.figures.panels import Gaps, Texts, columns_for, make_page
from lrp2_bench.render.figures.save import DPI
from lrp2_bench.render.figures.style import TEXT, TITLE, fitted, text_width, wrapped

TEXTS = Texts("A title " * 20, "A subtitle " * 30, "A note " * 40)


@pytest.mark.parametrize("count", [1, 2, 3, 5, 12, 13, 52, 53, 200])
def test_panels_are_inside_the_page_and_do_not_touch(count: int) -> None:
    page = make_page(count, TEXTS, Gaps())
    boxes = [axes.get_position() for axes in page.panels]
    assert len(boxes) == count
    assert all(0 < box.x0 < box.x1 < 1 and 0 < box.y0 < box.y1 < 1 for box in boxes)
    for position, (left, right) in enumerate(pairwise(boxes)):
        assert left.x1 < right.x0 or (page.is_leftmost(position + 1) and right.y1 < left.y0)


@pytest.mark.parametrize("count", [1, 3, 12, 52])
def test_pages_are_as_wide_as_paper_and_not_absurdly_tall(count: int) -> None:
    width, height = make_page(count, TEXTS, Gaps()).figure.get_size_inches()
    assert 4 <= width <= 8.27 and height <= 1.9 * width


def test_columns_leave_few_places_empty() -> None:
    assert [columns_for(count) for count in (1, 2, 4, 5, 12, 13, 52)] == [1, 2, 4, 3, 4, 5, 7]


def test_the_lowest_panels_include_those_above_a_gap() -> None:
    page = make_page(13, TEXTS, Gaps())
    assert [number for number in range(13) if page.is_lowest(number)] == [8, 9, 10, 11, 12]
    assert [number for number in range(13) if page.is_leftmost(number)] == [0, 5, 10]


def test_texts_stay_on_the_page() -> None:
    figure = make_page(1, TEXTS, Gaps()).figure
    figure.set_dpi(DPI)
    margin = 0.1 * DPI
    for text in figure.texts:
        box = text.get_window_extent()
        assert box.x0 >= margin and box.x1 <= figure.bbox.x1 - margin
        assert box.y0 >= margin and box.y1 <= figure.bbox.y1 - margin


def test_text_is_cut_to_the_room_it_has() -> None:
    assert fitted("German", 2, TEXT) == "German"
    cut = fitted("W" * 100, 1, TEXT)
    assert cut.endswith("…") and 0.8 < text_width(cut, TEXT) <= 1
    lines = wrapped(f"one two {'x' * 300} three", 2, TITLE)
    assert all(text_width(line, TITLE) <= 2 for line in lines)
    assert lines[0] == "one two" and lines[-1] == "three"
