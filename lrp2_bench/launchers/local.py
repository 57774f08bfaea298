"""``hydra/launcher=local``: several jobs at once on this machine."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from multiprocessing import connection
from pathlib import Path

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.files import make_folder
from lrp2_bench.core.streams import safe_output
from lrp2_bench.launchers.gpus import AUTO, VISIBLE, choose_themselves, shares
from lrp2_bench.launchers.job import Job, Outcome, State, jobs_of
from lrp2_bench.launchers.launcher import JobLauncher, Tell, say
from lrp2_bench.launchers.running import Setup, run_one
from lrp2_bench.results.status import sigterm_interrupts

#: Seconds a stopped worker has to leave a word and go.
_LEAVING = 20.0
#: Seconds that all of them have left when Ctrl-C comes again.
_HURRIED = 2.0

_SILENT = "It was stopped and left no word in time."


class LocalLauncher(JobLauncher):
    """``workers`` processes that stay for job after job, so that each imports and warms up once.

    A worker that dies takes its job with it and no other: the next one gets a new worker. ``threads`` are a worker's
    CPU threads; None shares the cores out. ``gpus``: :func:`~lrp2_bench.launchers.gpus.shares`, given to the workers
    in turn.
    """

    def __init__(self, workers: int = 2, threads: int | None = None, gpus: object = AUTO) -> None:
        for name, value in {"workers": workers, "threads": threads}.items():
            if value is not None and (not isinstance(value, int) or value < 1):
                raise BenchError(f"hydra.launcher.{name}={value} is not a number of {name}. Give one from 1.")
        self._workers = workers
        self._asked, self._gpus = gpus, shares(gpus)
        self._threads = threads or max(1, len(os.sched_getaffinity(0)) // workers)

    def run(self, setup: Setup, jobs: Sequence[Job], folder: Path, tell: Tell) -> None:
        waiting = deque(jobs)
        logs = folder / "workers"
        make_folder(logs)
        count = min(self._workers, len(jobs))
        say(f"{jobs_of(len(jobs))}, {count} at a time, CPU threads of each: {self._threads}; what they print: {logs}")
        gpus = [] if self._asked == AUTO and choose_themselves(setup, jobs) else self._gpus
        if gpus:
            say(_sharing(gpus, self._workers, count))
        workers = [
            _Worker(setup, _environment(self._threads, gpus, number), logs / f"{number + 1}.log")
            for number in range(count)
        ]
        try:
            with sigterm_interrupts():
                for worker in workers:
                    worker.start(waiting.popleft())
                while busy := [worker for worker in workers if worker.job is not None]:
                    ready = connection.wait([worker.pipe for worker in busy])
                    for worker in busy:
                        if worker.pipe in ready:
                            tell(*worker.collect())
                            worker.start(waiting.popleft() if waiting else None)
        finally:
            _stop(workers, tell)


def _environment(threads: int, gpus: Sequence[str], number: int) -> dict[str, str]:
    """What worker ``number``, from 0, finds in its environment before it imports PyTorch."""
    seen = {VISIBLE: gpus[number % len(gpus)]} if gpus else {}
    return {"OMP_NUM_THREADS": str(threads), "HYDRA_FULL_ERROR": "1", **seen}


def _sharing(gpus: Sequence[str], workers: int, count: int) -> str:
    text = f"GPUs of the workers, in turn: {', '.join(gpus[:count])}"
    if count > len(gpus):
        return f"{text}; {count} models share {len(gpus)}"
    if workers < len(gpus):
        return f"{text}; hydra.launcher.workers={len(gpus)} would use all {len(gpus)}"
    return text


def _stop(workers: Sequence[_Worker], tell: Tell) -> None:
    """No worker outlives this, even where Ctrl-C comes again: Python's exit would wait for an idle one for ever."""
    try:
        for worker in workers:
            worker.signal()
        for worker in workers:
            worker.leave(tell)
    except BaseException:
        deadline = time.monotonic() + _HURRIED
        try:
            for worker in workers:
                worker.close()
            for worker in workers:
                worker.wait(deadline - time.monotonic())
        finally:
            for worker in workers:
                worker.kill(tell)
        raise


class _Worker:
    """A process, made when it is needed, and the job it has."""

    def __init__(self, setup: Setup, environment: Mapping[str, str], log: Path) -> None:
        self.job: Job | None = None
        self._given = (setup, dict(environment), log)
        self._process: multiprocessing.process.BaseProcess | None = None
        self._pipe: connection.Connection | None = None

    @property
    def pipe(self) -> connection.Connection:
        """To the process; raises RuntimeError before there is one."""
        if self._pipe is None:
            raise RuntimeError("the worker was given no job yet")
        return self._pipe

    def start(self, job: Job | None) -> None:
        self.job = job
        if job is None:
            return
        if self._process is None:
            # A fork would take PyTorch's threads and locks along as they are.
            context = multiprocessing.get_context("spawn")
            self._pipe, theirs = context.Pipe()
            process = context.Process(target=work, args=(theirs, *self._given))
            process.start()
            self._process = process
            theirs.close()
        with suppress(OSError):  # it may be dead already: collecting shows
            self.pipe.send(job)

    def collect(self) -> tuple[Job, Outcome]:
        """The job and how it ended, once the pipe has something to say."""
        job = self.job
        if job is None or self._process is None:
            raise RuntimeError("the worker has no job")
        self.job = None
        try:
            outcome: Outcome = self.pipe.recv()
        except (EOFError, OSError):
            self._process.join()
            outcome = Outcome(State.interrupted, _death(self._process.exitcode))
            self._process = None
        return job, outcome

    def signal(self) -> None:
        """Stop the job, if there is one, as Ctrl-C would."""
        if self._process is not None and self.job is not None:
            self._process.terminate()

    def leave(self, tell: Tell) -> None:
        """Wait for the end of the process, and report the job it still had."""
        if self._process is not None and self.job is not None and self.pipe.poll(_LEAVING):
            tell(*self.collect())
        self.close()
        self.wait(_LEAVING)
        self.kill(tell)

    def close(self) -> None:
        """Tell the process to go: it does as soon as it has no job."""
        if self._pipe is not None:
            self._pipe.close()

    def wait(self, seconds: float) -> None:
        if self._process is not None:
            self._process.join(max(0.0, seconds))

    def kill(self, tell: Tell) -> None:
        """End the process if there still is one, and report the job that it left unreported."""
        if self._process is None:
            return
        self._process.kill()
        self._process.join()
        self._process = None
        if self.job is not None:
            job, self.job = self.job, None
            tell(job, Outcome(State.interrupted, _SILENT))


def _death(code: int | None) -> str:
    if code is None or code >= 0:
        return f"Its process ended with exit code {code}."
    name = signal.Signals(-code).name
    memory = " If that was not you, the machine may have run out of memory." if name == "SIGKILL" else ""
    return f"Its process was killed by {name}.{memory}"


def work(jobs: connection.Connection, setup: Setup, environment: Mapping[str, str], log: Path) -> None:
    """Run jobs until there are no more, or until whoever sends them is gone: the job at hand is finished first.

    What is printed goes to ``log``. PyTorch is imported by the first job and reads its threads and GPUs from the
    ``environment``.
    """
    # Ctrl-C reaches every process of a terminal; the launcher alone decides who stops.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with log.open("ab", buffering=0) as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    os.environ.update(environment)
    with safe_output():
        while True:
            try:
                job: Job = jobs.recv()
                outcome = run_one(setup, job)
                jobs.send(outcome)
            except (EOFError, OSError):
                return
