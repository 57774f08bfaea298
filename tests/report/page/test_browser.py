"""The page as a user has it, in a real browser: every control does what it says, and nothing goes wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lrp2_bench.report.judged_runs import JudgedRuns, judge_runs
from lrp2_bench.report.page.build import write_page
from lrp2_bench.report.page.data import Choices
from lrp2_bench.report.runs import Run, Unfinished, find_runs
from tests.support.browser import Opened, chromium, opened
from tests.support.page_runs import judged_groups, write_page_run
from tests.support.run_folders import write_run

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.system

PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
GERMAN = "#model=mbert&dataset=mlama&language=de&metric=transferability"
HOSTILE = "<img src=x onerror=alert(1)></script><script>alert(2)</script>&lt;b&gt;"


def write(groups: list[JudgedRuns], folder: Path, unfinished: tuple[Unfinished, ...] = ()) -> Path:
    return write_page(groups, unfinished, folder, Choices())[0]


def runs_of(root: Path) -> list[JudgedRuns]:
    return judged_groups(find_runs([root])[0])


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("runs")
    for language in ("de", "fr", "ko", "sq"):
        write_page_run(root, language, blocks=12, facts=60)
    write_page_run(root, "de", model="tiny", dataset="cldr")
    write_page_run(root, "fr", model="tiny", dataset="other")
    write_run(root, "en", (60, 100))
    write_run(root, "tr", (12, 13))
    return root


@pytest.fixture(scope="module")
def path(root: Path) -> Path:
    return write(runs_of(root), root / "report", (Unfinished(root, "mbert", "mlama", "cy", "still running"),))


@pytest.fixture
def german(browser: Browser, path: Path) -> Iterator[Opened]:
    with opened(browser, path, GERMAN) as page:
        yield page
        assert page.wrong == []


def german_run(root: Path) -> Run:
    return next(run for run in find_runs([root])[0] if (run.model, run.language) == ("mbert", "de"))


def runs_of_german(root: Path) -> list[Run]:
    """The German run with those beside which its p-values are corrected."""
    return [run for run in find_runs([root])[0] if run.model == "mbert"]


def number(text: str) -> float:
    return float(text.replace("−", "-").replace("+", ""))


def test_the_verdict_says_the_best_pair_and_its_numbers(german: Opened, root: Path) -> None:
    run = german_run(root)
    best = run.best("transferability")
    assert best is not None
    said = german.text("h1")
    found = re.fullmatch(
        r"Best pair LIRP (\d+), LSRP (\d+): transferability ([\d.]+) \((\S+), 95 % interval (\S+) to (\S+)\) "
        r"over the untouched model", said
    )  # fmt: skip
    assert found, said
    assert (int(found[1]), int(found[2])) == (best.lirp, best.lsrp)
    assert number(found[3]) == pytest.approx(best.transferability, abs=0.0501)
    change = best.transferability - run.baseline.transferability
    assert number(found[4]) == pytest.approx(change, abs=0.00501)
    assert number(found[5]) < change < number(found[6])
    assert "The paper’s pair, " in german.text("#remarks") and "cy" not in german.text("#language")
    assert "Welsh: still running" in german.text("#unfinished")


@pytest.mark.parametrize("metric", ["transferability", "accuracy"])
def test_every_cell_is_that_of_pairs_csv(german: Opened, root: Path, metric: str) -> None:
    german.page.check(f"input[name=metric][value={metric}]", force=True)
    run = german_run(root)
    drawn = german.drawn("heatmap", "changes")
    cells = {
        (lirp, lsrp): cell
        for lirp, row in zip(drawn["y"], drawn["z"], strict=True)
        for lsrp, cell in zip(drawn["x"], row, strict=True)
        if cell is not None
    }
    baseline = getattr(run.baseline, metric)
    assert cells == pytest.approx({(row.lirp, row.lsrp): getattr(row, metric) - baseline for row in run.pairs})
    best = run.best(metric)
    assert best is not None
    star = german.drawn("heatmap", "best")
    assert (star["y"][0], star["x"]) == (pytest.approx(best.lirp, abs=0.3), [best.lsrp])
    ring, outline = german.drawn("heatmap", "paper"), german.drawn("heatmap", "as good")
    assert ring["x"] == [4, 4] and ring["y"] == [3, 3], "Table 4: German 3/4"
    assert len(outline["x"]) >= 3 * 4, "four sides of one cell at least"
    assert metric in german.text("#heatmap-title") and metric in german.text("h1")


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
    assert {"model", "dataset", "language", "metric", "theme", "heatmap", "won-more", "class", "pair"} <= reached
    assert all(name.strip() for control, name in seen if control), seen


def test_a_cell_tells_its_numbers_and_a_click_chooses_it(german: Opened, root: Path) -> None:
    x, y = german.cell(3, 7)
    german.page.mouse.move(x - 2, y)
    german.page.mouse.move(x, y)
    german.page.wait_for_selector("#tip:not([hidden])")
    said = german.text("#tip")
    row = next(row for row in german_run(root).pairs if (row.lirp, row.lsrp) == (3, 7))
    shown = re.search(r"Transferability ([\d.]+) .*\nAccuracy ([\d.]+) ", said)
    assert said.startswith("LIRP 3, LSRP 7\n") and shown, said
    assert [number(text) for text in shown.groups()] == pytest.approx([row.transferability, row.accuracy], abs=0.00501)
    assert re.search(r"\d+ facts won, \d+ lost", said)
    german.page.mouse.click(x, y)
    assert german.text("#readout-title") == "Pair LIRP 3, LSRP 7"
    german.page.mouse.move(5, 5)
    german.page.wait_for_selector("#tip", state="hidden")


def test_alignment_tells_its_layers(german: Opened) -> None:
    german.page.locator("#alignment").scroll_into_view_if_needed()
    box = german.page.locator("#alignment .nsewdrag").bounding_box()
    assert box is not None
    german.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    german.page.wait_for_selector("#tip:not([hidden])")
    assert re.fullmatch(r"Layer 6\nuntouched \S+\nwith LRP2 \S+", german.text("#tip"))
    lines = german.drawn("alignment", "LRP2")["y"], german.drawn("alignment", "untouched")["y"]
    assert len(lines[0]) == len(lines[1]) == 13 and lines[0] != lines[1]


def test_facts_are_listed_and_more_on_demand(german: Opened) -> None:
    count = int(german.text("#won-title").split()[0])
    assert german.page.locator("#won li").count() == 6 < count
    assert re.search(r"de subject \d+ of P\d+ is in de told of de answer \d+ \.", german.text("#won li >> nth=0"))
    assert german.page.get_attribute("#won li >> nth=0 >> .query", "lang") == "de"
    german.page.click("#won-more")
    assert german.page.locator("#won li").count() == min(count, 40)
    german.page.click("#won-more")
    assert german.page.locator("#won li").count() == 6


def test_the_table_sorts_by_each_column_and_missing_values_stay_last(german: Opened) -> None:
    assert german.column(1) == ["Albanian", "English (pivot)", "French", "German", "Korean", "Turkish"]
    german.page.click("#table [data-key=transferability-change]")
    changes = german.column(8)
    assert changes[4:] == ["–", "–"]
    assert [number(text) for text in changes[:4]] == sorted((number(text) for text in changes[:4]), reverse=True)
    assert german.page.get_attribute("#table th:nth-child(8)[aria-sort]", "aria-sort") == "descending"
    german.page.keyboard.press("Enter")
    assert german.column(8)[:4] == changes[3::-1] and german.column(8)[4:] == ["–", "–"]
    keys = german.page.eval_on_selector_all("#table thead [data-key]", "all => all.map((one) => one.dataset.key)")
    assert len(keys) == 16
    for key in keys:
        german.page.click(f"#table [data-key={key}]")
        assert german.page.locator("#table [aria-sort]").count() == 1


def test_the_tables_numbers_are_the_runs_own(german: Opened, root: Path) -> None:
    run = german_run(root)
    best = run.best("transferability")
    assert best is not None
    row = [cell.strip() for cell in german.page.locator("#table tr.current > *").all_inner_texts()]
    assert row[:4] == ["German", "High", "Indo-European", f"{best.lirp}/{best.lsrp}"]
    found = judge_runs(runs_of_german(root), "transferability").judged["de"]
    honest = found.judged.measured["transferability"].honest
    shown = [number(row[place]) for place in (5, 6, 7, 9, 10, 11, 12)]
    expected = [
        run.baseline.transferability, best.transferability, best.transferability - run.baseline.transferability,
        honest, run.baseline.accuracy, best.accuracy, best.accuracy - run.baseline.accuracy,
    ]  # fmt: skip
    assert shown == pytest.approx(expected, abs=0.0501)
    assert row[13:] == [f"{p:.3f}" if p >= 0.001 else "<0.001" for p in (found.judged.test.p, found.p, found.honest_p)]
    heads = german.page.locator("#table thead tr:first-child .group").all_inner_texts()
    assert heads == ["Transferability", "Accuracy", "Facts won and lost"]


def test_the_honest_change_and_the_corrected_p_stand_beside_the_plain_ones(german: Opened, root: Path) -> None:
    for metric in ("transferability", "accuracy"):
        german.page.check(f"input[name=metric][value={metric}]", force=True)
        found = judge_runs(runs_of_german(root), metric).judged["de"]
        said = german.text("#remarks")
        honest = re.search(r"Honest change: (\S+), .* flatters by (\S+)\.", said)
        assert honest, said
        measured = found.judged.measured[metric]
        assert number(honest[1]) == pytest.approx(measured.honest, abs=0.00501)
        assert number(honest[2]) == pytest.approx(measured.optimism, abs=0.00502)
        tests = re.search(
            r"(\d+) won, (\d+) lost, p (\S+) \((\S+) by Holm for 4 languages\); .* p (\S+) \((\S+)\)\.", said
        )
        assert tests, said
        assert (int(tests[1]), int(tests[2])) == (found.judged.test.gained, found.judged.test.lost)
        ps = (found.judged.test.p, found.p, found.judged.honest.p, found.honest_p)
        assert list(tests.groups()[2:]) == [f"{p:.3f}" if p >= 0.001 else "<0.001" for p in ps]
    german.page.select_option("#language", label="Turkish")
    assert "Honest" not in german.text("#remarks")


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


def test_a_baseline_and_the_pivot_say_what_they_lack(german: Opened) -> None:
    german.page.select_option("#language", label="Turkish")
    assert german.text("h1") == "Untouched model: transferability 13.0"
    assert "No pair of layers was searched" in german.text("#remarks")
    assert not german.page.is_visible("#heatmap") and not german.page.is_visible("#facts")
    german.page.select_option("#language", label="English (pivot)")
    assert "This is the pivot" in german.text("#remarks")


def background(page: Opened) -> float:
    """Lightness of the page, 0 to 255."""
    rgb: str = page.page.evaluate("getComputedStyle(document.body).backgroundColor")
    return sum(int(part) for part in re.findall(r"\d+", rgb)[:3]) / 3


def test_it_is_dark_where_the_system_is_and_the_button_overrules_it_for_good(browser: Browser, path: Path) -> None:
    with opened(browser, path, GERMAN, color_scheme="dark") as page:
        assert background(page) < 40
        dark = page.drawn("heatmap", "changes")["colorscale"]
        page.page.click("#theme")
        assert background(page) > 240 and page.drawn("heatmap", "changes")["colorscale"] != dark
        page.page.reload()
        assert background(page) > 240
        assert page.wrong == []
    with opened(browser, path, GERMAN, color_scheme="light") as page:
        assert background(page) > 240
        page.page.emulate_media(color_scheme="dark")
        page.page.locator("#theme", has_text="Light").wait_for()
        assert background(page) < 40 and page.drawn("heatmap", "changes")["colorscale"] == dark


@pytest.mark.parametrize("width", [320, 390, 768])
def test_a_narrow_screen_holds_the_page(browser: Browser, path: Path, width: int) -> None:
    with opened(browser, path, GERMAN, **(PHONE | {"viewport": {"width": width, "height": 844}})) as page:
        assert page.page.evaluate("document.documentElement.scrollWidth") <= width
        box = page.page.locator("#heatmap").bounding_box()
        assert box is not None and 250 < box["width"] <= width
        page.page.tap("#won-more")
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
    page_path = write(groups, tmp_path / "report", (unfinished,))
    for group in groups:
        with opened(browser, page_path) as page:
            page.page.select_option("#model", index=groups.index(group))
            for more in ("#won-more", "#lost-more"):
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
def test_an_address_of_another_page_opens_this_one(browser: Browser, path: Path, address: str) -> None:
    with opened(browser, path, address) as page:
        assert page.text("h1").startswith("Best pair")
        assert page.wrong == []


def test_a_single_pair_of_a_model_with_two_blocks_is_drawn(browser: Browser, tmp_path: Path) -> None:
    write_page_run(tmp_path, "de", blocks=2)
    with opened(browser, write(runs_of(tmp_path), tmp_path)) as page:
        assert page.text("h1").startswith("Best pair LIRP 1, LSRP 2")
        assert page.text("#frequent") == "1/2 1 language German"
        assert page.wrong == []
