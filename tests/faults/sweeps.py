"""Kills a sweep at a chosen moment, as a node that dies does, and says what the same command made of it."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.support.commands import TABLES, ToyJob, contents, records, snapshot
from tests.support.nursery import Nursery, Process
from tests.support.paths import REPOSITORY

LANGUAGES = ("de", "zh")

#: Larger and slower than the toy job needs, so that a kill can fall between two relations, and inside of one.
SIZE = ("grid.batch_tokens=16", "grid.memory_gb=0.0005")

_POLL = 0.01
_PATIENCE = 600.0


@dataclass(frozen=True)
class Moment:
    """``wait`` seconds after the sweep's journals hold ``records`` (0: after its first job has begun)."""

    records: int
    wait: float


@dataclass(frozen=True)
class Trial:
    """What was on disk when the sweep was dead, and what its command did when it ran again.

    ``records`` counts stored chunks, ``before`` relations finished on both sides. ``kept`` says that every stored
    chunk has its digest and modification time still; ``again`` counts chunks that were stored a second time;
    ``seconds`` is what running again took.
    """

    killed: bool
    records: int
    before: int
    resumed: bool
    equal: bool
    kept: bool
    again: int
    seconds: float
    left_over: int


class Sweep:
    """``lrp2-bench search -m`` of the toy job over two languages."""

    def __init__(self, job: ToyJob, nursery: Nursery | None = None) -> None:
        self.job, self._nursery = job, nursery
        self.arguments = ["search", "-m", *job.arguments(",".join(LANGUAGES)), *SIZE]

    def start(self) -> Process:
        """As a process group of its own."""
        self.job.root.mkdir(parents=True, exist_ok=True)
        said = self.job.root / "said.txt"
        if self._nursery is not None:
            return self._nursery.start(self.arguments, said)
        with said.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "lrp2_bench", *self.arguments], cwd=REPOSITORY, stdout=log, stderr=log,
                env={**os.environ, "OMP_NUM_THREADS": "1"}, start_new_session=True,
            )  # fmt: skip

    def run(self) -> int:
        process = self.start()
        try:
            return process.wait(_PATIENCE)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)

    @property
    def folders(self) -> list[Path]:
        return [self.job.folder(language) for language in LANGUAGES]

    def records(self) -> list[tuple[str, str, str]]:
        """Every whole record: (language, relation, file)."""
        return [(folder.name, entry["relation"], entry["file"]) for folder in self.folders for entry in records(folder)]

    def tables(self) -> list[dict[str, bytes]]:
        return [contents(folder, TABLES) for folder in self.folders]


def moments(count: int, records: int, gap: float, seed: int) -> list[Moment]:
    """``count`` moments, a fifth of them before the first relation is whole, the rest spread over the sweep.

    ``records`` are those of a whole sweep (two a relation), ``gap`` the seconds between two of them.
    """
    rng = random.Random(seed)
    chosen = []
    for number in range(count):
        share = (number + rng.random()) / count
        place = int(share * 5 * 2) if share < 0.2 else 2 + int((share - 0.2) / 0.8 * (records - 1))
        chosen.append(Moment(place, rng.random() * gap))
    return chosen


def kill_and_resume(sweep: Sweep, moment: Moment, expected: list[dict[str, bytes]], resume: Callable[[], int]) -> Trial:
    """``kill -9`` of the whole process group at ``moment``, then ``resume``, which is to be the same command."""
    process = sweep.start()
    try:
        _await(sweep, moment, process)
    finally:
        killed = process.poll() is None
        with suppress(ProcessLookupError):  # it was faster, and none of its group is left
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    stored = sweep.records()
    sides = [record[:2] for record in stored]
    chunks = {(language, file) for language, _, file in stored}
    before = {chunk: _snapshot(sweep, *chunk) for chunk in chunks}

    start = time.monotonic()
    resumed = resume() == 0
    seconds = time.monotonic() - start
    files = [record[:2] for record in sweep.records()]
    return Trial(
        killed=killed,
        records=len(stored),
        before=sum(sides.count(side) == 2 for side in set(sides)),
        resumed=resumed and all(_state(folder) == "finished" for folder in sweep.folders),
        equal=resumed and sweep.tables() == expected,
        kept=all(_snapshot(sweep, *chunk) == seen for chunk, seen in before.items()),
        again=sum(files.count(side) - 2 for side in set(files)),
        seconds=seconds,
        left_over=sum(1 for folder in sweep.folders for _ in folder.rglob("*.tmp")),
    )


def _await(sweep: Sweep, moment: Moment, process: Process) -> None:
    patience = time.monotonic() + _PATIENCE
    begun = sweep.folders[0] / "status.json"
    while process.poll() is None and time.monotonic() < patience:
        if begun.exists() and len(sweep.records()) >= moment.records:
            time.sleep(moment.wait)
            return
        time.sleep(_POLL)


def _snapshot(sweep: Sweep, language: str, file: str) -> tuple[str, int] | None:
    return snapshot(sweep.job.folder(language) / "relations").get(file)


def _state(folder: Path) -> object:
    return json.loads((folder / "status.json").read_bytes())["state"]
