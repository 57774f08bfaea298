"""The journal of finished relations, torn at every byte of its last record or hit by a flipped bit."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from lrp2_bench.core.types import Fact, Hits, all_pairs
from lrp2_bench.results.hits import HitsStore
from tests.faults.conftest import Tally
from tests.support.commands import ToyJob, contents, records

pytestmark = pytest.mark.faults

SETTINGS = (None, *all_pairs(3))
FACTS = {name: [Fact(name, line, f"{name}-{line}", "x", "Q1", "y", "Q2") for line in range(4)] for name in ("P1", "P2")}
HITS: dict[str, Hits] = {
    name: np.random.default_rng(seed).integers(0, 2, (len(SETTINGS), 4)).astype(np.int8)
    for seed, name in enumerate(FACTS)
}


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """A store of two relations."""
    folder = tmp_path / "whole"
    store = HitsStore(folder)
    for name, facts in FACTS.items():
        store.append("language", name, facts, SETTINGS, HITS[name])
    return folder


@pytest.fixture
def no_sync(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hundreds of stores are written here, and none of them needs to survive a power cut."""
    monkeypatch.setattr("os.fsync", lambda handle: None)


@pytest.fixture
def copies(stored: Path, tmp_path: Path) -> Callable[[bytes], Path]:
    """A copy of the store with another journal."""

    def copy(journal: bytes) -> Path:
        folder = tmp_path / "copy"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(stored, folder)
        (folder / "relations" / "journal.jsonl").write_bytes(journal)
        return folder

    return copy


def _journal(folder: Path) -> bytes:
    return (folder / "relations" / "journal.jsonl").read_bytes()


def _has(store: HitsStore, name: str) -> bool:
    return bool((store.load("language", name, FACTS[name], SETTINGS) == HITS[name]).all())


def _lacks(store: HitsStore, name: str) -> bool:
    return bool((store.load("language", name, FACTS[name], SETTINGS) == -1).all())


@pytest.mark.parametrize("step", [9, pytest.param(1, marks=pytest.mark.nightly)])
def test_a_record_torn_at_any_byte_costs_itself_alone_and_can_be_written_again(
    step: int, stored: Path, copies: Callable[[bytes], Path], no_sync: None, tally: Tally
) -> None:
    whole = _journal(stored)
    first = whole.index(b"\n") + 1
    cuts = range(first, len(whole), step)
    for kept in cuts:
        folder = copies(whole[:kept])
        torn = HitsStore(folder)
        assert _has(torn, "P1") and _lacks(torn, "P2"), f"torn after {kept} bytes"
        torn.append("language", "P2", FACTS["P2"], SETTINGS, HITS["P2"])
        again = HitsStore(folder)
        assert _has(again, "P1") and _has(again, "P2"), f"torn after {kept} bytes"
        assert sorted(record["relation"] for record in records(folder)) == ["P1", "P2"]
    tally("torn last record of the journal", len(cuts))


@pytest.mark.parametrize(
    "share",
    [
        pytest.param(0.0, id="first byte", marks=pytest.mark.nightly),
        pytest.param(0.5, id="middle"),
        pytest.param(1.0, id="last byte", marks=pytest.mark.nightly),
    ],
)
def test_a_job_whose_last_record_is_torn_ends_with_equal_bytes(
    share: float, toy_job: Callable[..., ToyJob], undisturbed: dict[str, bytes], tally: Tally
) -> None:
    job = toy_job()
    assert job.search() == 0
    journal = job.folder() / "relations" / "journal.jsonl"
    data = journal.read_bytes()
    last = data.rindex(b"\n", 0, -1) + 1
    journal.write_bytes(data[: last + 1 + int(share * (len(data) - last - 2))])
    assert job.search() == 0
    assert contents(job.folder()) == undisturbed
    known = {(record["side"], record["relation"]) for record in records(job.folder())}
    assert len(known) == 6 and journal.read_bytes().startswith(data[:last])
    tally("torn last record of the journal, whole job")


def _flips(data: bytes, count: int, seed: int) -> Iterator[bytes]:
    rng = random.Random(seed)
    for _ in range(count):
        flipped = bytearray(data)
        flipped[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        yield bytes(flipped)


@pytest.mark.parametrize("flips", [50, pytest.param(500, marks=pytest.mark.nightly)])
def test_a_flipped_bit_anywhere_in_the_journal_gives_no_wrong_hit_and_no_crash(
    flips: int, stored: Path, copies: Callable[[bytes], Path], no_sync: None, tally: Tally
) -> None:
    lost = 0
    for journal in _flips(_journal(stored), flips, seed=1):
        folder = copies(journal)
        store = HitsStore(folder)
        for name in FACTS:
            assert _has(store, name) or _lacks(store, name), journal
            lost += _lacks(store, name)
            if _lacks(store, name):
                store.append("language", name, FACTS[name], SETTINGS, HITS[name])
        again = HitsStore(folder)
        assert all(_has(again, name) for name in FACTS), journal
    tally("flipped bit in the journal", flips, relations_computed_again=lost)
