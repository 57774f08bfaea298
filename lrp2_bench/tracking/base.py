"""What a tracker is told and what it must promise; one file per service implements it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lrp2_bench.records import AlignmentRow, PairRow


@dataclass(frozen=True)
class JobRecord:
    """One finished job; everything in it is already on disk when a tracker sees it.

    ``experiment``, ``model``, ``dataset`` and ``language`` are the parts of the run folder's path. ``pairs`` and
    ``alignment`` are the rows of ``pairs.csv`` and ``alignment.csv``; ``best`` is the pair chosen by ``select_by``,
    None for a job that computed the baseline alone. ``config`` is the resolved config, ``seconds`` the job's time.
    ``measures`` are further numbers for the run's summary, nested by name, that follow from what is on disk.
    """

    experiment: str
    model: str
    dataset: str
    language: str
    pivot: str
    folder: Path
    config: Mapping[str, Any]
    pairs: Sequence[PairRow]
    best: PairRow | None
    baseline: PairRow
    alignment: Sequence[AlignmentRow]
    select_by: str
    seconds: float
    measures: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """``MODEL-DATASET-LANGUAGE``."""
        return f"{self.model}-{self.dataset}-{self.language}"


class Tracker(ABC):
    """Mirrors finished jobs to a service. The run folder stays the truth, so losing the mirror loses nothing."""

    @abstractmethod
    def log_job(self, record: JobRecord) -> bool:
        """Mirror one job; whether nothing is left that the same command, run again, had better do.

        Never raises, never asks the user, and never waits without bound: a job of hours must not fail, nor hang, for
        the sake of a mirror. What goes wrong is a logged warning.
        """


class NoTracker(Tracker):
    """Tracks nothing and imports nothing."""

    def log_job(self, record: JobRecord) -> bool:
        """Do nothing."""
        return True
