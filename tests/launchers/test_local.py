"""``hydra/launcher=local``: jobs in processes of their own, one of which may die."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lrp2_bench.core.errors import BenchError
from lrp2_bench.launchers import gpus, local
from lrp2_bench.launchers.job import Job, Outcome, State
from lrp2_bench.launchers.local import LocalLauncher
from tests.support.commands import ToyJob, contents
from tests.support.paths import REPOSITORY
from tests.support.sweeps import setup_and_jobs

#: Starts a launcher whose only worker waits in its first job.
LAUNCHER = """
import sys
from pathlib import Path
from lrp2_bench.launchers.local import LocalLauncher
from tests.support.sweeps import setup_and_jobs
if __name__ == "__main__":
    outputs = Path(sys.argv[1])
    setup, jobs = setup_and_jobs(outputs, "waits", "de")
    LocalLauncher(workers=1).run(setup, jobs, outputs / "default", lambda job, outcome: None)
"""


def _pid(outputs: Path, language: str) -> int:
    return int((outputs / "default" / "m" / "mlama" / f"{language}.pid").read_text())


def _wait_for_pid(outputs: Path, language: str, hope: Callable[[], bool] = lambda: True) -> int:
    """The process of the job, once it is in the middle of it."""
    path = outputs / "default" / "m" / "mlama" / f"{language}.pid"
    deadline = time.monotonic() + 240
    while not (path.exists() and path.read_text()):
        assert hope() and time.monotonic() < deadline, f"no job in {language}"
        time.sleep(0.02)
    return _pid(outputs, language)


def _runs(pid: int) -> bool:
    """Whether the process does; one whose parent died and whom nobody collects has a name for ever, as a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in {"Z", "X"}
    except OSError:
        return False


def _state(outputs: Path, language: str) -> str:
    return str(json.loads((outputs / "default" / "m" / "mlama" / language / "status.json").read_text())["state"])


def test_jobs_that_fail_or_die_stop_no_other_and_a_worker_stays_for_the_next(tmp_path: Path) -> None:
    setup, jobs = setup_and_jobs(tmp_path, "de", "dies", "fails", "fr")
    outcomes: dict[str, Outcome] = {}
    launcher = LocalLauncher(workers=1, threads=1)
    launcher.run(setup, jobs, tmp_path / "default", lambda job, outcome: outcomes.update({job.label: outcome}))
    assert {language: outcome.state.value for language, outcome in outcomes.items()} == {
        "de": "finished", "dies": "interrupted", "fails": "failed", "fr": "finished",
    }  # fmt: skip
    assert "killed by SIGKILL" in outcomes["dies"].cause and "memory" in outcomes["dies"].cause
    assert outcomes["fails"].cause.startswith("Unknown language 'fails'.\nKnown: de.")
    assert _pid(tmp_path, "de") == _pid(tmp_path, "dies") != _pid(tmp_path, "fails") == _pid(tmp_path, "fr")
    said = (tmp_path / "default" / "workers" / "1.log").read_text()
    assert "Unknown language" not in said and "Warning" not in said, "the summary tells the cause, and the job's log"
    assert (
        "/mlama/fails' failed: Unknown language 'fails'." in (tmp_path / "default/m/mlama/fails/search.log").read_text()
    )
    cwd = tmp_path / "default" / "m" / "mlama" / "de.cwd"
    assert cwd.read_text() == str(Path.cwd()), "relative paths mean what they meant"


def test_jobs_run_side_by_side_and_each_worker_sees_a_gpu_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(gpus, "here", lambda: ["GPU-one", "GPU-two", "GPU-three"])
    setup, jobs = setup_and_jobs(tmp_path, "waits", "de")

    def tell(job: object, outcome: Outcome) -> None:
        outcomes.append(outcome)
        (tmp_path / "default" / "m" / "mlama" / "waits.go").touch()  # the first waits for the second

    outcomes: list[Outcome] = []
    LocalLauncher(workers=2).run(setup, jobs, tmp_path / "default", tell)
    assert outcomes == [Outcome(State.finished)] * 2 and _pid(tmp_path, "de") != _pid(tmp_path, "waits")
    seen = [(tmp_path / "default" / "m" / "mlama" / f"{language}.gpu").read_text() for language in ("waits", "de")]
    assert seen == ["GPU-one", "GPU-two"] and "hydra.launcher.workers=3 would use all 3" in capsys.readouterr().err


def test_a_stopped_launcher_stops_its_workers_which_leave_a_word(tmp_path: Path) -> None:
    setup, jobs = setup_and_jobs(tmp_path, "stops", "de")
    outcomes: dict[str, Outcome] = {}
    with pytest.raises(KeyboardInterrupt):
        LocalLauncher(workers=1).run(
            setup, jobs, tmp_path / "default", lambda job, outcome: outcomes.update({job.label: outcome})
        )
    assert outcomes == {"stops": Outcome(State.interrupted, "Stopped before its end.")}
    assert _state(tmp_path, "stops") == "interrupted" and not Path(f"/proc/{_pid(tmp_path, 'stops')}").exists()


@pytest.mark.parametrize("twice", [False, True])
def test_a_worker_that_does_not_stop_is_killed_and_its_job_told_also_when_stopped_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, twice: bool
) -> None:
    setup, jobs = setup_and_jobs(tmp_path, "waits", "de")
    outcomes: dict[str, Outcome] = {}

    def tell(job: Job, outcome: Outcome) -> None:
        outcomes[job.label] = outcome
        if job.label == "de":  # its worker is idle now, and the other is as deaf as one in a long batch
            os.kill(_wait_for_pid(tmp_path, "waits"), signal.SIGSTOP)
            raise KeyboardInterrupt

    def again(self: object, tell: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(local, "_LEAVING", 0.2)
    monkeypatch.setattr(local, "_HURRIED", 0.2)
    if twice:
        monkeypatch.setattr(local._Worker, "leave", again)
    try:
        with pytest.raises(KeyboardInterrupt):
            LocalLauncher(workers=2).run(setup, jobs, tmp_path / "default", tell)
        left = multiprocessing.active_children()
    finally:
        for process in multiprocessing.active_children():
            process.kill()  # or the end of the tests waits for it
    assert not left and outcomes["de"] == Outcome(State.finished)
    assert outcomes["waits"].state is State.interrupted and "left no word" in outcomes["waits"].cause


def test_a_worker_outlives_a_killed_launcher_by_the_job_it_has(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", LAUNCHER, str(tmp_path)], cwd=REPOSITORY)
    pid = _wait_for_pid(tmp_path, "waits", lambda: process.poll() is None)
    process.kill()
    process.wait()
    word = tmp_path / "default" / "m" / "mlama" / "waits.pid"
    word.with_suffix(".go").touch()
    deadline = time.monotonic() + 240
    while _runs(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _runs(pid) and _state(tmp_path, "waits") == "finished" and not (word.parent / "de").exists()


@pytest.mark.parametrize("setting", [{"workers": 0}, {"workers": "two"}, {"threads": -1}])
def test_a_number_that_is_none_is_refused(setting: dict[str, int]) -> None:
    with pytest.raises(BenchError, match=f"hydra.launcher.{next(iter(setting))}="):
        LocalLauncher(**setting)


@pytest.mark.slow
def test_workers_write_what_one_process_writes(toy_job: Callable[..., ToyJob]) -> None:
    alone, local = toy_job(folder="alone"), toy_job(folder="local")
    assert alone.search("-m", language="de,zh") == 0
    assert local.search("-m", "hydra/launcher=local", language="de,zh") == 0
    for language in ("de", "zh"):
        assert contents(local.folder(language)) == contents(alone.folder(language))
