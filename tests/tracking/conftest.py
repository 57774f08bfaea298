"""W&B without an account, and a job to tell it of."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from lrp2_bench.core.types import all_pairs
from lrp2_bench.results.tables import (
    AlignmentRow,
    PairRow,
    read_alignment,
    read_pairs,
    write_alignment,
    write_pairs,
)
from lrp2_bench.tracking import JobRecord
from tests.support.fake_wandb import KEY, FakeWandb, of_no_account, serving

BLOCKS = 5


@pytest.fixture(autouse=True)
def fresh_wandb(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """No key, setting or running service of this machine, nor of the test before, is seen."""
    caplog.set_level(logging.INFO, "lrp2_bench.tracking")
    with of_no_account(monkeypatch, tmp_path / "home"):
        yield


@pytest.fixture
def refusing_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeWandb]:
    """The server that W&B's client has an address and a key of, and which answers 401 to everything."""
    with serving(FakeWandb(status=401)) as server:
        monkeypatch.setenv("WANDB_BASE_URL", server.url)
        monkeypatch.setenv("WANDB_API_KEY", KEY)
        yield server


@pytest.fixture
def record(tmp_path: Path) -> JobRecord:
    """A job whose numbers are all different, written to its folder and read from there as a job does."""
    folder = tmp_path / "outputs" / "paper" / "mbert" / "mlama" / "de"
    pairs = [PairRow(None, None, 20.1234567, 31.7654321, 1000, 800)]
    for number, pair in enumerate(all_pairs(BLOCKS), start=1):
        pairs.append(PairRow(pair.lirp, pair.lsrp, 20 + number * 0.1234567, 31 + number * 0.7654321, 1000, 800))
    write_pairs(folder / "pairs.csv", pairs)
    write_alignment(
        folder / "alignment.csv",
        [AlignmentRow(k, 0.5 + k * 0.0123456789, 0.6 + k * 0.0234567891, 800) for k in range(BLOCKS + 1)],
    )
    rows = read_pairs(folder / "pairs.csv")
    return JobRecord(
        experiment="paper",
        model="mbert",
        dataset="mlama",
        language="de",
        pivot="en",
        folder=folder,
        config={"model": {"path": Path("models/mbert")}, "probing": {"pool_size": None}, "seed": 0},
        pairs=rows,
        best=rows[7],
        baseline=rows[0],
        alignment=read_alignment(folder / "alignment.csv"),
        select_by="transferability",
        seconds=12.5,
    )
