"""The folder of a report: the answer first, a tidy table of results, comparisons, and nothing stale or empty."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

import lrp2_bench as lrp2
from lrp2_bench.commands.report import run_report
from lrp2_bench.core.errors import UnknownNameError
from lrp2_bench.render.table import Column, Table
from lrp2_bench.report.files import remove_former, write_tables
from tests.support.synthetic_runs import write_synthetic_run


@pytest.mark.usefixtures("without_figures")
def test_the_index_answers_first_and_results_and_comparison_have_every_run(tmp_path: Path) -> None:
    for model, gain in (("mbert", 0.0), ("xlmr", 1.5)):
        for language in ("de", "fr", "ja"):
            write_synthetic_run(tmp_path, language, model=model, blocks=3, facts=200, gain=gain)
    folder = run_report([tmp_path], None, "transferability", Console(file=io.StringIO(), width=100)).folder
    index = (folder / "index.md").read_text("utf-8")
    first, _, second, rest, *_ = index.split("\n")
    # Three languages that differ this much leave a mean open, however large it is.
    assert first.startswith("**LRP2 with xlmr on mlama, mean of 3 languages: held-out gain of transferability +")
    assert first.endswith(": inconclusive.**") and second.startswith(
        "- LRP2 with mbert on mlama, mean of 3 languages: "
    )
    assert rest == "- Of 2 held-out gains: 2 inconclusive."
    assert index.index("## Leaderboard") < index.index("claims, checked") < index.index("## What was run")
    assert index.rstrip().splitlines()[-1].startswith("- Damage was not measured"), "what is missing comes last"
    for link in (
        "tables/leaderboard.md",
        "data/comparison.csv",
        "results.parquet",
        "tables/significance_xlmr_mlama.md",
    ):
        assert f"({link})" in index and (folder / link).exists()
    written = {path.name: path.read_text("utf-8") for path in folder.rglob("*") if path.suffix in (".md", ".tex")}
    assert len(written) > 10
    odd = re.compile(r"(?<![\d.])[-\u2212]0\.0+(?!\d)|hundredth|x 100|correlation[^|&]*%")
    assert {name: found for name, text in written.items() if (found := odd.findall(text))} == {}
    csv, parquet = pd.read_csv(folder / "results.csv"), pd.read_parquet(folder / "results.parquet")
    assert len(csv) == len(parquet) == 6 and list(csv.columns) == list(parquet.columns)
    assert (csv[csv.model == "xlmr"].transferability_held_out_gain > 0).all()
    rows = pd.read_csv(folder / "data" / "comparison.csv")
    assert list(rows.language.fillna("")) == ["", *rows.language[1:]] and set(rows.dimension) == {"model"}
    low, high = rows.transferability_held_out_low, rows.transferability_held_out_high
    assert ((rows.result == "higher") == (rows.p_holm < 0.05)).all() and not (high < 0).any()
    assert (low[rows.p_holm < 0.05] > 0).all(), "corrected for their number, so no more than intervals exclude 0"
    assert (rows.result == "higher").any() and (rows.result[0] == "inconclusive"), "languages alone, not their mean"

    results = lrp2.load_results(tmp_path)
    compared = results.compare("mbert", "xlmr", dimension="model")
    held_out = compared[(compared["at"] == "held_out") & (compared.metric == "transferability")].set_index("language")
    shown = rows[rows.language.notna()].set_index("language")
    assert held_out.difference.to_dict() == pytest.approx(shown.transferability_held_out.to_dict(), abs=1e-5)
    with pytest.raises(UnknownNameError, match="Did you mean 'model'"):
        results.compare("mbert", "xlmr", dimension="modle")
    with pytest.raises(UnknownNameError, match="Did you mean 'lrp2'"):
        results.compare("lrp2", "lrp", dimension="intervention")


def test_what_an_earlier_version_wrote_is_removed_and_what_a_user_wrote_stays(tmp_path: Path) -> None:
    for form in ("md", "csv", "tex"):
        (tmp_path / f"table1_x.{form}").write_text("## Means\n")
        (tmp_path / f"notes.{form}").write_text("# Mine\n")
    (tmp_path / "page.html").write_text("<p>")
    remove_former(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["notes.csv", "notes.md", "notes.tex"]


def test_a_table_without_rows_is_not_written_and_an_older_one_of_its_name_goes(tmp_path: Path) -> None:
    columns = (Column("a", "a", "text"),)
    write_tables([Table("t", "T", columns, (("1",),))], tmp_path)
    assert len(list(tmp_path.rglob("t.*"))) == 3
    assert write_tables([Table("t", "T", columns, ())], tmp_path) == [] and not list(tmp_path.rglob("t.*"))
