"""What keeps a report from being complete: jobs that did not finish, and what is missing from finished ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lrp2_bench.report.assessed_runs import AssessedRuns
from lrp2_bench.results.runs import Run, Unfinished


def incomplete_runs(unfinished: Sequence[Unfinished], groups: Sequence[AssessedRuns]) -> list[str]:
    """A line per incomplete run folder, and why. Languages that nobody began are no part of it: the tables'
    notes count those."""
    lines = [f"{each.folder}: {each.reason}" for each in unfinished]
    return [*lines, *(line for found in groups for run in found.runs for line in _of_run(run, found))]


def _of_run(run: Run, found: AssessedRuns) -> Iterator[str]:
    if run.pairs and run.evaluated < run.grid:
        yield f"{run.folder}: {run.evaluated} of {run.grid} pairs"
    if run.missing:
        yield f"{run.folder}: relations missing: {', '.join(run.missing)}"
    if run.language in found.unread and not run.is_pivot:
        yield f"{run.folder}: {found.unread[run.language]}"
