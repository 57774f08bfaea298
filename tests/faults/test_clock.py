"""A clock that goes backwards, and files from the future: no digest, order or decision hangs on the time of day."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from lrp2_bench.results import leases as leases
from lrp2_bench.results import status
from lrp2_bench.results.runs import find_runs
from tests.faults.conftest import Tally
from tests.support.commands import ToyJob, contents, manifest_of, stored

pytestmark = pytest.mark.faults

YEAR = 365 * 24 * 3600.0


@pytest.fixture
def backwards(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Every look at the time of day is an hour before the one before; how many looks there were."""
    looks = itertools.count(1)
    start = time.time()

    def now() -> float:
        return start - 3600.0 * next(looks)

    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime.fromtimestamp(now(), tz)

    monkeypatch.setattr(time, "time", now)
    monkeypatch.setattr(time, "time_ns", lambda: int(now() * 1e9))
    monkeypatch.setattr(status, "datetime", Clock)
    monkeypatch.setattr(leases, "datetime", Clock)
    monkeypatch.setattr("optuna.storages.journal._storage.datetime", Clock)
    monkeypatch.setattr("optuna.trial._frozen.datetime", _Module(Clock))
    return lambda: next(looks) - 1


class _Module:
    """Stands in for the module ``datetime``."""

    def __init__(self, clock: type[datetime]) -> None:
        self.datetime = clock


def test_a_job_whose_clock_runs_backwards_writes_the_same_bytes(
    toy_job: Callable[..., ToyJob], undisturbed: dict[str, bytes], backwards: Callable[[], int], tally: Tally
) -> None:
    job = toy_job()
    for _ in range(2):
        (job.folder() / "done.json").unlink(missing_ok=True)  # by which it would be seen that nothing is left to do
        assert job.search() == 0
        assert contents(job.folder()) == undisturbed
        assert manifest_of(job.folder())["seconds"] >= 0
    assert backwards() > 10, "this would prove nothing"
    assert len(find_runs([job.outputs])[0]) == 1
    tally("clock that goes backwards")


@pytest.mark.parametrize(
    "years", [pytest.param(10, id="future"), pytest.param(-30, id="past", marks=pytest.mark.nightly)]
)
def test_files_of_another_time_are_taken_for_what_they_hold(
    years: int, toy_job: Callable[..., ToyJob], undisturbed: dict[str, bytes], tally: Tally
) -> None:
    job = toy_job()
    assert job.search() == 0
    _interrupt(job)
    for path in job.root.rglob("*"):
        os.utime(path, (time.time() + years * YEAR,) * 2)
    chunks = stored(job.folder())
    assert job.search() == 0
    assert contents(job.folder()) == undisturbed
    after = stored(job.folder())
    assert chunks.items() <= after.items() and "P36-language-002.parquet" in after
    tally("files dated in the future or the past")


def _interrupt(job: ToyJob) -> None:
    """As if the job had been killed in its last relation."""
    journal = job.folder() / "relations" / "journal.jsonl"
    journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[:-1]))
    Path(job.folder() / "relations" / "P36-language-001.parquet").unlink()
    for name in ("pairs.csv", "hits.parquet", "pivot_hits.parquet", "alignment.csv"):
        (job.folder() / name).unlink()
