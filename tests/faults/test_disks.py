"""A disk that fills up, a limit on the size of files, a file system that is read-only: told, kept, and gone on from."""

from __future__ import annotations

import itertools
import resource
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lrp2_bench.commands.search import hits
from lrp2_bench.core.types import Hits
from lrp2_bench.grid import engine
from tests.faults.conftest import Tally, fill
from tests.support.commands import ToyJob, contents, snapshot, status_of, stored

pytestmark = pytest.mark.faults

Build = Callable[..., ToyJob]
Mount = Callable[[int], Path]

#: Free kilobytes at the start of the toy job, which takes about a hundred: every write of it fails in one of these.
FREE = range(0, 100, 4)
A_FEW = (4, 64)


def _fails_and_goes_on(
    free: int, job: ToyJob, disk: Path, expected: dict[str, bytes], capsys: pytest.CaptureFixture[str]
) -> bool:
    """Whether the job ran out of space; in any case it ends with equal bytes."""
    folder = disk / "outputs" / "default" / "bert" / "mlama" / "de"
    ballast = fill(disk, free)
    code = job.search(f"paths.outputs={disk / 'outputs'}")
    said = capsys.readouterr().err
    full = code != 0
    if full:
        assert "The disk is full. Free some space, then run the same command" in said, f"{free}: {said}"
        assert "Traceback" not in said and "Logging error" not in said, f"{free}: {said}"
        assert not list(disk.rglob("*.tmp")), "no half files fill it further"
        if (folder / "status.json").exists():
            assert status_of(folder)["state"] == "failed" and "disk is full" in status_of(folder)["message"], free
    chunks = stored(folder)
    ballast.unlink()
    assert job.search(f"paths.outputs={disk / 'outputs'}") == 0, f"{free}: {capsys.readouterr().err}"
    assert contents(folder) == expected and status_of(folder)["state"] == "finished"
    assert chunks.items() <= stored(folder).items()
    capsys.readouterr()
    return full


@pytest.mark.parametrize("sizes", [A_FEW, pytest.param(FREE, marks=pytest.mark.nightly)], ids=["few", "all"])
def test_a_full_disk_is_told_wherever_it_fills_up_and_the_same_command_goes_on_once_there_is_space(
    sizes: tuple[int, ...],
    toy_job: Build,
    small_disk: Mount,
    undisturbed: dict[str, bytes],
    capsys: pytest.CaptureFixture[str],
    tally: Tally,
) -> None:
    full = [_fails_and_goes_on(free, toy_job(), small_disk(256), undisturbed, capsys) for free in sizes]
    assert sum(full) >= 0.8 * len(sizes), "this would prove nothing"
    tally("full disk (tmpfs)", len(full), ran_out_of_space=sum(full))


@contextmanager
def _file_limit(size: int, calls: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No file of this process may grow beyond ``size`` bytes once ``calls`` evaluations are done."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    done = itertools.count(1)

    def evaluate(*arguments: Any) -> Hits:
        found = engine.evaluate(*arguments)
        if next(done) > calls:
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
        return found

    if calls == 0:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        with monkeypatch.context() as patch:
            patch.setattr(hits, "evaluate", evaluate)
            yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize(
    ("size", "calls", "kept"),
    [
        pytest.param(50, 0, 0, id="status", marks=pytest.mark.nightly),
        pytest.param(1000, 0, 0, id="manifest", marks=pytest.mark.nightly),
        pytest.param(1000, 3, 3, id="chunk"),
    ],
)
def test_a_limit_on_the_size_of_files_is_told_and_the_job_goes_on_without_it(
    size: int,
    calls: int,
    kept: int,
    toy_job: Build,
    undisturbed: dict[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tally: Tally,
) -> None:
    job = toy_job()
    with _file_limit(size, calls, monkeypatch):
        assert job.search() == 1
    said = capsys.readouterr().err
    assert "larger than is allowed" in said and "ulimit -f" in said
    assert "Traceback" not in said and "Logging error" not in said
    assert not list(job.outputs.rglob("*.tmp"))
    chunks = stored(job.folder())
    assert sum(name.endswith(".parquet") for name in chunks) == kept
    assert size < 100 or status_of(job.folder())["state"] == "failed"
    assert job.search() == 0
    assert contents(job.folder()) == undisturbed
    assert chunks.items() <= stored(job.folder()).items()
    tally("limit on the size of files")


def test_a_cache_without_space_costs_the_cache_and_not_the_job(
    toy_job: Build,
    small_disk: Mount,
    undisturbed: dict[str, bytes],
    capsys: pytest.CaptureFixture[str],
    tally: Tally,
) -> None:
    job, disk = toy_job(), small_disk(64)
    fill(disk, 0)
    assert job.search(f"paths.cache={disk / 'cache'}") == 0
    assert "Cannot keep the language vectors" in (said := capsys.readouterr().err) and "Traceback" not in said
    assert contents(job.folder()) == undisturbed
    tally("full disk under the cache")


@pytest.mark.parametrize(
    "multirun", [pytest.param(False, id="one"), pytest.param(True, id="multirun", marks=pytest.mark.nightly)]
)
def test_a_read_only_file_system_is_told_and_what_lies_there_stays(
    multirun: bool,
    toy_job: Build,
    small_disk: Mount,
    undisturbed: dict[str, bytes],
    capsys: pytest.CaptureFixture[str],
    tally: Tally,
) -> None:
    job, disk = toy_job(), small_disk(512)
    arguments = [*(["-m"] if multirun else []), f"paths.outputs={disk / 'outputs'}"]
    for finished in (False, True):
        before = snapshot(disk)
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        capsys.readouterr()
        nothing_left = finished and not multirun  # which keeps notes of its own
        assert job.search(*arguments) == (0 if nothing_left else 1)
        said = capsys.readouterr().err
        told = "Nothing is left to do" if nothing_left else "The file system is read-only. Set paths.outputs"
        assert told in said and "Traceback" not in said, said
        assert snapshot(disk) == before
        subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
        assert job.search(*arguments) == 0
        assert contents(disk / "outputs" / "default" / "bert" / "mlama" / "de") == undisturbed
        tally("read-only file system", **{"finished_jobs" if finished else "new_jobs": 1})
