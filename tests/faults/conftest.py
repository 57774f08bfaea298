"""What the fault tests share: a count of trials, and a disk of a few kilobytes."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.table import PROPERTY
from tests.support import nursery as nurseries
from tests.support.nursery import Nursery

Tally = Callable[..., None]


@pytest.fixture
def tally(record_property: Callable[[str, object], None]) -> Tally:
    """``tally(fault, trials=1, **counts)`` files what a test tried, for the table of :mod:`tests.faults.table`."""

    def told(fault: str, trials: int = 1, **counts: int) -> None:
        named = {what.replace("_", " "): count for what, count in counts.items()}
        record_property(PROPERTY, json.dumps({"fault": fault, "trials": trials, "counts": named}))

    return told


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    with nurseries.nursery() as opened:
        yield opened


def fill(disk: Path, free: int) -> Path:
    """A file that leaves ``free`` kilobytes of the disk to others."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            file.truncate(max(0, file.tell() - free * 1024))
    return ballast


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """``small_disk(kilobytes)`` mounts a file system of that size; skips where mounting is not allowed."""
    mounted: list[Path] = []

    def mount(kilobytes: int) -> Path:
        folder = tmp_path / f"disk{len(mounted)}"
        folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(folder)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except OSError as error:
            pytest.skip(f"no small file system can be mounted here: {error}")
        if done.returncode:
            pytest.skip(f"no small file system can be mounted here: {done.stderr.strip() or 'not allowed'}")
        mounted.append(folder)
        return folder

    yield mount
    for folder in mounted:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
