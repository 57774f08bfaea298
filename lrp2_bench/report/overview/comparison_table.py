"""The comparison as a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lrp2_bench.render.table import Cell, Column, Table
from lrp2_bench.report.agreement import differing_settings
from lrp2_bench.report.assessed_runs import AssessedRuns
from lrp2_bench.report.overview.comparison import ComparisonRow, comparison
from lrp2_bench.results.choice import METRICS

_NAMES = ("experiment", "model", "dataset", "intervention", "strength")


def comparison_table(groups: Sequence[AssessedRuns], cluster: str = "auto") -> tuple[Table | None, list[ComparisonRow]]:
    """``comparison``, and its rows; None where no two runs differ in one dimension alone."""
    rows, problems = comparison(groups, cluster)
    if not rows:
        return None, rows
    metric = rows[0].metric
    order = (metric, *(name for name in METRICS if name != metric))
    columns = (
        Column("dimension", "dimension", "text"),
        Column("second", "compared", "text"),
        Column("first", "with", "text"),
        Column("of", "in", "text"),
        *(Column(name, name, "text", in_csv_only=True) for name in _NAMES),
        Column("language", "language code", "text", in_csv_only=True),
        Column("name", "language", "text"),
        Column("languages", "languages", "count", in_csv_only=True),
        Column("facts", "facts of both", "count", optional=True),
        *(Column(f"{name}_held_out", f"held-out gain, {name}", "change_interval", name != metric) for name in order),
        Column("p_holm", "p Holm", "p"),
        Column("result", "result", "text"),
        *(Column(f"{name}_baseline", f"baseline, {name}", "change_interval", optional=True) for name in order),
        *(Column(f"{name}_best", f"best pairs, {name}, in-sample", "change_interval", optional=True) for name in order),
        Column("second_best", "best pair", "pair", optional=True),
        Column("first_best", "best pair, with", "pair", optional=True),
    )
    title = f"Comparison, by the held-out gain of {metric}: differences in points"
    cells = tuple(_cells(row, order) for row in rows)
    return Table("comparison", title, columns, cells, tuple(_notes(groups, problems))), rows


def _cells(row: ComparisonRow, order: Sequence[str]) -> tuple[Cell, ...]:
    first, second = row.best or (None, None)
    named = ", ".join(value for name, value in row.names.items() if name != "strength" or value != "1")
    return (
        row.dimension, row.second, row.first, named, *(row.names.get(name) for name in _NAMES), row.language or None,
        row.name, row.languages, row.facts, *(row.found.held_out.get(name) for name in order), row.p,
        row.outcome or None, *(row.found.baseline.get(name) for name in order),
        *(row.found.at_best.get(name) for name in order), second, first,
    )  # fmt: skip


def _notes(groups: Sequence[AssessedRuns], problems: Sequence[str]) -> Iterator[str]:
    yield (
        "The compared one's less the other's, in points, with 95 % intervals. Held-out gains: resampled by the same "
        "draws of clusters of facts; baselines and best pairs: paired by fact, over the facts that both evaluated. "
        "Means are over languages, and know the facts that these share."
    )
    yield (
        "Higher, lower: p of the held-out gain's difference below 0.05; equivalent: within the margin (TOST). Both are "
        "corrected (Holm) over the languages of a mean, and over all means and single languages of the table; the "
        "intervals are not."
    )
    yield "Best pairs are in-sample: each was chosen on these facts, which the intervals do not account for."
    yield from _experiments(groups)
    yield from (f"Not compared: {problem}" for problem in problems)


def _experiments(groups: Sequence[AssessedRuns]) -> Iterator[str]:
    """What experiments of one model, dataset and intervention set otherwise, and the languages of one alone."""
    alike: dict[tuple[str, str], list[AssessedRuns]] = {}
    for found in groups:
        if found.label:
            alike.setdefault((found.model, found.dataset), []).append(found)
    for (model, dataset), members in alike.items():
        against, *others = sorted(members, key=lambda found: found.label)
        for other in others:
            of = f"{model} on {dataset}: "
            if differing := differing_settings([*against.runs, *other.runs]):
                yield f"{of}{other.label} differs from {against.label} in {', '.join(differing)}."
            for one, two in ((other, against), (against, other)):
                alone = sorted({run.language for run in one.runs} - {run.language for run in two.runs})
                if alone:
                    yield f"{of}In {one.label} alone: {', '.join(alone)}."
