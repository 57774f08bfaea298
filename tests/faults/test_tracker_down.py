"""W&B down, silent or refusing, and a job stopped while it sends: the job's results and its run stay on disk."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from lrp2_bench.tracking import JobRecord, WandbTracker
from tests.faults.conftest import Tally, fill
from tests.support.commands import ToyJob, contents, status_of
from tests.support.fake_wandb import KEY, of_no_account
from tests.support.loopback import loopback_for_all, raw_server
from tests.support.nursery import Nursery
from tests.support.read_wandb import the_run

pytestmark = pytest.mark.faults

Build = Callable[..., ToyJob]
TIMEOUT = 3.0


@pytest.fixture(autouse=True)
def with_a_key_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """A key, and nothing else of this machine's settings."""
    with of_no_account(monkeypatch, tmp_path / "home"):
        monkeypatch.setenv("WANDB_API_KEY", KEY)
        yield


def _address(server: str, stack: ExitStack) -> str:
    """Of a server that is ``down``, ``silent`` (takes connections and never answers), ``slow``, or answers with a
    status."""
    if server == "down":
        with socket.create_server(("127.0.0.1", 0)) as closed:
            return f"http://127.0.0.1:{closed.getsockname()[1]}"
    if server == "silent":
        return stack.enter_context(raw_server(None))
    if server == "slow":
        return stack.enter_context(loopback_for_all(200, wait=TIMEOUT / 2))
    return stack.enter_context(loopback_for_all(int(server)))


def _tracked(job: ToyJob) -> list[str]:
    return [*job.arguments(), "tracking=wandb", f"tracking.timeout={TIMEOUT}"]


def _the_run_is_whole(job: ToyJob) -> None:
    run = the_run(job.folder())
    assert run.exit_code == 0
    lines = (job.folder() / "pairs.csv").read_text().splitlines()[1:]
    assert run.media("pairs")["data"] == [
        [float(cell) if cell else None for cell in line.split(",")] for line in lines
    ]  # fmt: skip


MORE = [pytest.param(server, marks=pytest.mark.nightly) for server in ("slow", "down", "401", "403", "500")]


@pytest.mark.parametrize("server", ["silent", *MORE])
def test_a_job_whose_tracker_fails_it_ends_in_time_with_its_results_and_run_on_disk(
    server: str,
    toy_job: Build,
    undisturbed: dict[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tally: Tally,
) -> None:
    job = toy_job()
    with ExitStack() as stack:
        monkeypatch.setenv("WANDB_BASE_URL", _address(server, stack))
        assert job.search() == 0, "so that what follows is the tracker's time"
        start = time.monotonic()
        assert job.search("tracking=wandb", f"tracking.timeout={TIMEOUT}") == 0
        seconds = time.monotonic() - start
    said = capsys.readouterr().err
    assert "Sync it later: wandb sync" in said and "Traceback" not in said, said
    assert "Sync it later: wandb sync" in (job.folder() / "search.log").read_text()
    assert contents(job.folder()) == undisturbed
    assert status_of(job.folder())["state"] == "finished"
    _the_run_is_whole(job)
    assert seconds < TIMEOUT + 60, "W&B by itself waits for minutes, or for ever"
    tally(f"W&B {'answers ' + server if server.isdigit() else server}")


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.nightly)], ids=["SIGTERM", "Ctrl-C"]
)
def test_a_job_stopped_while_it_sends_leaves_no_process_behind_and_its_run_on_disk(
    number: signal.Signals, toy_job: Build, undisturbed: dict[str, bytes], tally: Tally, nursery: Nursery
) -> None:
    job = toy_job()
    said = job.root / "said.txt"
    job.root.mkdir()
    with raw_server(None) as address:
        arguments = ["search", *_tracked(job), "tracking.timeout=600"]
        process = nursery.start(arguments, said, {**os.environ, "WANDB_BASE_URL": address})
        try:
            _wait(lambda: any(job.folder().glob("wandb/*/logs/sync.log")) or process.poll() is not None)
            time.sleep(1)
            os.kill(process.pid, number)
            assert process.wait(60) == 130, said.read_text()
            _wait(lambda: not _group_lives(process.pid), 60)
            assert not _group_lives(process.pid), "W&B's processes outlive the job"
        finally:
            if _group_lives(process.pid):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    assert "which is kept. Sync it later: wandb sync" in said.read_text()
    assert contents(job.folder()) == undisturbed
    _the_run_is_whole(job)
    tally("stopped while W&B is sent to", **{number.name: 1})


def test_a_disk_without_room_for_wandb_costs_the_mirror_alone(
    toy_job: Build,
    small_disk: Callable[[int], Path],
    undisturbed: dict[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tally: Tally,
) -> None:
    job, disk = toy_job(), small_disk(1024)
    monkeypatch.setenv("WANDB_MODE", "offline")
    log_job = WandbTracker.log_job

    def without_room(tracker: WandbTracker, record: JobRecord) -> bool:
        fill(disk, 16)  # W&B's run takes three times as much
        return log_job(tracker, record)

    monkeypatch.setattr(WandbTracker, "log_job", without_room)
    assert job.search("tracking=wandb", f"paths.outputs={disk / 'outputs'}") == 0
    folder = disk / "outputs" / "default" / "bert" / "mlama" / "de"
    assert contents(folder) == undisturbed
    assert status_of(folder)["state"] == "finished"
    said = capsys.readouterr().err
    assert "are complete without it" in said and "wandb sync" not in said and "Traceback" not in said, said
    monkeypatch.setattr(WandbTracker, "log_job", log_job)
    (disk / "ballast").unlink()
    assert job.search("tracking=wandb", f"paths.outputs={disk / 'outputs'}") == 0
    assert "Sync it later: wandb sync" in capsys.readouterr().err and contents(folder) == undisturbed
    tally("full disk under W&B's run")


def _wait(met: Callable[[], bool], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not met() and time.monotonic() < end:
        time.sleep(0.05)


def _group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
