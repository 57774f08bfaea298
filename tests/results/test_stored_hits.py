"""Hits come back from their Parquet files as they were written, and a broken file says so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.types import Fact, Hits, LayerPair, all_pairs
from lrp2_bench.results.hits import write_hits
from lrp2_bench.results.hits_table import distinct, joined
from lrp2_bench.results.stored_hits import _in_order, read_hits

SETTINGS = (None, *all_pairs(3))


def facts(relation: str, *uuids: str) -> list[Fact]:
    return [Fact(relation, line, uuid, "s", "s", "o", "o") for line, uuid in enumerate(uuids)]


@pytest.fixture
def written(tmp_path: Path) -> tuple[Path, Hits]:
    """Two relations that share a uuid, their order and their facts' not that of the alphabet."""
    hits = np.random.default_rng(0).integers(-1, 2, (4, 5)).astype(np.int8)
    hits[[0, 2]] = 1 - np.abs(hits[[0, 2]])
    path = tmp_path / "hits.parquet"
    parts = [("P36", facts("P36", "c", "a"), hits[:, :2]), ("P30", facts("P30", "b", "a", "d"), hits[:, 2:])]
    write_hits(path, [(name, named, SETTINGS, part) for name, named, part in parts])
    return path, hits


def test_hits_come_back_in_the_order_of_the_file(written: tuple[Path, Hits]) -> None:
    path, hits = written
    stored = read_hits(path)
    assert stored.facts == (("P36", "c"), ("P36", "a"), ("P30", "b"), ("P30", "a"), ("P30", "d"))
    assert stored.relations == ("P36", "P36", "P30", "P30", "P30")
    assert stored.settings == SETTINGS
    assert (stored.hits == hits).all()


def test_a_file_saved_again_by_pandas_reads_the_same(written: tuple[Path, Hits]) -> None:
    path, hits = written
    table = pd.read_parquet(path).astype({"relation": str, "uuid": str, "lirp": "Int16", "lsrp": "Int16"})
    table.to_parquet(path)
    assert (read_hits(path).hits == hits).all()


def test_a_row_is_given_only_if_every_fact_was_evaluated(written: tuple[Path, Hits]) -> None:
    path, hits = written
    stored = read_hits(path)
    baseline = stored.row(None)
    assert baseline is not None and (baseline == hits[0]).all()
    assert (hits[1] == -1).any() and stored.row(LayerPair(1, 2)) is None
    assert stored.row(LayerPair(1, 9)) is None


def test_hits_are_found_by_fact(written: tuple[Path, Hits]) -> None:
    path, hits = written
    stored = read_hits(path)
    wanted = (("P30", "a"), ("P99", "a"), ("P36", "a"))
    assert stored.by_fact(LayerPair(1, 3), wanted).tolist() == [hits[2, 3], -1, hits[2, 1]]
    assert stored.by_fact(LayerPair(2, 9), wanted).tolist() == [-1, -1, -1]


def test_a_missing_file_names_the_next_step(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"hits\.parquet' is missing.*search` again"):
        read_hits(tmp_path / "hits.parquet")


@pytest.mark.parametrize("highest", [3, 900, 500_000, 2**40], ids=["repeated", "few", "gaps", "too wide for a table"])
def test_the_table_of_codes_finds_what_sorting_them_does(highest: int) -> None:
    codes = np.random.default_rng(0).integers(0, highest, 2_000)
    known, place = distinct(codes)
    by_sorting, first, places = np.unique(codes, return_index=True, return_inverse=True)
    assert (known == by_sorting).all() and (place == places).all()
    ordered, rank = _in_order(codes)
    assert ordered.tolist() == list(dict.fromkeys(codes.tolist())) == codes[np.sort(first)].tolist()
    assert (ordered[rank] == codes).all()


def test_codes_of_more_facts_than_32_bits_count_stay_apart() -> None:
    high, low = (np.array(one, dtype=np.int32) for one in ([0, 1, 70_000], [5, 5, 69_999]))
    assert joined(high, low, 70_000).tolist() == [5, 70_005, 70_000 * 70_000 + 69_999]


@pytest.mark.parametrize("damage", ["cut", "text", "empty", "columns", "no rows", "no fact"])
def test_a_damaged_file_is_an_error_with_its_name(written: tuple[Path, Hits], damage: str) -> None:
    path, _ = written
    table = pd.read_parquet(path)
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-20])
    elif damage == "text":
        path.write_text("relation,uuid")
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "columns":
        table.drop(columns="uuid").to_parquet(path)
    elif damage == "no rows":
        table[:0].to_parquet(path)
    else:
        table.assign(uuid=None).to_parquet(path)
    with pytest.raises(BenchError, match=r"hits\.parquet' is damaged \("):
        read_hits(path)


def test_a_pivot_that_shares_no_fact_has_hits_of_none_and_is_not_damaged(tmp_path: Path) -> None:
    path = tmp_path / "pivot_hits.parquet"
    write_hits(path, [])
    found = read_hits(path, may_be_empty=True)
    assert found.by_fact(None, [("P36", "a")]).tolist() == [-1]
    with pytest.raises(BenchError, match="damaged"):
        read_hits(path)
