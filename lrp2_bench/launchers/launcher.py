"""Where the jobs of a multirun run: the interface, and the two that start nothing of their own."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn, JobStatus, configure_log
from hydra.plugins.launcher import Launcher
from rich.console import Console
from rich.text import Text

from lrp2_bench.launchers.job import Job, Outcome, State
from lrp2_bench.launchers.running import Setup, failed, run_one

#: Takes note of a job's end.
Tell = Callable[[Job, Outcome], None]

_CONSOLE = Console(stderr=True)


class JobLauncher(ABC):
    """Subclasses are made from ``conf/hydra/launcher``, their settings as keywords."""

    @abstractmethod
    def run(self, setup: Setup, jobs: Sequence[Job], folder: Path, tell: Tell) -> None:
        """Run every job and report each by ``tell`` as it ends; a job that fails or dies stops no other.

        ``folder`` is the experiment's, for what the launcher itself writes. On KeyboardInterrupt reported jobs count.
        """


class InlineLauncher(JobLauncher):
    """One job after another in this process."""

    def run(self, setup: Setup, jobs: Sequence[Job], folder: Path, tell: Tell) -> None:
        try:
            for job in jobs:
                say(f"Job {job.number + 1}: {job.label}")
                outcome = run_one(setup, job)
                if outcome.state is State.failed:
                    say(_ended(job, outcome))
                tell(job, outcome)
                if outcome.state is State.interrupted:
                    raise KeyboardInterrupt
        finally:
            configure_log(setup.config.hydra.hydra_logging, setup.config.hydra.verbose)


class ForeignLauncher(JobLauncher):
    """A launcher of another package (hydra/launcher=joblib, submitit_local), as far as it reports how jobs ended."""

    def __init__(self, launcher: Launcher) -> None:
        self._launcher = launcher

    def run(self, setup: Setup, jobs: Sequence[Job], folder: Path, tell: Tell) -> None:
        returned: Sequence[JobReturn] = self._launcher.launch([job.overrides for job in jobs], jobs[0].number)
        for job, ended in zip(jobs, returned, strict=True):
            value: Any = ended._return_value
            tell(job, failed(job, value) if ended.status is JobStatus.FAILED else Outcome(State.finished))


def say(text: str) -> None:
    """A line for the user, not for a job's log."""
    _CONSOLE.print(Text(text), soft_wrap=True)


class Outcomes:
    """Keeps outcomes by number, and says each when jobs run where the user cannot see them."""

    def __init__(self, total: int, *, aloud: bool) -> None:
        self.outcomes: dict[int, Outcome] = {}
        self._total, self._aloud, self._start = total, aloud, time.monotonic()

    def __call__(self, job: Job, outcome: Outcome) -> None:
        self.outcomes[job.number] = outcome
        if self._aloud:
            seconds = time.monotonic() - self._start
            say(f"[{len(self.outcomes)}/{self._total}] {_ended(job, outcome)} ({seconds:.0f} s)")


def _ended(job: Job, outcome: Outcome) -> str:
    """How a job ended, and where its cause can be read before the summary prints it."""
    why = ""
    if outcome.state is State.failed and job.log.is_file():
        why = f"; why: {job.log}"
    elif outcome.cause and outcome.state is not State.failed:
        why = f": {outcome.cause.splitlines()[0]}"
    return f"{job.label} {outcome.state.value}{why}"
