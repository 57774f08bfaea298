"""Two sweeps of the same jobs at once: they share the work, nothing runs twice, the tables are those of one.

Jobs that meet in one folder, one of them killed, are in ``tests/jobs/test_together.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.conftest import Tally
from tests.faults.sweeps import Sweep
from tests.support.commands import ToyJob, lrp2_bench
from tests.support.nursery import Nursery

pytestmark = [pytest.mark.faults, pytest.mark.nightly]

TRIALS = 10


@pytest.mark.timeout(900)
def test_two_sweeps_on_one_folder_share_the_work_and_write_the_tables_of_one(
    tmp_path: Path,
    model_folder: Callable[[str], Path],
    toy_mlama: Path,
    toy_corpus: Path,
    nursery: Nursery,
    tally: Tally,
) -> None:
    def sweep(name: str) -> Sweep:
        return Sweep(ToyJob(tmp_path / name, model_folder("bert"), toy_mlama, toy_corpus), nursery)

    alone, twice, met = sweep("alone"), 0, 0
    assert lrp2_bench(*alone.arguments) == 0
    for number in range(TRIALS):
        both = sweep(f"both{number}")
        running = [both.start(), both.start()]
        said = both.job.root / "said.txt"
        assert [process.wait(300) for process in running] == [0, 0], said.read_text()
        assert both.tables() == alone.tables(), said.read_text()
        twice += len(both.records()) - len(alone.records())
        met += any(len(list(folder.glob("relations/journal*.jsonl"))) > 1 for folder in both.folders)
    assert twice == 0 and met > 0, "where they never met, this would prove nothing"
    tally("two sweeps on one folder", TRIALS, both_wrote_in_one_folder=met, relations_run_twice=twice)
