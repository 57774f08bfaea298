"""What trackers get of a report, and where its searches were tracked: read from the runs' manifests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from lrp2_bench.results.runs import Run
from lrp2_bench.tracking.base import ReportRecord


def report_record(
    folder: Path,
    files: Sequence[Path],
    runs: Sequence[Run],
    select_by: str,
    incomplete: Sequence[str],
    others: Sequence[str] = (),
    headlines: Sequence[str] = (),
) -> ReportRecord:
    """The record of a report in ``folder`` on ``runs``; ``files`` are relative to it, ``others`` more experiments."""
    return ReportRecord(
        folder=folder,
        files=files,
        experiments=_each_once([*experiments(runs), *others]),
        models=_each_once(run.model for run in runs),
        datasets=_each_once(run.dataset for run in runs),
        languages=_each_once(run.language for run in runs),
        select_by=select_by,
        runs=len(runs),
        incomplete=incomplete,
        headlines=headlines,
    )


def experiments(runs: Iterable[Run]) -> list[str]:
    """Their names, each once, in order: W&B's groups. A run whose manifest names none goes by its folder."""
    return _each_once(run.experiment for run in runs)


def tracked_in(runs: Iterable[Run]) -> list[tuple[str, str | None]]:
    """The W&B projects and entities in which searches were tracked, each once, in order."""
    found: set[tuple[str, str | None]] = set()
    for run in runs:
        tracking = _mapping(_mapping(run.manifest.get("config")).get("tracking"))
        if project := tracking.get("project"):
            entity = tracking.get("entity")
            found.add((str(project), str(entity) if entity else None))
    return sorted(found, key=lambda each: (each[0], each[1] or ""))


def _mapping(found: object) -> Mapping[str, object]:
    return found if isinstance(found, Mapping) else {}


def _each_once(names: Iterable[str]) -> list[str]:
    return sorted(set(names))
