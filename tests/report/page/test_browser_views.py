"""The page's views in a real browser: overview, relations, comparison, tables, strengths, downloads."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from lrp2_bench.core.types import Interval
from lrp2_bench.render.table import Column, Table
from lrp2_bench.report.overview.comparison import comparison
from lrp2_bench.report.overview.leaderboard import leaderboard
from lrp2_bench.report.page.build import write_page
from lrp2_bench.report.page.data import Choices
from lrp2_bench.report.page.overview_data import Beside
from tests.report.page.conftest import GERMAN, german_run, number, runs_of
from tests.support.browser import Opened, opened
from tests.support.page_runs import write_page_run

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two languages by LRP2 and by random shifts at two strengths of their own, and hostile tables."""
    root = tmp_path_factory.mktemp("several")
    for place, (kind, label) in enumerate((("lrp2", "lrp2"), ("random", "random"), ("random", "random_s0.5"))):
        for language in ("de", "fr", "ko"):
            strength = {"strength": [0.5, 0.5]} if label.endswith("0.5") else {}
            manifest = {"projection": {"kind": kind, "label": label, **strength}}
            model = "mbert" if kind == "lrp2" else f"mbert_{label}"
            manifest["model"] = {"name": "mbert", "blocks": 12, "digest": "d", "revision": "main"}
            write_page_run(root / str(place), language, blocks=12, facts=60, seed=place, model=model, manifest=manifest)
    return root


@pytest.fixture(scope="module")
def several_page(several: Path) -> Path:
    hostile = "<img src=x onerror=alert(1)>"
    verdict = Table(
        "verdict", f"Claims {hostile}", (Column("a", hostile, "text"), Column("b", "ours", "change_interval")),
        ((hostile, Interval(1.0, 0.5, 1.5)), ("supported", None)), (hostile,),
    )  # fmt: skip
    long = Table(
        "ablations_m_d", "Long", tuple(Column(f"c{n}", f"column {n}", "text") for n in range(30)), (("cell",) * 30,)
    )
    files = [Path("tables/ablations_m_d.csv"), Path("figures/heat map#1.png"), Path("figures/heat map#1.pdf")]
    groups = runs_of(several)
    beside = Beside([verdict], [long], files, None, comparison(groups)[0])
    return write_page(groups, (), several / "report", Choices(), beside)[0]


@pytest.fixture
def page(browser: Browser, several_page: Path) -> Iterator[Opened]:
    with opened(browser, several_page) as found:
        yield found
        assert found.wrong == []


def test_it_opens_on_the_answer_with_its_interval(page: Opened, several: Path) -> None:
    row = next(row for row in leaderboard(runs_of(several)) if row.intervention == "lrp2")
    said = re.fullmatch(
        r"LRP2 with mbert on mlama, strength 1, mean of 3 languages: held-out gain of transferability (\S+) points, "
        r"95 % interval (\S+) to (\S+): (\w+)", page.text("#answer"),
    )  # fmt: skip
    assert said, page.text("#answer")
    assert [number(part) for part in said.groups()[:3]] == pytest.approx(
        [row.gain.value, row.gain.low, row.gain.high], abs=0.00501
    )
    assert said[4] == row.outcome
    assert page.page.evaluate("document.querySelector('h1:not([hidden] *)').id") == "answer"


def test_the_leaderboard_unfolds_by_keys_and_leads_to_a_language(page: Opened, several: Path) -> None:
    rows = page.page.locator("#leaderboard tbody tr")
    expected = leaderboard(runs_of(several))
    means = [row for row in expected if not row.language]
    assert rows.count() == len(means) == 3
    shown = [number(text) for text in page.page.locator("#leaderboard tbody b").all_inner_texts()]
    assert shown == pytest.approx([row.gain.value for row in means], abs=0.00501)
    page.page.focus("#leaderboard .unfold >> nth=0")
    page.page.keyboard.press("Enter")
    assert rows.count() == 6
    assert page.page.evaluate("document.activeElement.getAttribute('aria-expanded')") == "true"
    page.page.click("#leaderboard .member >> nth=0 >> .link")
    group = [getattr(means[0], name) for name in ("intervention", "strength")]
    first = next(row for row in expected if row.language and [row.intervention, row.strength] == group)
    assert page.page.is_visible("#heatmap") and not page.page.is_visible("#answer")
    assert first.name in page.text("#overline")
    assert [page.page.input_value(f"#{name}") for name in ("intervention", "strength")] == group


def test_intervention_and_strength_have_selectors_which_the_address_keeps(page: Opened) -> None:
    page.page.click("#view-language")
    assert page.page.locator("#intervention option").all_inner_texts() == ["lrp2", "random"]
    page.page.select_option("#intervention", "random")
    before = page.drawn("heatmap", "changes")["z"]
    page.page.select_option("#strength", "0.5")
    assert page.drawn("heatmap", "changes")["z"] != before
    assert "random_s0.5" in page.text("#overline") and "strength 0.5" in page.text("#overline")
    page.page.reload()
    assert page.page.input_value("#strength") == "0.5" and page.page.input_value("#intervention") == "random"
    page.page.select_option("#intervention", "lrp2")
    assert page.page.input_value("#strength") == "1", "LRP2 was run at that alone"


def test_relations_show_what_is_won_and_lost(page: Opened) -> None:
    page.page.click("#view-language")
    counts = [int(page.text(f"#{side}-title").split()[0]) for side in ("gained", "lost")]
    cells = page.page.locator("#relations-table tbody tr").all()
    texts = [[cell.strip() for cell in row.locator("> *").all_inner_texts()] for row in cells]
    assert [sum(int(row[at]) for row in texts) for at in (4, 3)] == counts
    assert texts[0][0] in ("P30 continent", "P36 capital")
    assert [int(row[5].replace("−", "-")) for row in texts] == [int(row[4]) - int(row[3]) for row in texts]


def test_two_searches_are_compared_on_one_scale_with_their_paired_difference(page: Opened, several: Path) -> None:
    page.page.click("#view-compare")
    page.page.select_option("#language", label="German")
    assert page.page.locator("#compare-a option").count() == 3 == page.page.locator("#compare-b option").count() + 1
    page.page.select_option("#compare-a", label="mbert, lrp2, strength 1")
    page.page.select_option("#compare-b", label="mbert, random, strength 1")
    rows = [row for row in comparison(runs_of(several))[0] if row.language == "de" and row.dimension == "intervention"]
    (row,) = [row for row in rows if (row.first, row.second) == ("lrp2", "random")]
    gain = row.found.held_out["transferability"]
    said = re.fullmatch(
        r"German, transferability: held-out gains, B less A: (\S+) points, 95 % interval (\S+) to (\S+)",
        page.text("#compare-title"),
    )
    assert said, page.text("#compare-title")
    assert [number(part) for part in said.groups()] == pytest.approx([gain.value, gain.low, gain.high], abs=0.00501)
    sides = [page.drawn(f"heatmap-{side}", "changes") for side in "ab"]
    assert sides[0]["zmax"] == sides[1]["zmax"] and sides[0]["z"] != sides[1]["z"]
    page.page.click("#swap")
    turned = re.search(r"(\S+) points", page.text("#compare-title"))
    assert turned and number(turned[1]) == pytest.approx(-gain.value, abs=0.00501)
    page.page.reload()
    chosen = page.page.locator("#compare-a option:checked").text_content()
    assert chosen == "mbert, random, strength 1", "the address keeps it"
    page.page.select_option("#compare-b", label="mbert, random, strength 0.5")
    page.page.select_option("#compare-a", label="mbert, lrp2, strength 1")
    assert "no paired difference" in page.text("#compare-title")
    assert "differ in intervention and strength" in page.text("#compare-caption")


def test_colours_do_not_saturate_and_numbers_stand_where_they_fit(german: Opened, shown_runs: Path) -> None:
    run = german_run(shown_runs)
    drawn = german.drawn("heatmap", "changes")
    changes = np.array([row.transferability - run.baseline.transferability for row in run.pairs])
    assert drawn["zmax"] == -drawn["zmin"] and np.abs(changes).max() <= drawn["zmax"] <= 1.5 * np.abs(changes).max()
    stops = [stop for stop, _ in drawn["colorscale"]]
    assert (stops[0], stops[10], stops[-1]) == (0, 0.5, 1) and stops[11] - 0.5 < 0.01, "small changes are seen"
    numbers = german.drawn("heatmap", "numbers")
    assert [number(text) for text in numbers["text"]] == pytest.approx(changes.tolist(), abs=0.0501)
    ends = german.page.locator("#ramp-ends span").all_inner_texts()
    assert number(ends[-1]) == pytest.approx(drawn["zmax"], abs=0.051)
    assert number(ends[-2]) == pytest.approx(drawn["zmax"] / 4, abs=0.051)


@pytest.mark.parametrize("width", [390, 768, 1280])
def test_tables_fit_or_say_that_they_scroll(browser: Browser, several_page: Path, width: int) -> None:
    for view, table in (("overview", "#leaderboard"), ("language", "#table"), ("tables", "#table-ablations_m_d table")):
        with opened(browser, several_page, f"#view={view}", viewport={"width": width, "height": 844}) as page:
            if view == "tables":
                page.page.click("#table-ablations_m_d summary")
                page.page.wait_for_selector(table)
            frame = page.page.locator(table).locator("xpath=ancestor::div[contains(@class, 'scroll-frame')]")
            wide = frame.locator(".scroll").evaluate("e => e.scrollWidth - e.clientWidth > 1")
            assert frame.locator(".scroll-hint").is_visible() == wide and (view != "tables" or wide)
            if wide:
                assert "more-right" in (frame.get_attribute("class") or "")
                frame.locator(".scroll").evaluate("e => { e.scrollLeft = e.scrollWidth; }")
                page.page.wait_for_function("e => !e.classList.contains('more-right')", arg=frame.element_handle())
            assert page.page.evaluate("document.documentElement.scrollWidth") <= width
            assert page.wrong == []


def test_tables_and_files_of_the_report_are_shown_and_hostile_texts_stay_texts(page: Opened) -> None:
    assert "<img src=x onerror=alert(1)>" in page.text("#verdict") and page.page.locator("img").count() == 0
    assert "+1.0 [0.5, 1.5]" in page.text("#verdict")
    links = page.page.eval_on_selector_all("#files a", "all => all.map((a) => a.getAttribute('href'))")
    assert links == ["tables/ablations_m_d.csv", "figures/heat%20map%231.png", "figures/heat%20map%231.pdf"]
    page.page.click("#view-tables")
    assert page.page.locator("#all-tables h2").all_inner_texts() == ["Claim checks", "Analyses"]
    page.page.click("#table-ablations_m_d summary")
    page.page.wait_for_selector("#table-ablations_m_d td")
    assert page.page.locator("#table-ablations_m_d td").count() == 30
    assert page.page.locator("script").count() == 3


@pytest.mark.parametrize(("button", "start"), [("#save-png", b"\x89PNG"), ("#save-svg", b"<svg")])
def test_the_heatmap_is_downloaded(german: Opened, button: str, start: bytes) -> None:
    with german.page.expect_download() as waiting:
        german.page.click(button)
    path = waiting.value.path()
    assert path.read_bytes().startswith(start) and waiting.value.suggested_filename.startswith(
        "heatmap_transferability_mbert"
    )


def test_pairs_and_leaderboard_are_downloaded_as_csv(german: Opened, shown_runs: Path) -> None:
    with german.page.expect_download() as waiting:
        german.page.click("#save-pairs")
    run = german_run(shown_runs)
    rows = list(csv.DictReader(waiting.value.path().read_text("utf-8").splitlines()))
    assert [float(row["accuracy"]) for row in rows] == pytest.approx([row.accuracy for row in run.pairs])
    german.page.click("#view-overview")
    with german.page.expect_download() as waiting:
        german.page.click("#save-leaderboard")
    rows = list(csv.DictReader(waiting.value.path().read_text("utf-8").splitlines()))
    assert {row["language"] for row in rows} >= {"", "de", "ko"} and set(rows[0]) >= {"held_out_low", "result"}


def test_an_address_of_an_earlier_page_finds_its_ablation(browser: Browser, several_page: Path) -> None:
    old = GERMAN.replace("model=mbert", "model=mbert_random")
    with opened(browser, several_page, old) as page:
        assert page.page.input_value("#intervention") == "random" and page.page.is_visible("#heatmap")
        page.page.keyboard.press("Tab")
        page.page.keyboard.press("Enter")
        assert page.page.input_value("#intervention") == "random", "the link that skips to the content changes nothing"
        assert page.wrong == []
