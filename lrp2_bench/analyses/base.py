"""What an analysis is given and what it returns; one file per analysis implements it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, Protocol, TypeVar

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


class OfLanguage(Protocol):
    """What was found of one language."""

    @property
    def language(self) -> str: ...


FoundT = TypeVar("FoundT", bound=OfLanguage)


class LanguageAnalysis(Analysis, Generic[FoundT]):
    """An analysis that looks at one language after another, each beside the pivot and none beside the others: so what
    earlier runs found of other languages stands in its tables as well.

    ``kind`` is the dataclass of a language's results, of what
    :func:`~lrp2_bench.analyses.stored_languages.to_json` knows.
    """

    kind: ClassVar[type[Any]]

    @abstractmethod
    def measure(self, subject: Subject) -> Iterable[FoundT]:
        """Look at the languages asked for; each as soon as it is done. Raises as :meth:`run`."""

    @abstractmethod
    def show(self, subject: Subject, found: Sequence[FoundT]) -> AnalysisResult:
        """Tables and figures of ``found``, one or more."""

    def run(self, subject: Subject) -> AnalysisResult:
        return self.show(subject, list(self.measure(subject)))
