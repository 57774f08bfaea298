"""Hits on disk: what goes in comes out, appended chunks stay as they are, damage is set aside and told."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.types import Fact, Hits, LayerPair, all_pairs
from lrp2_bench.results.hits import GONE, SET_ASIDE, HitsStore, holds_hits, require_same_identity, write_hits
from tests.support.commands import snapshot

SETTINGS = (None, *all_pairs(3))  # None, 1/2, 1/3, 2/3


def _facts(relation: str, count: int) -> list[Fact]:
    return [Fact(relation, line, f"{relation}-{line}", "x", "Q1", "y", "Q2") for line in range(count)]


def _hits(rows: int, columns: int, seed: int = 0) -> Hits:
    return np.random.default_rng(seed).integers(0, 2, (rows, columns)).astype(np.int8)


P30, P36 = _facts("P30", 3), _facts("P36", 5)


def _chunks(folder: Path) -> list[Path]:
    return sorted((folder / "relations").glob("*.parquet"))


def test_what_was_stored_comes_back_after_opening_again(tmp_path: Path) -> None:
    store, hits, pivot = HitsStore(tmp_path), _hits(4, 5), _hits(1, 5, seed=1)
    store.append("language", "P36", P36, SETTINGS, hits)
    store.append("pivot", "P36", P36, [None], pivot)
    for opened in (store, HitsStore(tmp_path)):
        assert (opened.load("language", "P36", P36, SETTINGS) == hits).all()
        assert (opened.load("pivot", "P36", P36, [None]) == pivot).all()


def test_what_was_not_stored_is_not_evaluated(tmp_path: Path) -> None:
    store = HitsStore(tmp_path)
    store.append("language", "P36", P36[:3], SETTINGS[:2], np.array([[1, 0, -1], [0, 1, 1]], dtype=np.int8))
    assert store.load("language", "P36", P36, SETTINGS).tolist() == [
        [1, 0, -1, -1, -1], [0, 1, 1, -1, -1], [-1] * 5, [-1] * 5,
    ]  # fmt: skip
    assert (store.load("pivot", "P36", P36, [None]) == -1).all()
    assert (store.load("language", "P30", P30, SETTINGS) == -1).all()


def test_facts_are_found_by_their_id_whatever_their_order(tmp_path: Path) -> None:
    store, hits = HitsStore(tmp_path), _hits(4, 5)
    store.append("language", "P36", P36, SETTINGS, hits)
    assert (store.load("language", "P36", P36[::-1], SETTINGS) == hits[:, ::-1]).all()
    assert (store.load("language", "P36", P36[2:3], SETTINGS[3:]) == hits[3:, 2:3]).all()


def test_a_later_chunk_adds_to_an_earlier_one_and_overrules_it(tmp_path: Path) -> None:
    store = HitsStore(tmp_path)
    store.append("language", "P30", P30, [None], np.array([[1, 1, 1]], dtype=np.int8))
    before = snapshot(tmp_path)
    later = np.array([[0, -1, 0], [1, 0, 1]], dtype=np.int8)
    store.append("language", "P30", P30, [None, LayerPair(1, 2)], later)
    assert HitsStore(tmp_path).load("language", "P30", P30, SETTINGS[:2]).tolist() == [[0, 1, 0], [1, 0, 1]]
    after = snapshot(tmp_path)
    chunk = "relations/P30-language-001.parquet"
    assert after[chunk] == before[chunk], "appending leaves earlier chunks as they are"


def test_a_chunk_whose_journal_line_is_missing_or_torn_does_not_count(tmp_path: Path) -> None:
    store, hits = HitsStore(tmp_path), _hits(4, 3)
    store.append("language", "P30", P30, SETTINGS, hits)
    store.append("language", "P36", P36, SETTINGS, _hits(4, 5))
    journal = tmp_path / "relations" / "journal.jsonl"
    first, second = journal.read_bytes().splitlines(keepends=True)
    for tail in (b"", second[:1], second[:-20], second[:-1]):
        journal.write_bytes(first + tail)
        opened = HitsStore(tmp_path)
        assert (opened.load("language", "P36", P36, SETTINGS) == -1).all()
        assert (opened.load("language", "P30", P30, SETTINGS) == hits).all()


def test_a_torn_journal_line_does_not_swallow_the_next(tmp_path: Path) -> None:
    HitsStore(tmp_path).append("language", "P30", P30, SETTINGS, _hits(4, 3))
    journal = tmp_path / "relations" / "journal.jsonl"
    journal.write_bytes(journal.read_bytes() + b'{"side": "langu')
    torn = journal.read_bytes()
    store = HitsStore(tmp_path)
    store.append("language", "P36", P36, SETTINGS, _hits(4, 5))
    own = tmp_path / "relations" / "journal-002.jsonl"
    own.write_bytes(own.read_bytes() + b'{"si')
    store.append("pivot", "P36", P36, [None], _hits(1, 5))
    assert [json.loads(line)["side"] for line in own.read_text().splitlines()] == ["language", "pivot"]
    assert journal.read_bytes() == torn, "another job's journal is read, never written to"
    assert (HitsStore(tmp_path).load("language", "P30", P30, SETTINGS) == _hits(4, 3)).all()
    assert (HitsStore(tmp_path).load("language", "P36", P36, SETTINGS) == _hits(4, 5)).all()
    assert (HitsStore(tmp_path).load("pivot", "P36", P36, [None]) == _hits(1, 5)).all()


@pytest.mark.parametrize("damage", ["flipped", "cut", "empty"])
def test_a_damaged_chunk_is_set_aside_with_a_warning_and_the_others_stay(
    damage: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = HitsStore(tmp_path)
    store.append("language", "P30", P30, SETTINGS, _hits(4, 3))
    store.append("language", "P36", P36, SETTINGS, _hits(4, 5))
    chunk = tmp_path / "relations" / "P36-language-001.parquet"
    data = bytearray(chunk.read_bytes())
    data[len(data) // 2] ^= 1
    broken = {"flipped": bytes(data), "cut": bytes(data[:-9]), "empty": b""}[damage]
    chunk.write_bytes(broken)
    with caplog.at_level(logging.WARNING):
        opened = HitsStore(tmp_path)
    assert "P36-language-001.parquet" in caplog.text and "computed again" in caplog.text
    assert (opened.load("language", "P36", P36, SETTINGS) == -1).all()
    assert (opened.load("language", "P30", P30, SETTINGS) == _hits(4, 3)).all()
    assert chunk.with_name(chunk.name + ".damaged").read_bytes() == broken


def test_a_chunk_that_is_gone_is_told_and_does_not_count(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    HitsStore(tmp_path).append("language", "P30", P30, SETTINGS, _hits(4, 3))
    _chunks(tmp_path)[0].unlink()
    with caplog.at_level(logging.WARNING):
        opened = HitsStore(tmp_path)
    assert "are gone" in caplog.text
    assert (opened.load("language", "P30", P30, SETTINGS) == -1).all()


@pytest.mark.parametrize("loss", ["damaged", "gone"])
def test_hits_computed_again_are_not_mistaken_for_those_that_were_lost(
    loss: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    HitsStore(tmp_path).append("language", "P30", P30, [None], _hits(1, 3))
    chunk = _chunks(tmp_path)[0]
    if loss == "damaged":
        chunk.write_bytes(b"nonsense")
    else:
        chunk.unlink()
    HitsStore(tmp_path).append("language", "P30", P30, SETTINGS, _hits(4, 3))
    caplog.clear()
    for _ in range(2):
        data_warnings = DataWarnings()
        assert (HitsStore(tmp_path, data_warnings).load("language", "P30", P30, SETTINGS) == _hits(4, 3)).all()
        told = {SET_ASIDE: f"{chunk.name}.damaged"} if loss == "damaged" else {GONE: chunk.name}
        assert data_warnings.as_dict() == {kind: {"count": 1, "examples": [name]} for kind, name in told.items()}
    assert "damaged" not in caplog.text


def test_stores_in_one_folder_keep_to_files_of_their_own_and_see_each_others(tmp_path: Path) -> None:
    first, second = HitsStore(tmp_path), HitsStore(tmp_path)
    first.append("language", "P30", P30, SETTINGS, _hits(4, 3))
    before = snapshot(tmp_path)
    second.append("language", "P30", P30, [None], _hits(1, 3, seed=1))
    second.append("language", "P36", P36, SETTINGS, _hits(4, 5))
    after = snapshot(tmp_path)
    assert {name: after[name] for name in before} == before
    assert (first.load("language", "P36", P36, SETTINGS) == -1).all()
    assert first.refresh() == {"P30", "P36"} and second.refresh() == {"P30"} and first.refresh() == set()
    expected = np.concatenate([_hits(1, 3, seed=1), _hits(4, 3)[1:]])
    for store in (first, second, HitsStore(tmp_path)):
        assert (store.load("language", "P36", P36, SETTINGS) == _hits(4, 5)).all()
        assert (store.load("language", "P30", P30, SETTINGS) == expected).all(), "the same order for every reader"


def test_a_chunk_that_shows_up_after_its_journal_line_counts_from_then_on(tmp_path: Path) -> None:
    HitsStore(tmp_path).append("language", "P30", P30, SETTINGS, _hits(4, 3))
    chunk = _chunks(tmp_path)[0]
    store = HitsStore(tmp_path / "other")
    chunk.rename(tmp_path / "late")
    shutil.copytree(tmp_path / "relations", tmp_path / "other" / "relations")
    assert store.refresh() == set() and (store.load("language", "P30", P30, SETTINGS) == -1).all()
    (tmp_path / "late").rename(tmp_path / "other" / "relations" / chunk.name)
    assert store.refresh() == {"P30"}
    assert (store.load("language", "P30", P30, SETTINGS) == _hits(4, 3)).all()


def test_a_chunk_damaged_after_it_was_checked_is_set_aside_when_it_is_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store, other = HitsStore(tmp_path), HitsStore(tmp_path)
    store.append("language", "P30", P30, SETTINGS, _hits(4, 3))
    store.append("language", "P36", P36, SETTINGS, _hits(4, 5))
    assert other.refresh() == {"P30", "P36"}
    for chunk in _chunks(tmp_path):
        chunk.write_bytes(chunk.read_bytes()[:-1] + b"?")
    assert (store.load("language", "P30", P30, SETTINGS) == -1).all()
    assert (other.load("language", "P30", P30, SETTINGS) == -1).all(), "the other was faster; that is no error"
    assert caplog.text.count("are damaged") == 1


def test_opening_a_store_writes_nothing(tmp_path: Path) -> None:
    store = HitsStore(tmp_path / "run")
    assert (store.load("language", "P30", P30, SETTINGS) == -1).all()
    assert not (tmp_path / "run").exists() and not holds_hits(tmp_path / "run")
    store.append("language", "P30", P30, SETTINGS, _hits(4, 3))
    assert holds_hits(tmp_path / "run")


def test_hits_parquet_has_a_row_per_relation_setting_and_fact_in_that_order(tmp_path: Path) -> None:
    first, second = _hits(4, 3), _hits(4, 5)
    path = tmp_path / "hits.parquet"
    write_hits(path, [("P30", P30, SETTINGS, first), ("P36", P36, SETTINGS, second)])
    table = pd.read_parquet(path)
    assert table.columns.tolist() == ["relation", "uuid", "lirp", "lsrp", "hit"]
    expected = [
        (relation, fact.uuid, setting, bool(hits[row, column]))
        for relation, facts, hits in (("P30", P30, first), ("P36", P36, second))
        for row, setting in enumerate(SETTINGS)
        for column, fact in enumerate(facts)
    ]
    assert table["relation"].tolist() == [row[0] for row in expected]
    assert table["uuid"].tolist() == [row[1] for row in expected]
    assert table["hit"].tolist() == [row[3] for row in expected]
    for column in ("lirp", "lsrp"):
        layers = [getattr(row[2], column) if row[2] else None for row in expected]
        assert [None if pd.isna(value) else int(value) for value in table[column]] == layers


def test_open_facts_are_null_in_hits_parquet_and_open_settings_are_left_out(tmp_path: Path) -> None:
    hits = np.array([[1, -1, 0], [-1, -1, -1], [0, 0, 1], [-1, -1, -1]], dtype=np.int8)
    write_hits(tmp_path / "hits.parquet", [("P30", P30, SETTINGS, hits)])
    rows = pq.read_table(tmp_path / "hits.parquet").to_pylist()
    assert [(row["lirp"], row["lsrp"], row["hit"]) for row in rows] == [
        (None, None, True), (None, None, None), (None, None, False), (1, 3, False), (1, 3, False), (1, 3, True),
    ]  # fmt: skip


def test_no_hits_at_all_are_still_a_table_with_its_columns(tmp_path: Path) -> None:
    write_hits(tmp_path / "hits.parquet", [("P30", [], [None], np.zeros((1, 0), dtype=np.int8))])
    table = pd.read_parquet(tmp_path / "hits.parquet")
    assert table.columns.tolist() == ["relation", "uuid", "lirp", "lsrp", "hit"] and len(table) == 0


IDENTITY = {"model": {"digest": "a", "precision": "float32"}, "seed": 0, "vectors": {"language": None}}


def test_the_same_identity_goes_on_and_open_keys_are_filled(tmp_path: Path) -> None:
    assert require_same_identity({}, IDENTITY, tmp_path) == IDENTITY
    assert require_same_identity(IDENTITY, IDENTITY, tmp_path) == IDENTITY
    filled = {**IDENTITY, "vectors": {"language": "v"}}
    assert require_same_identity(IDENTITY, filled, tmp_path) == filled
    assert require_same_identity(filled, IDENTITY, tmp_path) == filled, "a run without vectors keeps those there were"


def test_another_identity_is_refused_naming_the_keys_that_differ(tmp_path: Path) -> None:
    other = {"model": {"digest": "b", "precision": "float32"}, "seed": 1, "vectors": {"language": "v"}}
    with pytest.raises(BenchError) as caught:
        require_same_identity(IDENTITY, other, tmp_path)
    text = str(caught.value)
    assert "model.digest: stored a, now b" in text and "seed: stored 0, now 1" in text and str(tmp_path) in text
    assert "precision" not in text and "vectors" not in text
