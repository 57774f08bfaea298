"""One job of a multirun, and what became of it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path

from lrp2_bench.core.secrets import MASK, mask


@dataclass(frozen=True)
class Job:
    """``overrides`` make one configuration of the command; ``folder`` is where it writes; ``label`` names it."""

    command: str
    number: int
    overrides: tuple[str, ...]
    folder: Path
    label: str
    log_name: str | None = None  # of its log's file; null = the command

    @property
    def retry(self) -> str:
        """The command line that runs this job alone."""
        return repeated([self.command, *self.overrides])

    @property
    def log(self) -> Path:
        return self.folder / f"{self.log_name or self.command}.log"


class State(Enum):
    """How a job of a multirun ended."""

    finished = "finished"
    failed = "failed"
    interrupted = "interrupted"  # stopped, killed or lost: it resumes
    not_started = "not started"


@dataclass(frozen=True)
class Outcome:
    """``cause``: why it failed or was interrupted. ``before``: it was finished before this multirun. ``planned``: the
    seconds that a search would take, where it was only planned."""

    state: State
    cause: str = ""
    before: bool = False
    planned: float | None = None


def repeated(arguments: Sequence[str]) -> str:
    """``lrp2-bench ARGUMENTS`` for a shell, without credentials; where there were some, it says so."""
    shown = [mask(argument) for argument in arguments]
    hint = f"  ({MASK}: not shown, give it again)" if shown != list(arguments) else ""
    return shlex.join(["lrp2-bench", *shown]) + hint


def jobs_of(count: int) -> str:
    return f"{count} job" if count == 1 else f"{count} jobs"


def with_labels(jobs: Sequence[Job]) -> list[Job]:
    """Each job named by its folder; where several share one, also by the settings they differ in."""
    varying = {
        override for job in jobs for override in job.overrides if any(override not in other.overrides for other in jobs)
    }
    shared = [job.label for job in jobs]
    return [
        job if shared.count(job.label) == 1 and job.label != "." else replace(job, label=_settings_of(job, varying))
        for job in jobs
    ]


def _settings_of(job: Job, varying: set[str]) -> str:
    settings = " ".join(mask(override) for override in job.overrides if override in varying)
    return " ".join(part for part in (job.label.removeprefix("."), settings) if part) or "the job"
