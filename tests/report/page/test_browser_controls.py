"""Every control of the page does what it says in a real browser, by mouse and by keys."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.report.page.conftest import german_run, number
from tests.support.browser import Opened

pytestmark = pytest.mark.system


def test_another_language_changes_title_heatmap_and_address(german: Opened) -> None:
    before = german.page.title(), german.text("#heatmap-title"), german.drawn("heatmap", "changes")["z"]
    german.page.select_option("#language", label="Korean")
    after = german.page.title(), german.text("#heatmap-title"), german.drawn("heatmap", "changes")["z"]
    assert all(one != other for one, other in zip(before, after, strict=True))
    assert "Korean" in after[0] and "Korean" in after[1] and "language=ko" in german.page.url
    german.page.reload()
    assert german.page.input_value("#language") and "Korean" in german.text("#overline")


def test_model_and_dataset_are_chosen_and_the_language_stays_where_there_is_one(german: Opened) -> None:
    german.page.select_option("#model", "tiny")
    assert "German · tiny on cldr" in german.text("#overline")
    assert german.page.locator("#dataset option").all_inner_texts() == ["cldr", "other"]
    german.page.select_option("#dataset", "other")
    assert "French · tiny on other" in german.text("#overline")


def test_the_arrow_keys_move_over_the_pairs_and_home_goes_back(german: Opened) -> None:
    title = german.text("#readout-title")
    lirp, lsrp = map(int, re.findall(r"\d+", title))
    german.page.focus("#heatmap")
    german.page.keyboard.press("ArrowRight")
    assert german.text("#readout-title") == f"Pair LIRP {lirp}, LSRP {lsrp + 1}"
    german.page.keyboard.press("ArrowDown")
    assert german.text("#readout-title") == f"Pair LIRP {lirp - 1}, LSRP {lsrp + 1}"
    for _ in range(20):
        german.page.keyboard.press("ArrowRight")
    assert german.text("#readout-title") == f"Pair LIRP {lirp - 1}, LSRP 12", "the grid has an end"
    german.page.keyboard.press("Home")
    assert german.text("#readout-title") == title


def test_every_control_is_reached_with_the_tabulator_and_has_a_name(german: Opened) -> None:
    seen = []
    for _ in range(60):
        german.page.keyboard.press("Tab")
        seen.append(
            german.page.evaluate("""() => { const e = document.activeElement;
                const label = e.labels && e.labels.length ? e.labels[0].innerText : "";
                const by = (e.getAttribute("aria-labelledby") || "").split(" ").filter(Boolean)
                    .map((id) => document.getElementById(id).innerText).join(" ");
                return [e.id || e.name || e.dataset.key || e.className, e.getAttribute("aria-label") || by || label ||
                    e.innerText]; }""")
        )
    reached = {control for control, _ in seen}
    assert {"model", "dataset", "language", "metric", "theme", "heatmap", "gained-more", "class", "pair"} <= reached
    assert all(name.strip() for control, name in seen if control), seen


def test_a_cell_tells_its_numbers_and_a_click_chooses_it(german: Opened, shown_runs: Path) -> None:
    x, y = german.cell(3, 7)
    german.page.mouse.move(x - 2, y)
    german.page.mouse.move(x, y)
    german.page.wait_for_selector("#tip:not([hidden])")
    said = german.text("#tip")
    row = next(row for row in german_run(shown_runs).pairs if (row.lirp, row.lsrp) == (3, 7))
    shown = re.search(r"Transferability ([\d.]+) .*\nAccuracy ([\d.]+) ", said)
    assert said.startswith("LIRP 3, LSRP 7\n") and shown, said
    assert [number(text) for text in shown.groups()] == pytest.approx([row.transferability, row.accuracy], abs=0.00501)
    assert re.search(r"\d+ miss→hit, \d+ hit→miss", said)
    german.page.mouse.click(x, y)
    assert german.text("#readout-title") == "Pair LIRP 3, LSRP 7"
    german.page.mouse.move(5, 5)
    german.page.wait_for_selector("#tip", state="hidden")


def test_the_table_sorts_by_each_column_and_missing_values_stay_last(german: Opened) -> None:
    assert german.column(1) == ["Albanian", "English (pivot)", "French", "German", "Korean", "Turkish"]
    german.page.click("#table [data-key=transferability-change]")
    changes = german.column(12)
    assert changes[4:] == ["–", "–"]
    assert [number(text) for text in changes[:4]] == sorted((number(text) for text in changes[:4]), reverse=True)
    assert german.page.get_attribute("#table th:nth-child(12)[aria-sort]", "aria-sort") == "descending"
    german.page.keyboard.press("Enter")
    assert german.column(12)[:4] == changes[3::-1] and german.column(12)[4:] == ["–", "–"]
    keys = german.page.eval_on_selector_all("#table thead [data-key]", "all => all.map((one) => one.dataset.key)")
    assert len(keys) == 19
    for key in keys:
        german.page.click(f"#table [data-key={key}]")
        assert german.page.locator("#table [aria-sort]").count() == 1


def test_a_language_is_chosen_in_the_table_and_on_the_map(german: Opened) -> None:
    german.page.click("#table tbody button >> text=Albanian")
    assert "Albanian" in german.text("#overline")
    point = german.page.evaluate("""() => { const gd = document.getElementById("map");
        const trace = gd.data.find((one) => one.name === "medium");
        const box = gd.querySelector(".nsewdrag").getBoundingClientRect(); gd.scrollIntoView();
        const now = gd.querySelector(".nsewdrag").getBoundingClientRect();
        return [now.left + gd._fullLayout.xaxis.l2p(trace.x[0]), now.top + gd._fullLayout.yaxis.l2p(trace.y[0])]; }""")
    german.page.mouse.move(point[0] - 1, point[1])
    german.page.mouse.move(*point)
    german.page.wait_for_selector("#tip:not([hidden])")
    assert german.text("#tip").startswith("Korean\nBest pair ")
    german.page.mouse.click(*point)
    assert "Korean" in german.text("#overline")


def test_classes_filter_the_table_the_map_and_the_summary(german: Opened) -> None:
    assert german.page.locator("#chips button").all_text_contents() == ["High 2", "Medium 2", "Low 1"]
    assert "of 4 languages" in german.text("#summary")
    german.page.click("#chips button >> text=High")
    assert german.column(1) == ["Albanian", "English (pivot)", "Korean", "Turkish"]
    assert german.drawn("map", "high")["x"] == [] and "of 2 languages" in german.text("#summary")
    german.page.check("input[name=class][value=family]", force=True)
    assert german.page.locator("#chips button").all_text_contents() == ["Indo-European 3", "Koreanic 1", "Turkic 1"]
    assert len(german.column(1)) == 6, "another class starts without a filter"
    assert len(german.drawn("map", "Indo-European")["x"]) == 3
