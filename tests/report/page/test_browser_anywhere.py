"""The page in the dark, on a phone, with hostile texts, by any address: nothing goes wrong in a real browser."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lrp2_bench.results.runs import Unfinished
from tests.report.page.conftest import GERMAN, page_of_groups, runs_of
from tests.support.browser import Opened, opened
from tests.support.page_runs import write_page_run
from tests.support.run_folders import write_run

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.system

PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
HOSTILE = "<img src=x onerror=alert(1)></script><script>alert(2)</script>&lt;b&gt;"


def background(page: Opened) -> float:
    """Lightness of the page, 0 to 255."""
    rgb: str = page.page.evaluate("getComputedStyle(document.body).backgroundColor")
    return sum(int(part) for part in re.findall(r"\d+", rgb)[:3]) / 3


def test_it_is_dark_where_the_system_is_and_the_button_overrules_it_for_good(browser: Browser, page_path: Path) -> None:
    with opened(browser, page_path, GERMAN, color_scheme="dark") as page:
        assert background(page) < 40
        dark = page.drawn("heatmap", "changes")["colorscale"]
        page.page.click("#theme")
        assert background(page) > 240 and page.drawn("heatmap", "changes")["colorscale"] != dark
        page.page.reload()
        assert background(page) > 240
        assert page.wrong == []
    with opened(browser, page_path, GERMAN, color_scheme="light") as page:
        assert background(page) > 240
        page.page.emulate_media(color_scheme="dark")
        page.page.locator("#theme", has_text="Light").wait_for()
        assert background(page) < 40 and page.drawn("heatmap", "changes")["colorscale"] == dark


@pytest.mark.parametrize("width", [320, 390, 768])
def test_a_narrow_screen_holds_the_page(browser: Browser, page_path: Path, width: int) -> None:
    with opened(browser, page_path, GERMAN, **(PHONE | {"viewport": {"width": width, "height": 844}})) as page:
        assert page.page.evaluate("document.documentElement.scrollWidth") <= width
        box = page.page.locator("#heatmap").bounding_box()
        assert box is not None and 250 < box["width"] <= width
        page.page.tap("#gained-more")
        x, y = page.cell(3, 7)
        page.page.touchscreen.tap(x, y)
        assert page.text("#readout-title") == "Pair LIRP 3, LSRP 7"
        touch = page.page.evaluate("getComputedStyle(document.querySelector('#heatmap .nsewdrag')).touchAction")
        assert touch == "pan-y pinch-zoom", "a finger that moves over the figure scrolls the page"
        assert page.wrong == []


def test_hostile_texts_are_shown_and_never_run(browser: Browser, tmp_path: Path) -> None:
    labels = [HOSTILE, "\u202egnirts", "x" * 10_000, "[Y] [X]", "\u2028", "${alert(3)}", "'\"`"] * 4
    write_page_run(tmp_path, "xx", labels=labels, facts=28, relations=("P<b>1",))
    manifest = {"language": f"xx{HOSTILE}", "model": {"name": HOSTILE, "blocks": 4}}
    write_run(tmp_path, "yy", (1, 2), {(1, 2): (3, 4)}, manifest=manifest)
    groups = runs_of(tmp_path)
    unfinished = Unfinished(tmp_path, HOSTILE, "mlama", HOSTILE, HOSTILE)
    path = page_of_groups(groups, tmp_path / "report", (unfinished,))
    for group in groups:
        with opened(browser, path) as page:
            for view in ("overview", "compare", "tables", "language"):
                page.page.click(f"#view-{view}")
                assert page.page.locator("img").count() == 0
                assert page.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), view
            page.page.select_option("#model", index=groups.index(group))
            for more in ("#gained-more", "#lost-more"):
                if page.page.is_visible(more):
                    page.page.click(more)
            for trace in page.page.locator("#table thead button").all():
                trace.click()
            page.page.wait_for_timeout(200)
            said = page.text("body")
            assert "<img src=x onerror=alert(1)>" in said
            assert page.page.locator("img").count() == 0
            assert page.page.locator("script").count() == 3
            assert page.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            assert page.wrong == []


@pytest.mark.parametrize("address", ["#model=nobody&language=zz&metric=x", "#%ff%00<script>", "#metric=accuracy"])
def test_an_address_of_another_page_opens_this_one(browser: Browser, page_path: Path, address: str) -> None:
    with opened(browser, page_path, address) as page:
        assert page.page.is_visible("#answer") and "held-out gain of" in page.text("#answer")
        assert page.wrong == []


def test_a_single_pair_of_a_model_with_two_blocks_is_drawn(browser: Browser, tmp_path: Path) -> None:
    write_page_run(tmp_path, "de", blocks=2)
    with opened(browser, page_of_groups(runs_of(tmp_path), tmp_path), "#view=language") as page:
        assert "best pair LIRP 1, LSRP 2" in page.text("#remarks")
        assert page.text("#frequent") == "1/2 1 language German"
        assert page.wrong == []
