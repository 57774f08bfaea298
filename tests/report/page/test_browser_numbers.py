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
    run, found = german_run(shown_runs), assess_runs(runs_of_german(shown_runs), "transferability").assessed["de"]
    said = re.fullmatch(
        r"Held-out gain of transferability: (\S+) points, 95 % interval (\S+) to (\S+)", german.text("#headline")
    )
    assert said, german.text("#headline")
    gain = found.assessed.measured["transferability"].held_out
    assert [number(part) for part in said.groups()] == pytest.approx([gain.value, gain.low, gain.high], abs=0.00501)
    best = run.best("transferability")
    assert best is not None
    second = re.search(
        r"In-sample: best pair LIRP (\d+), LSRP (\d+): transferability ([\d.]+) "
        r"\((\S+), 95 % interval (\S+) to (\S+)\)",
        german.text("#remarks"),
    )
    assert second, german.text("#remarks")
    assert (int(second[1]), int(second[2])) == (best.lirp, best.lsrp)
    assert number(second[3]) == pytest.approx(best.transferability, abs=0.0501)
    change = best.transferability - run.baseline.transferability
    assert number(second[4]) == pytest.approx(change, abs=0.00501)
    assert number(second[5]) < change < number(second[6])
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
    assert metric in german.text("#heatmap-title") and metric in german.text("#headline")


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
    gain = found.assessed.measured["transferability"].held_out
    shown = [number(row[place]) for place in (5, 8, 9, 10, 11, 14, 15, 16)]
    expected = [
        gain.value, found.shrunken.value, run.baseline.transferability, best.transferability,
        best.transferability - run.baseline.transferability,
        run.baseline.accuracy, best.accuracy, best.accuracy - run.baseline.accuracy,
    ]  # fmt: skip
    assert shown == pytest.approx(expected, abs=0.0501)
    ps = (found.held_out_p, found.p, found.assessed.naive.p, found.naive_p)
    assert [row[place] for place in (7, 13, 17, 18)] == [f"{p:.3f}" if p >= 0.001 else "<0.001" for p in ps]
    heads = german.page.locator("#table thead tr:first-child .group").all_inner_texts()
    assert heads == ["Held-out", "Transferability", "Accuracy", "Naive (McNemar)"]


def test_the_p_beside_a_metric_is_about_it_and_mcnemars_is_named_naive(german: Opened, shown_runs: Path) -> None:
    for metric in ("transferability", "accuracy"):
        german.page.check(f"input[name=metric][value={metric}]", force=True)
        found = assess_runs(runs_of_german(shown_runs), metric).assessed["de"]
        said = german.text("#remarks")
        bias = re.search(r"selection bias (\S+)\.", said)
        assert bias and number(bias[1]) == pytest.approx(found.assessed.measured[metric].selection_bias, abs=0.00502)
        tests = re.search(
            r"Test that the held-out gain is 0: p (\S+) \((\S+) by Holm for 4 languages\)[^$]*"
            rf"No pair is better than the baseline in {metric}: p (\S+) by max-T[^$]*"
            r"(\d+) miss→hit, (\d+) hit→miss; naive p of accuracy \(McNemar\) (\S+)\.",
            said,
        )
        assert tests, said
        assert (int(tests[4]), int(tests[5])) == (found.assessed.naive.gained, found.assessed.naive.lost)
        ps = (found.assessed.held_out.p[metric], found.held_out_p, found.p, found.assessed.naive.p)
        assert [tests[place] for place in (1, 2, 3, 6)] == [f"{p:.3f}" if p >= 0.001 else "<0.001" for p in ps]
    german.page.select_option("#language", label="Turkish")
    assert "held-out" not in german.text("#remarks")


def test_a_baseline_and_the_pivot_say_what_they_lack(german: Opened) -> None:
    german.page.select_option("#language", label="Turkish")
    assert german.text("#headline") == "Baseline: transferability 13.0"
    assert "No pair of layers was searched" in german.text("#remarks")
    assert not german.page.is_visible("#heatmap") and not german.page.is_visible("#facts")
    german.page.select_option("#language", label="English (pivot)")
    assert "This is the pivot" in german.text("#remarks")
