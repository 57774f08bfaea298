"""The leaderboard as a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from lrp2_bench.metrics.better import if_less_is_better, sides
from lrp2_bench.render.table import Cell, Column, Table
from lrp2_bench.report.claims.check import ALPHA
from lrp2_bench.report.overview.leaderboard import LeaderboardRow
from lrp2_bench.report.run_strength import SEARCHED
from lrp2_bench.results.choice import METRICS
from lrp2_bench.stats.across_languages import FEWEST
from lrp2_bench.stats.held_out import ENOUGH

#: Shown only where rows differ in them, or where some row has them.
_WHERE_THEY_DIFFER = ("experiment", "dataset", "strength")
_WHERE_KNOWN = ("pivot_accuracy_change", "kl", "note")


def leaderboard_table(rows: Sequence[LeaderboardRow]) -> Table | None:
    """``leaderboard``; None without rows."""
    if not rows:
        return None
    metric = rows[0].metric
    other = next(name for name in METRICS if name != metric)
    columns = (
        Column("experiment", "experiment", "text"),
        Column("model", "model", "text"),
        Column("dataset", "dataset", "text"),
        Column("intervention", "intervention", "text"),
        Column("strength", "strength", "text"),
        Column("language", "language code", "text", in_csv_only=True),
        Column("name", "language", "text"),
        Column("languages", "languages", "count", in_csv_only=True),
        Column("facts", "facts", "count", optional=True),
        Column(f"{metric}_held_out", "held-out gain", "change_interval"),
        Column("result", "result", "text"),
        Column(f"{other}_held_out", f"held-out gain, {other}", "change_interval", optional=True),
        Column(f"{metric}_baseline", f"baseline, {metric}", "interval", optional=True),
        Column(f"{other}_baseline", f"baseline, {other}", "interval", in_csv_only=True),
        Column(f"{metric}_in_sample", "in-sample gain", "change_interval", optional=True),
        Column(f"{other}_in_sample", f"in-sample gain, {other}", "change_interval", in_csv_only=True),
        Column("best", "best pair", "pair", optional=True),
        Column("pivot_accuracy_change", "damage, pivot's accuracy", "change", optional=True),
        Column("kl", "damage, KL in nats", "nats", optional=True),
        Column("note", "note", "text", optional=True),
        Column("p_holm", "p Holm", "p", in_csv_only=True),
        Column("why", "why", "prose", in_csv_only=True),
        Column("remark", "remark", "prose", in_csv_only=True),
    )
    table = Table(
        "leaderboard", f"Leaderboard, by the held-out gain of {metric} in points", columns,
        tuple(_cells(row, other) for row in rows), tuple(_notes(rows)),
    )  # fmt: skip
    return _for_readers(table)


def _cells(row: LeaderboardRow, other: str) -> tuple[Cell, ...]:
    return (
        row.experiment, row.model, row.dataset, row.intervention, row.strength, row.language or None, row.name,
        row.languages, row.facts, row.gain, row.outcome, row.held_out[other], row.baseline[row.metric],
        row.baseline[other], row.in_sample[row.metric], row.in_sample[other], row.best, row.pivot_change, row.kl,
        "accuracy falls" if row.remark else None, row.p, row.why or None, row.remark or None,
    )  # fmt: skip


def _for_readers(table: Table) -> Table:
    """Columns that say nothing are for programs alone."""
    columns = []
    for at, column in enumerate(table.columns):
        values = {row[at] for row in table.rows}
        empty = (column.key in _WHERE_THEY_DIFFER and len(values) == 1) or (
            column.key in _WHERE_KNOWN and values == {None}
        )
        columns.append(replace(column, in_csv_only=True) if empty else column)
    return replace(table, columns=tuple(columns))


def _notes(rows: Sequence[LeaderboardRow]) -> Iterator[str]:
    high = if_less_is_better(rows[0].metric, "low") or "high"
    better, worse = sides(rows[0].metric)
    less = if_less_is_better(rows[0].metric, f", for less of {rows[0].metric} is better")
    yield (
        "Held-out gain: each fact at the pair that other facts choose, no intervention among the choices, less the "
        f"baseline, in points with a 95 % interval (docs/statistics.md). Supported: it is {better} 0{less}; "
        f"contradicted: {worse}, or shown to be none (TOST). Of a single language p < {ALPHA:g} is asked for as well, "
        f"Holm-corrected over the model's languages; a mean needs {FEWEST} languages. Reasons stand in the CSV (why)."
    )
    yield (
        f"In-sample gain: at the best pair, on the facts that chose it; it is too {high} wherever many pairs were "
        "tried, and the interval of its mean, which knows that languages share facts, does not know of the choice."
    )
    if any(not row.language for row in rows):
        yield (
            f"Means are over languages with a held-out gain, so with {ENOUGH} clusters of facts or more, all of a row "
            "over the same ones; where none has one, over all languages. Damage: over those of them where it was "
            "measured."
        )
    if any(row.strength == SEARCHED for row in rows):
        yield (
            f"Strength {SEARCHED}: chosen with the pair, among all pairs at all strengths; another: the best of all "
            f"pairs at that one; of {SEARCHED}: the same, where a search at that strength alone stands beside it."
        )
    if any(row.pivot_change is not None or row.kl is not None for row in rows):
        yield (
            "Damage at the best pair: the change of the pivot's own accuracy in points, and how far predictions on "
            "neutral sentences move (KL)."
        )
    if any(row.remark for row in rows):
        yield (
            "Accuracy falls: transferability rises while accuracy falls. Facts lost that the pivot misses count as "
            "overlap gained, so such a rise is no gain of knowledge."
        )
