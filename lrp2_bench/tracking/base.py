"""What a tracker receives and what it must promise; one file per service implements it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lrp2_bench.results.tables import AlignmentRow, PairRow


@dataclass(frozen=True, kw_only=True)
class StartedJob:
    """A job as it begins. ``experiment``, ``model``, ``dataset`` and ``language`` are the parts of the run folder's
    path, ``config`` is the resolved config. ``intervention`` is its label; where it is another than LRP2, it is the
    last part of ``experiment`` too.
    """

    experiment: str
    model: str
    dataset: str
    language: str
    pivot: str
    folder: Path
    config: Mapping[str, Any]
    select_by: str
    intervention: str = "lrp2"

    @property
    def name(self) -> str:
        """``LANGUAGE-INTERVENTION-MODEL-DATASET-EXPERIMENT``: what differs most within a project comes first."""
        experiment = self.experiment.removesuffix(f"/{self.intervention}")
        return "-".join((self.language, self.intervention, self.model, self.dataset, experiment))

    @property
    def tags(self) -> tuple[str, ...]:
        """What runs are picked by at W&B."""
        return self.language, self.intervention, self.model, self.dataset


@dataclass(frozen=True, kw_only=True)
class JobRecord(StartedJob):
    """One finished job; everything in it is already on disk when a tracker sees it.

    ``pairs`` and ``alignment`` are the rows of ``pairs.csv`` and ``alignment.csv``; ``best`` is the pair chosen by
    ``select_by``, None for a job that computed the baseline alone. ``seconds`` is the job's time. ``measures`` are
    further numbers for the run's summary, nested by name, that follow from what is on disk.
    """

    pairs: Sequence[PairRow]
    best: PairRow | None
    baseline: PairRow
    alignment: Sequence[AlignmentRow]
    seconds: float
    measures: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ReportRecord:
    """One written report; its files are on disk when a tracker sees it.

    ``files`` are paths below ``folder``, those of this report alone: an earlier one may have left others there.
    ``experiments``, ``models``, ``datasets`` and ``languages`` are those reported on, each once, in order; ``runs``
    counts the finished runs and ``incomplete`` has a line for everything that is missing from them; ``headlines`` are
    what the report says first.
    """

    folder: Path
    files: Sequence[Path]
    experiments: Sequence[str]
    models: Sequence[str]
    datasets: Sequence[str]
    languages: Sequence[str]
    select_by: str
    runs: int
    incomplete: Sequence[str]
    headlines: Sequence[str] = ()

    @property
    def name(self) -> str:
        """``report-EXPERIMENT``, of several ``report-EXPERIMENT+EXPERIMENT``."""
        return f"report-{self.group}"

    @property
    def tags(self) -> tuple[str, ...]:
        """The word ``report`` and the models."""
        return "report", *self.models

    @property
    def group(self) -> str:
        """The experiment; several stand together."""
        return "+".join(self.experiments)


@dataclass(frozen=True)
class AnalysisRecord:
    """One finished analysis; ``files`` are paths below ``folder`` and on disk when a tracker sees it.

    ``summary`` holds its headline numbers by name, ``config`` is the resolved config.
    """

    experiment: str
    model: str
    analysis: str
    folder: Path
    files: Sequence[Path]
    config: Mapping[str, Any]
    summary: Mapping[str, float]

    @property
    def name(self) -> str:
        """``ANALYSIS-MODEL-EXPERIMENT``."""
        return f"{self.analysis}-{self.model}-{self.experiment}"

    @property
    def tags(self) -> tuple[str, ...]:
        """The analysis and the model."""
        return self.analysis, self.model


class Tracker(ABC):
    """Mirrors finished jobs, reports and analyses to a service. What is on disk stays the truth, so losing the mirror
    loses nothing.

    No method raises, asks the user, or waits without bound: hours of work must not fail, nor hang, for the sake of a
    mirror. What goes wrong is a logged warning.
    """

    #: Seconds between two words of a job's progress, at least; 0 for a tracker that wants none.
    live_seconds: float = 0.0

    def log_progress(self, job: StartedJob, progress: Mapping[str, float]) -> None:  # noqa: B027
        """How far ``job`` is, by name. Its results, and what it tells later, belong to the same run."""

    def stop(self, *, failed: bool) -> None:  # noqa: B027
        """The job that has told of its progress ends without results, which it could not get or left to another."""

    @abstractmethod
    def log_job(self, record: JobRecord) -> bool:
        """Mirror one job; whether nothing is left that the same command, run again, had better do."""

    @abstractmethod
    def log_report(self, record: ReportRecord) -> None:
        """Mirror one report."""

    @abstractmethod
    def log_analysis(self, record: AnalysisRecord) -> None:
        """Mirror one analysis."""


@contextmanager
def closing_run(tracker: Tracker) -> Iterator[None]:
    """A job that fails, or is stopped, within it leaves no run open."""
    try:
        yield
    except BaseException:
        tracker.stop(failed=True)
        raise


class NoTracker(Tracker):
    """Tracks nothing and imports nothing."""

    def log_job(self, record: JobRecord) -> bool:
        """Do nothing."""
        return True

    def log_report(self, record: ReportRecord) -> None:
        """Do nothing."""

    def log_analysis(self, record: AnalysisRecord) -> None:
        """Do nothing."""
