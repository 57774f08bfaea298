"""Tables in LaTeX: they compile with booktabs alone, within the text, and escape what TeX takes for code."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from lrp2_bench.core.types import Interval
from lrp2_bench.render.latex import to_latex
from lrp2_bench.render.table import Column, Table
from tests.support.sample_tables import INTERVALS, PROSE, REASONS, TABLE, hostile_table, long_table

pytestmark = pytest.mark.no_torch


def test_latex_has_booktabs_rules_and_true_minus_signs() -> None:
    text = to_latex(TABLE)
    assert [rule in text for rule in (r"\toprule", r"\midrule", r"\bottomrule")] == [True] * 3
    assert r"de & 3/4 & $20.1$ & $-0.2$ & 3/66 & 100 \\" in text
    assert r"fr & -- & -- & -- & -- & -- \\" in text
    assert r"\begin{tabular}{lrrrrr}" in text
    assert r"\shortstack{accuracy,\\paper}" in text


def test_latex_puts_metrics_into_sections() -> None:
    columns = (Column("metric", "metric", "text"), Column("x", "x", "percent"))
    text = to_latex(Table("t", "t", columns, (("accuracy", 1.0), ("accuracy", 2.0), ("transferability", 3.0))))
    section = r"\multicolumn{1}{l}{\itshape accuracy} \\"
    assert text.split("\n")[7:14] == [r"\toprule", r"x \\", r"\midrule", section, r"$1.0$ \\", r"$2.0$ \\", r"\midrule"]


def test_latex_escapes_hostile_text() -> None:
    text = to_latex(hostile_table())
    assert text.isascii()
    body = text[text.index(r"\toprule") :]
    assert r"\input" not in text
    assert r"\textbackslash{}input\{/etc/passwd\} 50\% \& \$a\_b\textasciicircum{}c\$ \#1" in text
    assert "U+4E2D" in text
    assert not re.search(r"\\\\\s*[\[*]", body)
    unescaped = re.sub(r"\\\\|\\[{}]", "", text)
    assert unescaped.count("{") == unescaped.count("}")


def test_latex_breaks_prose_into_lines_and_ends_its_rows_unmistakably() -> None:
    words = "Many words that take more than a line. " * 3
    rows = (("one", words, 1e-9, words), ("one", "b", 0.5, "*c"), ("two", "c", 1.0, None))
    text = to_latex(Table("t", "t", PROSE.for_readers().columns, rows))
    shares = [float(share) for share in re.findall(r"p\{([\d.]+)\\linewidth\}", text)]
    assert len(shares) == 2 and 0.8 < sum(shares) < 1
    assert [line.endswith(r" \tabularnewline") for line in text.split("\n") if r"\raggedright" in line] == [True] * 3
    assert text.count(r"\addlinespace") == 1, "between two rows"
    assert [line for line in text.split("\n") if r"\itshape" in line] == [
        rf"\multicolumn{{3}}{{l}}{{\itshape {name}}} \\" for name in ("one", "two")
    ]


def test_latex_has_true_minus_signs_in_prose_and_leaves_hyphens_alone() -> None:
    columns = (Column("check", "check", "text"), Column("ours", "ours", "prose"))
    text = to_latex(
        Table("t", "t", columns, (("a", "-0.4 [-0.6, 0.1] of non-Indo-European, Table-4, 1-2"), ("b", "-")))
    )
    assert r"$-$0.4 {[}$-$0.6, 0.1{]} of non-Indo-European, Table-4, 1-2 \\" in text


def wide_table(columns: int) -> Table:
    """Numbers with bounds behind two columns of names and one of long ones."""
    kinds = tuple(Column(f"c{at}", f"transferability gain {at}", "change_interval") for at in range(columns))
    rows = tuple(
        (f"experiment_{row}", f"l{row}", *[Interval(-12.3, -45.6, 78.9)] * columns, "a long remark on it " * 4)
        for row in range(3)
    )
    names = (Column("experiment", "experiment", "text"), Column("language", "language", "text"))
    return Table("wide", "Wide", (*names, *kinds, Column("note", "note", "text")), rows, ("A note.",))


def test_a_table_wider_than_a_text_becomes_several_that_repeat_its_names() -> None:
    text = to_latex(wide_table(12))
    count = text.count(r"\begin{table}")
    assert count == 4 and text.count(r"experiment\_1 & l1 &") == count and text.count("A note.") == 1
    assert re.findall(r"gain\\\\(\d+)", text) == [str(at) for at in range(12)], "every column once"
    assert to_latex(wide_table(3)).count(r"\begin{table}") == 1, "long words are broken before a table is"


def test_prose_is_broken_narrower_before_its_columns_are_parted() -> None:
    text = to_latex(REASONS)
    floats = text.count(r"\begin{table}")
    assert floats == 3 and text.count(r"\raggedright Not tested") == 40, "rows of four lines take as much of a page"
    assert all(text.count(rf"Claim {at} ") == 1 for at in range(40)), "no row without its name, none twice"
    assert r"Needs \texttt{lrp2-bench analyze}." in text
    longer = replace(REASONS, columns=(*REASONS.columns, Column("more", "more", "prose")),
                     rows=tuple((*row, "much more to say on it") for row in REASONS.rows))  # fmt: skip
    parts = re.split(r"\\begin\{table\}", to_latex(longer))[1:]
    assert len(parts) > 3 and all("Claim " in part for part in parts), "what names a row stands in every part"


def test_a_table_longer_than_a_page_becomes_several_floats_with_every_row_once() -> None:
    text = to_latex(long_table(61))
    assert re.findall(r"\\caption\{(.*)\}", text) == ["Long (1 of 3)", "Long (2 of 3)", "Long (3 of 3)"]
    assert re.findall(r"^(l\d+) &", text, re.MULTILINE) == [f"l{row}" for row in range(61)]
    assert text.count(r"\label") == 1 and text.count("A note.") == 1 and text.count(r"\end{table}") == 3
    assert to_latex(long_table(30)).count(r"\begin{table}") == 1
    assert to_latex(long_table(0)).count(r"\begin{table}") == 1


@pytest.mark.system
@pytest.mark.parametrize(
    "table",
    [TABLE, INTERVALS, hostile_table(), PROSE, REASONS, long_table(61), long_table(0), wide_table(3), wide_table(12)],
    ids=["plain", "intervals", "hostile", "prose", "reasons", "long", "empty", "broken", "wide"],
)
def test_latex_compiles_in_a_document_that_loads_booktabs_only(tmp_path: Path, table: Table) -> None:
    # The box that centres a table is as wide as the text; without it, TeX says what is wider.
    text = to_latex(table).replace(r"\makebox[\linewidth][c]{%", "{%")
    (tmp_path / "table.tex").write_text(text, encoding="utf-8")
    document = r"\documentclass{article}\usepackage{booktabs}\begin{document}\input{table}\end{document}"
    (tmp_path / "main.tex").write_text(document, encoding="utf-8")
    # Draft mode: typesetting is what can fail; the fonts of a small installation are not the table's concern.
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-draftmode", "main.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    if "x" * 10_000 not in str(table):  # a cell longer than a page
        assert "Float too large" not in done.stdout and "Overfull" not in done.stdout
