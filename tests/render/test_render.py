"""Each form of a table shows the same cells and escapes what its readers would take for code."""

from __future__ import annotations

import csv
import io
import math
import re
from pathlib import Path

import pytest
from rich.console import Console

from lrp2_bench.core.languages import GROUPS
from lrp2_bench.core.types import Interval
from lrp2_bench.render.latex import to_latex
from lrp2_bench.render.plain import to_csv, to_markdown
from lrp2_bench.render.table import Column, Table
from lrp2_bench.render.terminal import to_terminal
from lrp2_bench.report.tables.group_means import group_means_table
from lrp2_bench.report.tables.optimal_layers import optimal_layers_table
from lrp2_bench.results.runs import find_runs
from tests.support.run_folders import every_pair, write_run
from tests.support.sample_tables import INTERVALS, PROSE, TABLE, hostile_table

pytestmark = pytest.mark.no_torch


def test_markdown_rounds_to_one_decimal_and_signs_changes() -> None:
    lines = to_markdown(TABLE).split("\n")
    assert lines[0] == "## Optimal layers"
    assert lines[3] == "| --- | ---: | ---: | ---: | ---: | ---: |"
    assert lines[4] == "| de | 3/4 | 20.1 | -0.2 | 3/66 | 100 |"
    assert lines[5] == "| fr | – | – | – | – | – |"
    assert lines[6] == "| es | 1/12 | 0.0 | 0.0 | 1/66 | 5 |"
    assert lines[-2] == "- A note."


def test_csv_has_six_decimals_and_numbers_in_columns_of_their_own() -> None:
    rows = list(csv.DictReader(io.StringIO(to_csv(TABLE))))
    assert rows[0] == {
        "language": "de", "best_lirp": "3", "best_lsrp": "4", "accuracy": "20.123457", "gain": "-0.250000",
        "rank": "3", "rank_of": "66", "facts": "100",
    }  # fmt: skip
    assert set(rows[1].values()) == {"fr", ""}


def test_markdown_escapes_hostile_text() -> None:
    text = to_markdown(hostile_table())
    assert not re.search(r"(?<!\\)<script", text)
    assert "\u202e" not in text and "\x1b" not in text
    table = [line for line in text.split("\n") if line.startswith("|")]
    assert [len(re.findall(r"(?<!\\)\|", line)) for line in table] == [3] * 4


def test_p_values_have_three_decimals_for_readers_and_all_they_need_for_programs() -> None:
    assert [line.split(" | ")[2] for line in to_markdown(PROSE).split("\n")[4:7]] == [r"\<0.001", "0.042", "1.000"]
    assert [row["p"] for row in csv.DictReader(io.StringIO(to_csv(PROSE)))] == ["1e-09", "0.0421", "1"]
    assert "$<0.001$" in to_latex(PROSE)


def test_cosines_and_correlations_are_in_their_own_unit_and_nothing_is_minus_zero() -> None:
    kinds = ("ratio", "ratio_interval", "ratio_change_interval", "change_interval", "interval")
    columns = tuple(Column(kind, kind, kind) for kind in kinds)
    near, far = Interval(-0.004, -0.0449, 0.0041), Interval(0.5, 0.251, 0.75)
    table = Table("t", "t", columns, ((-0.004, near, near, near, near), (0.337, far, far, far, far)))
    lines = to_markdown(table).replace("\\", "").split("\n")[4:6]
    assert lines[0] == "| 0.00 | 0.00 [-0.04, 0.00] | 0.00 [-0.04, 0.00] | 0.0 [0.0, 0.0] | 0.0 [0.0, 0.0] |"
    assert lines[1] == "| 0.34 | 0.50 [0.25, 0.75] | +0.50 [0.25, 0.75] | +0.5 [0.3, 0.8] | 0.5 [0.3, 0.8] |"
    assert "0.337000,0.500000,0.251000,0.750000" in to_csv(table), "programs get them as they are"


def test_programs_get_a_value_that_has_no_bounds() -> None:
    columns = tuple(Column(kind, kind, kind) for kind in ("change_interval", "interval"))
    table = Table("t", "t", columns, ((-1.25, 3), (math.nan, None)))
    assert to_csv(table).split("\n")[1:3] == ["-1.250000,,,3.000000,,", ",,,,,"]
    assert "| -1.2 | 3.0 |" in to_markdown(table)


def test_joiners_of_persian_and_hindi_stay_in_what_is_read_and_in_what_programs_read() -> None:
    names = ("کره\u200cشمالی", "क्\u200dष")
    table = Table("t", "t", (Column("answer", "answer", "prose"),), tuple((name,) for name in names))
    for form in (to_csv, to_markdown, printed):
        assert all(name in form(table) for name in names)


def test_columns_for_programs_are_in_csv_alone() -> None:
    assert [row["check"] for row in csv.DictReader(io.StringIO(to_csv(PROSE)))] == ["a", "b", "c"]
    assert not any("check" in text for text in (to_markdown(PROSE), to_latex(PROSE), printed(PROSE)))


def test_an_endless_note_is_cut() -> None:
    assert max(len(line) for line in to_markdown(hostile_table()).split("\n")) < 2000


def printed(table: Table, width: int = 80) -> str:
    file = io.StringIO()
    Console(file=file, width=width).print(to_terminal(table))
    return file.getvalue()


@pytest.mark.parametrize("table", [TABLE, hostile_table(), PROSE], ids=["plain", "hostile", "prose"])
def test_a_terminal_of_80_columns_holds_the_table(table: Table) -> None:
    text = printed(table)
    assert max(len(line) for line in text.split("\n")) <= 80
    assert "\x1b[31m" not in text


def test_an_interval_stands_in_brackets_and_has_its_bounds_in_columns_of_their_own() -> None:
    lines = to_markdown(INTERVALS).split("\n")
    assert lines[4] == r"| de | high | 62.3 \[60.1, 100.0\] | 0.0 \[-1.2, 1.5\] |"
    assert lines[5] == "| fr | high | – | – |"
    rows = list(csv.DictReader(io.StringIO(to_csv(INTERVALS))))
    assert rows[0] == {
        "language": "de", "class": "high", "accuracy": "62.345678", "accuracy_low": "60.100000",
        "accuracy_high": "100.000000", "change": "-0.040000", "change_low": "-1.250000", "change_high": "1.500000",
    }  # fmt: skip
    assert list(rows[1].values()) == ["fr", "high", *[""] * 6]
    text = to_latex(INTERVALS)
    assert (
        r"\begin{tabular}[t]{@{}r@{}}$62.3$\\[-1pt]{\tiny $[60.1{,} 100.0]$}\end{tabular} & "
        r"\begin{tabular}[t]{@{}r@{}}$0.0$\\[-1pt]{\tiny $[{-}1.2{,} 1.5]$}\end{tabular} \\" in text
    )
    assert r"fr & high & -- & -- \\" in text


def test_a_terminal_stacks_bounds_and_a_narrow_one_goes_without_what_is_optional_and_then_without_bounds() -> None:
    def words(width: int) -> list[list[str]]:
        file = io.StringIO()
        Console(file=file, width=width).print(to_terminal(INTERVALS, width))
        assert max(len(line.rstrip()) for line in file.getvalue().split("\n")) <= width
        return [line.split() for line in file.getvalue().split("\n")]

    wide, narrow, tiny = words(60), words(35), words(26)
    assert ["de", "high", "62.3", "0.0"] in wide and ["60.1..100.0", "-1.2..1.5"] in wide
    assert ["de", "62.3", "0.0"] in narrow and ["60.1..100.0", "-1.2..1.5"] in narrow
    assert ["de", "62.3", "0.0"] in tiny and not any(".." in word for line in tiny for word in line)
    assert "narrow" in [word for line in tiny for word in line] and ["fr", "–", "–"] in tiny


@pytest.mark.parametrize("width", [1, 12, 30])
@pytest.mark.parametrize("table", [TABLE, INTERVALS, PROSE], ids=["plain", "intervals", "prose"])
def test_a_terminal_too_narrow_for_columns_has_a_paragraph_a_row_with_every_number(table: Table, width: int) -> None:
    file = io.StringIO()
    Console(file=file, width=width).print(to_terminal(table, width))
    text = file.getvalue()
    assert max(len(line) for line in text.split("\n")) <= width
    packed = "".join(text.split())
    for number in {TABLE: ("20.1", "3/66"), INTERVALS: ("62.3",), PROSE: ("<0.001", "0.042")}[table]:
        assert number in packed
    if width < 30:
        assert "-language:" in packed or "-claimofthepaper:" in packed


def test_numbers_are_whole_in_a_terminal_of_80_columns_and_metrics_are_sections(tmp_path: Path) -> None:
    for language in GROUPS["all"]:
        write_run(tmp_path, language, (99.96, 99.96), every_pair(24, 10.26), model="bloom_560m", blocks=24)
    runs, _ = find_runs([tmp_path])
    for table in (group_means_table(runs, "transferability"), optimal_layers_table(runs, "transferability")):
        text = printed(table)
        assert "…" not in text
        assert all(number in text for number in ("100.0", "10.3"))
    text = printed(group_means_table(runs, "transferability"))
    lines = [line.split() for line in text.split("\n")]
    assert ["accuracy"] in lines and ["transferability"] in lines
    row = "group: all languages; used: 52/52; baseline: 100.0; baseline, paper: 18.0; diff.: +82.0; with LRP2: 10.3;"
    assert row in " ".join(text.split()), "too wide for a table, so a list"


def test_the_terminal_shows_text_in_brackets_as_it_is() -> None:
    assert "[red]x[/red]" in printed(Table("t", "t", (Column("a", "a", "text"),), (("[red]x[/red]",),)))
