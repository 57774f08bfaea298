"""What the page says in a real browser is what the runs hold: result, cells, layers, facts, table."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lrp2_bench.report.assessed_runs import assess_runs
from tests.report.page.conftest import german_run, number, runs_of_german
from tests.support.browser import Opened

pytestmark = pytest.mark.system


def test_the_result_says_the_best_pair_and_its_numbers(german: Opened, shown_runs: Path) -> None:
    run = german_run(shown_runs)
    best = run.best("transferability")
    assert best is not None
    said = german.text("h1")
    found = re.fullmatch(
        r"Best pair LIRP (\d+), LSRP (\d+): transferability ([\d.]+) \((\S+), 95 % interval (\S+) to (\S+)\) "
        r"over the baseline", said
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
def test_every_cell_is_that_of_pairs_csv(german: Opened, shown_runs: Path, metric: str) -> None:
    german.page.check(f"input[name=metric][value={metric}]", force=True)
    run = german_run(shown_runs)
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
    ring, outline = german.drawn("heatmap", "paper"), german.drawn("heatmap", "95 % set")
    assert ring["x"] == [4, 4] and ring["y"] == [3, 3], "Table 4: German 3/4"
    assert len(outline["x"]) >= 3 * 4, "four sides of one cell at least"
    assert metric in german.text("#heatmap-title") and metric in german.text("h1")


def test_alignment_tells_its_layers(german: Opened) -> None:
    german.page.locator("#alignment").scroll_into_view_if_needed()
    box = german.page.locator("#alignment .nsewdrag").bounding_box()
    assert box is not None
    german.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    german.page.wait_for_selector("#tip:not([hidden])")
    assert re.fullmatch(r"Layer 6\nbaseline \S+\nwith LRP2 \S+", german.text("#tip"))
    lines = german.drawn("alignment", "LRP2")["y"], german.drawn("alignment", "baseline")["y"]
    assert len(lines[0]) == len(lines[1]) == 13 and lines[0] != lines[1]


def test_facts_are_listed_and_more_on_demand(german: Opened) -> None:
    count = int(german.text("#gained-title").split()[0])
    assert german.page.locator("#gained li").count() == 6 < count
    assert re.search(r"de subject \d+ of P\d+ is in de told of de answer \d+ \.", german.text("#gained li >> nth=0"))
    assert german.page.get_attribute("#gained li >> nth=0 >> .query", "lang") == "de"
    german.page.click("#gained-more")
    assert german.page.locator("#gained li").count() == min(count, 40)
    german.page.click("#gained-more")
    assert german.page.locator("#gained li").count() == 6


def test_the_tables_numbers_are_the_runs_own(german: Opened, shown_runs: Path) -> None:
    run = german_run(shown_runs)
    best = run.best("transferability")
    assert best is not None
    row = [cell.strip() for cell in german.page.locator("#table tr.current > *").all_inner_texts()]
    assert row[:4] == ["German", "High", "Indo-European", f"{best.lirp}/{best.lsrp}"]
    found = assess_runs(runs_of_german(shown_runs), "transferability").assessed["de"]
    held_out = found.assessed.measured["transferability"].held_out
    shown = [number(row[place]) for place in (5, 6, 7, 9, 10, 11, 12)]
    expected = [
        run.baseline.transferability, best.transferability, best.transferability - run.baseline.transferability,
        held_out, run.baseline.accuracy, best.accuracy, best.accuracy - run.baseline.accuracy,
    ]  # fmt: skip
    assert shown == pytest.approx(expected, abs=0.0501)
    assert row[13:] == [
        f"{p:.3f}" if p >= 0.001 else "<0.001" for p in (found.assessed.test.p, found.p, found.held_out_p)
    ]
    heads = german.page.locator("#table thead tr:first-child .group").all_inner_texts()
    assert heads == ["Transferability", "Accuracy", "Miss→hit and hit→miss"]


def test_the_held_out_gain_and_the_corrected_p_stand_beside_the_plain_ones(german: Opened, shown_runs: Path) -> None:
    for metric in ("transferability", "accuracy"):
        german.page.check(f"input[name=metric][value={metric}]", force=True)
        found = assess_runs(runs_of_german(shown_runs), metric).assessed["de"]
        said = german.text("#remarks")
        held_out = re.search(r"Held-out gain: (\S+), .* selection bias (\S+)\.", said)
        assert held_out, said
        measured = found.assessed.measured[metric]
        assert number(held_out[1]) == pytest.approx(measured.held_out, abs=0.00501)
        assert number(held_out[2]) == pytest.approx(measured.selection_bias, abs=0.00502)
        tests = re.search(
            r"(\d+) miss→hit, (\d+) hit→miss, p (\S+) \((\S+) by Holm for 4 languages\); .* p (\S+) \((\S+)\)\.", said
        )
        assert tests, said
        assert (int(tests[1]), int(tests[2])) == (found.assessed.test.gained, found.assessed.test.lost)
        ps = (found.assessed.test.p, found.p, found.assessed.held_out.p, found.held_out_p)
        assert list(tests.groups()[2:]) == [f"{p:.3f}" if p >= 0.001 else "<0.001" for p in ps]
    german.page.select_option("#language", label="Turkish")
    assert "HeldOut" not in german.text("#remarks")


def test_a_baseline_and_the_pivot_say_what_they_lack(german: Opened) -> None:
    german.page.select_option("#language", label="Turkish")
    assert german.text("h1") == "Baseline: transferability 13.0"
    assert "No pair of layers was searched" in german.text("#remarks")
    assert not german.page.is_visible("#heatmap") and not german.page.is_visible("#facts")
    german.page.select_option("#language", label="English (pivot)")
    assert "This is the pivot" in german.text("#remarks")
