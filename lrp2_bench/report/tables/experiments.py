"""Experiments compared: what changes in a language from one to another, fact by fact."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lrp2_bench.core.errors import BenchError
from lrp2_bench.render.table import Cell, Column, Table
from lrp2_bench.report.agreement import differing_settings
from lrp2_bench.results.runs import Run
from lrp2_bench.stats.compare import Compared, compare_runs

_COLUMNS = (
    Column("language", "language", "text"),
    Column("experiment", "experiment", "text"),
    Column("against", "against", "text"),
    Column("facts", "facts both evaluated", "count"),
    Column("accuracy_baseline", "accuracy, baseline", "change_interval"),
    Column("transferability_baseline", "transf., baseline", "change_interval"),
    Column("best", "best pair", "pair", optional=True),
    Column("against_best", "best pair against", "pair", optional=True),
    Column("accuracy_best", "accuracy, best pairs", "change_interval"),
    Column("transferability_best", "transf., best pairs", "change_interval"),
)


def compare_tables(runs: Sequence[Run], select_by: str, cluster: str = "auto") -> list[Table]:
    """``compare_MODEL_DATASET`` for every model and dataset that has labelled runs of several experiments: each
    experiment against the first by name, language by language."""
    groups: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        if run.label:
            groups.setdefault((run.model, run.dataset), []).append(run)
    return [
        _table(model, dataset, members, select_by, cluster)
        for (model, dataset), members in sorted(groups.items())
        if len({run.label for run in members}) > 1
    ]


def _table(model: str, dataset: str, runs: Sequence[Run], select_by: str, cluster: str) -> Table:
    against, *others = sorted({run.label for run in runs})
    rows: list[tuple[Cell, ...]] = []
    notes: list[str] = []
    for label in others:
        first, second = ({run.language: run for run in runs if run.label == one} for one in (against, label))
        for language in sorted(first.keys() & second.keys()):
            try:
                compared = compare_runs(first[language], second[language], select_by, cluster)
            except BenchError as error:
                notes.append(f"{language}, {label} against {against}, has no row: {error}")
                continue
            rows.append((language, label, against, *_cells(compared)))
        notes += _notes(first, second, label, against)
    return Table(
        name=f"compare_{model}_{dataset}",
        title=f"Experiments compared, {model} on {dataset}: differences in points, best pairs by {select_by}",
        columns=_COLUMNS,
        rows=tuple(rows),
        notes=(
            "A difference is the experiment's percentage minus that of the one it is compared with, over the facts "
            "that both evaluated; 95 % intervals: paired, by clusters of facts. "
            "Best pairs are in-sample: each was chosen on these facts, which the intervals do not account for.",
            *notes,
        ),
    )


def _cells(compared: Compared) -> tuple[Cell, ...]:
    ours, theirs = compared.best or (None, None)
    return (
        compared.facts,
        *(compared.baseline[metric].difference for metric in ("accuracy", "transferability")),
        theirs,
        ours,
        *(
            compared.at_best[metric].difference if compared.at_best else None
            for metric in ("accuracy", "transferability")
        ),
    )


def _notes(first: dict[str, Run], second: dict[str, Run], label: str, against: str) -> Iterator[str]:
    """What was set otherwise, and the languages of one experiment alone."""
    differing = differing_settings([*first.values(), *second.values()])
    if differing:
        yield f"{label} differs from {against} in {', '.join(differing)}."
    for name, ours, theirs in ((label, second, first), (against, first, second)):
        alone = sorted(ours.keys() - theirs.keys())
        if alone:
            yield f"In {name} alone: {', '.join(alone)}."
