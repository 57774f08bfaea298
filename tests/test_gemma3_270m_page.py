"""The study's page says what is stored: its tables are those that are made of it, and its headline is theirs."""

from __future__ import annotations

import re

import pytest

from benchmarks.gemma3_270m.estimates import Stored, over_languages
from benchmarks.gemma3_270m.reporting import Reporting
from benchmarks.gemma3_270m.tables import tables, transfer
from benchmarks.running import REPOSITORY
from lrp2_bench.core.types import Interval

#: In the page in a sentence, as counts, or without columns of zeros.
_ELSEWHERE = ("Which tokens", "By relation", "What is answered")
_PAGE = REPOSITORY / "docs" / "results" / "gemma3_270m.md"


@pytest.mark.system
def test_every_row_of_a_table_stands_in_the_page() -> None:
    page = re.sub(r"`|(?<=\| )(left out|own), ", "", _PAGE.read_text(encoding="utf-8"))  # what a setting is, beside it
    lines = set(page.splitlines())
    made = {title: table for title, table in tables() if not title.startswith(_ELSEWHERE)}
    assert len(made) > 10 and not any("unfinished" in title for title in made)
    for title, table in made.items():
        rows = table.splitlines()[2:]
        assert rows and [row for row in rows if row not in lines] == [], title


def test_the_headline_in_page_and_readme_is_the_mean_of_what_is_stored() -> None:
    mean = transfer(Stored())[1]
    page, readme = (path.read_text(encoding="utf-8") for path in (_PAGE, REPOSITORY / "README.md"))
    assert _interval(mean, "+") in _words(page) and _interval(mean) in _words(readme)


def test_the_means_of_both_choices_in_page_and_readme_are_those_of_what_is_stored() -> None:
    gains = Reporting().gains
    page, readme = (_words(path.read_text(encoding="utf-8")) for path in (_PAGE, REPOSITORY / "README.md"))
    own, left_out = (over_languages(gains[name]) for name in ("LRP2, own choice", "LRP2, left out"))
    assert _interval(own, "+") in page and f"{own.value:+.1f} points ({own.low:.1f} to {own.high:.1f})" in readme
    assert f"{left_out.value:+.1f} ({left_out.low:+.1f} to {left_out.high:+.1f}" in page


def _interval(mean: Interval, sign: str = "") -> str:
    return f"{mean.value:+.1f} points, 95 % interval {mean.low:{sign}.1f} to {mean.high:{sign}.1f}"


def _words(text: str) -> str:
    """Without line ends, emphasis and brackets around an interval."""
    return re.sub(r"\s+", " ", text.replace("**", "")).replace("points (95 %", "points, 95 %")
