"""Further pretrainings of a testbed model: what is finished is kept, and their table says what crossed in each."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from benchmarks.pretraining_seeds import checkpoints, crossed, table
from lrp2_bench.analyses.exposure.transfer import Crossed, Paired


def _crossed(model: int, twin: int) -> Crossed:
    """So many of 20 held-out facts hit, each of a country of its own; of 20 others both hit the same ten."""
    facts, others = (tuple(("P36", f"{kind}{at}") for at in range(20)) for kind in "ab")
    hits = [(np.arange(20) < count).astype(np.int8) for count in (model, twin, 10)]
    return Crossed(Paired(facts, hits[0], hits[1]), Paired(others, hits[2], hits[2]))


def test_a_row_a_seed_then_their_mean_and_spread() -> None:
    rows = [line.strip("| ").split(" | ") for line in table({0: _crossed(10, 6), 2: _crossed(14, 6)}).splitlines()]
    head, _, shipped, second, mean, spread = rows
    assert head[-1] == "transfer" and shipped[:4] == ["0 (shipped)", "20", "50.0", "30.0"]
    assert [re.match(r"[+-][\d.]+", row[4]).group() for row in (shipped, second)] == ["+20.0", "+40.0"]
    assert all("[" in cell for row in (shipped, second) for cell in row[4:])
    assert mean == ["mean", "", "60.0", "30.0", "+30.0", "+0.0", "+30.0"]
    assert spread[2:] == ["14.1", "0.0", "14.1", "0.0", "14.1"]  # with n - 1


def test_a_pretraining_without_all_its_runs_is_none() -> None:
    with pytest.raises(SystemExit, match="tiny_bloom_seed1: 0 of 12 languages"):
        crossed("tiny_bloom_seed1", [])


def test_pretrained_checkpoints_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr("benchmarks.pretraining_seeds.lrp2_bench", lambda *given: asked.append(given[2]))
    assert [path for _, path in checkpoints("tiny_bloom", 0, tmp_path)] == [
        "shipped:tiny_bloom_twin", "shipped:tiny_bloom",
    ]  # fmt: skip
    done = tmp_path / "checkpoints" / "tiny_bloom_seed1_twin"
    done.mkdir(parents=True)
    (done / "manifest.json").write_text("{}")
    assert [name for name, _ in checkpoints("tiny_bloom", 1, tmp_path)] == ["tiny_bloom_seed1_twin", "tiny_bloom_seed1"]
    assert asked == ["name=tiny_bloom_seed1"]
