"""What an analysis is given and what it returns; one file per analysis implements it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from matplotlib.figure import Figure

from lrp2_bench.analyses.subject import Subject
from lrp2_bench.render.table import Table


@dataclass(frozen=True)
class AnalysisResult:
    """What an analysis found. ``summary`` holds its headline numbers by name, for the log and W&B.

    ``figures`` are drawn inside ``house_style``, by the stem of their files. ``details`` are for programs: written as
    CSV, shown nowhere.
    """

    tables: tuple[Table, ...]
    figures: Mapping[str, Callable[[], Figure]] = field(default_factory=dict)
    summary: Mapping[str, float] = field(default_factory=dict)
    details: tuple[Table, ...] = ()


class Analysis(ABC):
    """A look into one model. The constructor takes the settings of ``conf/analysis/NAME.yaml`` and refuses what cannot
    be, before a model is loaded.

    ``name`` is the ANALYSIS of ``outputs/EXPERIMENT/MODEL/analyses/ANALYSIS``.
    """

    name: ClassVar[str]

    @abstractmethod
    def run(self, subject: Subject) -> AnalysisResult:
        """Look. Raises :class:`~lrp2_bench.core.errors.BenchError` for what a user can fix."""
