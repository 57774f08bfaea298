"""What a dataset of facts must offer; one file per source implements it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.types import ParallelFacts


class Dataset(ABC):
    """Facts of many languages under ids they share.

    ``name`` is the DATASET of ``outputs/EXPERIMENT/MODEL/DATASET/LANGUAGE``.
    """

    name: str

    @classmethod
    def example(cls, folder: Path) -> dict[str, Any]:
        """Options of a small source, written to ``folder``, on which tests/contract tries the class: two relations or
        more in two languages or more, English among them. Nothing to be written, where it is made without options."""
        return {}

    @classmethod
    def published_languages(cls, options: Mapping[str, Any]) -> tuple[str, ...] | None:
        """The codes of what is fetched, or asked for, where ``options`` give no ``path``; None where they are not known
        beforehand."""
        return None

    @abstractmethod
    def languages(self) -> tuple[str, ...]:
        """The codes of the languages there are, sorted."""

    @abstractmethod
    def facts(self, language: str, pivot: str, data_warnings: DataWarnings) -> ParallelFacts:
        """The facts of ``language`` and those of ``pivot`` with the same ids.

        ``pivot == language`` gives the language's facts twice (for ``search=baseline``). Blemishes are counted
        in ``data_warnings``. Raises :class:`~lrp2_bench.core.errors.UnknownNameError` for a language or relation that
        does not exist, :class:`~lrp2_bench.core.errors.BenchError` where the source cannot be read.
        """
