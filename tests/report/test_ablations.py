"""The table of ablations pairs changes of one baseline alone, and says which runs have another."""

from __future__ import annotations

from pathlib import Path

from lrp2_bench.render.table import Table
from lrp2_bench.report.tables.ablations import ablation_tables
from lrp2_bench.results.runs import find_runs
from tests.support.page_runs import write_page_run


def write(root: Path, language: str, projection: str, seed: int = 0, pool: int | str = "full") -> Path:
    """A run of hits that ``seed`` draws, of whatever baseline that gives."""
    return write_page_run(
        root / projection, language, blocks=3, seed=seed,
        manifest={
            "projection": {"kind": projection, "label": projection},
            "identity": {"probing": {"pool_size": pool}},
        },
    )  # fmt: skip


def table_of(root: Path) -> Table:
    (table,) = ablation_tables(find_runs([root])[0], "accuracy")
    return table


def test_a_run_of_another_baseline_has_no_row_and_is_named_with_the_settings_that_differ(tmp_path: Path) -> None:
    for language in ("de", "fr"):
        write(tmp_path, language, "lrp2", pool=10)
        write(tmp_path, language, "affine", pool=10)
    write(tmp_path, "de", "random", pool=10)
    folder = write(tmp_path, "fr", "random", seed=1)
    table = table_of(tmp_path)
    assert [row[:2] for row in table.rows] == [
        ("de", "lrp2"), ("de", "affine"), ("de", "random"), ("fr", "lrp2"), ("fr", "affine"),
    ]  # fmt: skip
    first = table.notes[0]
    assert first.startswith("fr has no row of random: its baseline is not that of lrp2") and str(folder) in first
    assert "differ in probing.pool_size" in first and not any("has no row" in note for note in table.notes[1:])


def test_other_answers_of_the_pivot_are_another_baseline_as_well(tmp_path: Path) -> None:
    lrp2, random = (write(tmp_path, "de", projection) for projection in ("lrp2", "random"))
    assert len(table_of(tmp_path).rows) == 2
    other = write(tmp_path / "elsewhere", "de", "random", seed=1)
    (random / "pivot_hits.parquet").write_bytes((other / "pivot_hits.parquet").read_bytes())
    (tmp_path / "elsewhere").rename(tmp_path.parent / f"{tmp_path.name} elsewhere")
    table = table_of(tmp_path)
    assert [row[:2] for row in table.rows] == [("de", "lrp2")] and str(lrp2) in table.notes[0]
    assert "of the same settings" in table.notes[0]


def test_that_lrp2_was_not_searched_is_said_of_these_settings(tmp_path: Path) -> None:
    write(tmp_path, "de", "random")
    assert table_of(tmp_path).notes[0].startswith("No search of LRP2 has these settings")
