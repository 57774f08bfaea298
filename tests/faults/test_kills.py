"""``kill -9`` of a sweep's whole process group at random moments: the same command goes on, nothing runs twice."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults.conftest import Tally
from tests.faults.sweeps import Moment, Sweep, kill_and_resume, moments
from tests.support.commands import ToyJob, lrp2_bench
from tests.support.nursery import Nursery

pytestmark = pytest.mark.faults

SEED = 20231206
RECORDS = 2 * 3 * 2  # sides x relations x languages


@dataclass(frozen=True)
class Undisturbed:
    """``gap`` seconds lie between two records."""

    tables: list[dict[str, bytes]]
    gap: float


@pytest.fixture(scope="module")
def job(
    tmp_path_factory: pytest.TempPathFactory, model_folder: Callable[[str], Path], toy_mlama: Path, toy_corpus: Path
) -> Callable[[str], ToyJob]:
    root = tmp_path_factory.mktemp("kills")
    return lambda name: ToyJob(root / name, model_folder("bert"), toy_mlama, toy_corpus)


@pytest.fixture(scope="module")
def whole(job: Callable[[str], ToyJob]) -> Undisturbed:
    sweep = Sweep(job("undisturbed"))
    assert lrp2_bench(*sweep.arguments) == 0
    assert len(sweep.records()) == RECORDS
    (first, last) = (
        [path.stat().st_mtime for path in sorted((folder / "relations").glob("*.parquet"))] for folder in sweep.folders
    )
    return Undisturbed(sweep.tables(), (max(last) - min(first)) / RECORDS)


def _run(
    trials: list[Moment],
    job: Callable[[str], ToyJob],
    whole: Undisturbed,
    tally: Tally,
    resume: Callable[[Sweep], int],
    nursery: Nursery | None = None,
) -> None:
    done = []
    for number, moment in enumerate(trials):
        sweep = Sweep(job(f"trial{number}"), nursery)
        done.append(kill_and_resume(sweep, moment, whole.tables, lambda sweep=sweep: resume(sweep)))
        said = (sweep.job.root / "said.txt").read_text("utf-8", errors="replace")
        assert done[-1].resumed and done[-1].equal and done[-1].kept, f"{moment}: {done[-1]}\n{said}"
    again = sum(trial.again for trial in done)
    tally(
        "kill -9 of the process group",
        len(done),
        killed_alive=sum(trial.killed for trial in done),
        before_a_first_relation=sum(trial.before == 0 for trial in done),
        after_one=sum(trial.before > 0 for trial in done),
        of_these_in_the_second_language=sum(RECORDS / 2 < trial.records < RECORDS for trial in done),
        of_these_after_the_last_relation=sum(trial.records == RECORDS for trial in done),
        resumed_with_equal_bytes=sum(trial.resumed and trial.equal for trial in done),
        relations_found_finished=sum(trial.before for trial in done),
        relations_run_again=again,
        half_files_left=sum(trial.left_over for trial in done),
    )
    assert again == 0
    assert sum(trial.killed and trial.before > 0 for trial in done) >= len(done) / 2, done


@pytest.mark.timeout(900)  # half a minute, unless the machine has better to do
def test_three_killed_sweeps_go_on_with_equal_bytes_and_no_finished_relation_runs_twice(
    job: Callable[[str], ToyJob], whole: Undisturbed, tally: Tally, nursery: Nursery
) -> None:
    trials = moments(3, RECORDS, whole.gap, SEED)
    _run(trials, job, whole, tally, lambda sweep: lrp2_bench(*sweep.arguments), nursery)  # what starts soonest


@pytest.mark.nightly
@pytest.mark.timeout(3600)
def test_fifty_killed_sweeps_go_on_in_new_processes(
    job: Callable[[str], ToyJob], whole: Undisturbed, tally: Tally
) -> None:
    trials = moments(50, RECORDS, whole.gap, SEED + 1)
    _run(trials, lambda name: job(f"nightly-{name}"), whole, tally, Sweep.run)


def test_the_moments_of_the_kills_are_spread_and_most_of_them_after_the_first_relation() -> None:
    for count in (3, 50):
        chosen = moments(count, RECORDS, 1.0, SEED)
        assert chosen == moments(count, RECORDS, 1.0, SEED) != moments(count, RECORDS, 1.0, SEED + 1)
        assert sum(moment.records >= 2 for moment in chosen) >= 0.6 * count
        assert {moment.records for moment in chosen} >= set(range(RECORDS + 1)) or count == 3
        assert all(0 <= moment.wait <= 1.0 and 0 <= moment.records <= RECORDS for moment in chosen)


def test_a_sweep_that_was_faster_than_its_kill_is_counted_as_not_killed(
    job: Callable[[str], ToyJob], monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = Sweep(job("faster"))
    monkeypatch.setattr(sweep, "start", lambda: subprocess.Popen([sys.executable, "-c", ""], start_new_session=True))
    trial = kill_and_resume(sweep, Moment(RECORDS, 0.0), [], lambda: 1)
    assert not trial.killed and not trial.resumed and trial.records == 0
