"""Finds finished analyses below a path, for a report to show beside the searches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.files import write_bytes
from lrp2_bench.core.reading import read_object
from lrp2_bench.render.stored_tables import table_from_json
from lrp2_bench.render.table import Table
from lrp2_bench.render.text import file_stem
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
    ending: str = ""  # of its tables' and figures' names in a report, where another analysis there has the same

    def apart(self) -> StoredAnalysis:
        """The same under names that have its experiment in them."""
        return replace(
            self,
            tables=tuple(
                replace(table, name=f"{table.name}_{self.experiment}", title=f"{table.title}, {self.experiment}")
                for table in self.tables
            ),
            ending=f"_{self.experiment}",
        )

    def file_stems(self) -> set[str]:
        """What a report names its files after: figures lie in a folder of their own."""
        return {file_stem(table.name) for table in self.tables} | {f"figures/{stem}" for stem in self.named_figures()}

    def named_figures(self) -> dict[str, str]:
        """A report's name of each figure -> the stem of its files here."""
        return {file_stem(stem + self.ending) if self.ending else stem: stem for stem in self.figures}


def each_apart(analyses: Sequence[StoredAnalysis]) -> list[StoredAnalysis]:
    """``analyses`` under names that no two of them share: with the experiment in them where they would.

    Raises :class:`BenchError` where two of one experiment's name do, as in outputs that were merged.
    """
    names = Counter(stem for analysis in analyses for stem in analysis.file_stems())
    renamed = [one.apart() if any(names[stem] > 1 for stem in one.file_stems()) else one for one in analyses]
    owners: dict[str, StoredAnalysis] = {}
    for analysis in renamed:
        for stem in sorted(analysis.file_stems()):
            other = owners.setdefault(stem, analysis)
            if other is not analysis:
                raise BenchError(
                    f"Two analyses would have the same names in one report ('{stem}'):\n"
                    f"  {other.folder}\n  {analysis.folder}\nReport on one of the folders at a time."
                )
    return renamed


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
                problems.append(f"{file}: not an analysis that can be read ({error!r}); run it again.")
    return found, problems


def copy_figures(analyses: Sequence[StoredAnalysis], folder: Path) -> list[Path]:
    """Copy their figures into ``folder``; the paths written."""
    copied: list[Path] = []
    for analysis in analyses:
        for name, stem in analysis.named_figures().items():
            for path in (analysis.folder / f"{stem}.png", analysis.folder / f"{stem}.pdf"):
                if path.is_file():
                    copied.append(folder / f"{name}{path.suffix}")
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
        _experiment(stored["config"]),
    )


def _experiment(config: Mapping[str, Any]) -> str:
    """Its name, with the tokens that vectors and projections were of where those are not all."""
    tokens = config.get("projection", {}).get("tokens", "all")
    return str(config["experiment"]["name"]) + ("" if tokens == "all" else f"_{tokens}")
