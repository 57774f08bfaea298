"""Finds finished analyses below a path, for a report to show beside the searches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.files import write_bytes
from lrp2_bench.core.reading import read_object
from lrp2_bench.render.stored_tables import table_from_json
from lrp2_bench.render.table import Table
from lrp2_bench.results.runs import walk

#: ``EXPERIMENT/MODEL/FOLDER/ANALYSIS_NAME/ANALYSIS``
FOLDER = "analyses"
ANALYSIS = "analysis.json"


@dataclass(frozen=True)
class StoredAnalysis:
    """A finished analysis: ``figures`` are the stems of its .png and .pdf files in ``folder``."""

    folder: Path
    name: str
    model: str
    tables: tuple[Table, ...]
    figures: tuple[str, ...]
    experiment: str


def find_analyses(inputs: Sequence[Path]) -> tuple[list[StoredAnalysis], list[str]]:
    """Every finished analysis at or below ``inputs``, each once, in path order; and why others cannot be read."""
    found: list[StoredAnalysis] = []
    problems: list[str] = []
    seen: set[Path] = set()
    for path in inputs:
        for file in (folder / ANALYSIS for folder, _, names in walk(path, seen) if ANALYSIS in names):
            try:
                found.append(_read(file))
            except (BenchError, ValueError, KeyError, TypeError, AttributeError) as error:
                problems.append(f"{file}: it is no analysis that can be read ({error!r}); run it again.")
    return found, problems


def copy_figures(analyses: Sequence[StoredAnalysis], folder: Path) -> list[Path]:
    """Copy their figures into ``folder``; the paths written."""
    copied: list[Path] = []
    for analysis in analyses:
        for stem in analysis.figures:
            for path in (analysis.folder / f"{stem}.png", analysis.folder / f"{stem}.pdf"):
                if path.is_file():
                    copied.append(folder / path.name)
                    write_bytes(copied[-1], path.read_bytes())
    return copied


def _read(file: Path) -> StoredAnalysis:
    stored = read_object(file)
    tables = tuple(table_from_json(table) for table in stored["tables"])
    return StoredAnalysis(
        file.parent,
        str(stored["analysis"]),
        str(stored["model"]["name"]),
        tables,
        tuple(stored["figures"]),
        str(stored["config"]["experiment"]["name"]),
    )
