"""Texts from data keep their letters and lose what would disturb a page."""

from __future__ import annotations

from lrp2_bench.report.page.texts import plain


def test_overrides_of_the_direction_and_controls_are_shown_and_harmless() -> None:
    assert plain("a\u202eb\u2066c\x00d\ud800e\ufefff", 99) == "a�b�c�d�e�f"


def test_what_persian_and_hindi_need_is_kept() -> None:
    assert plain("می\u200cخواهم क्\u200dष", 99) == "می\u200cخواهم क्\u200dष"


def test_lines_are_joined_and_endless_ones_cut() -> None:
    assert plain(" a\n\tb\u2028c ", 99) == "a b c"
    assert plain("x" * 10_000, 5) == "xxxxx…" and plain("x" * 5, 5) == "xxxxx"


def test_markup_is_left_as_it_is_for_it_is_never_read_as_such() -> None:
    assert plain("<b>&amp;</b>", 99) == "<b>&amp;</b>"
