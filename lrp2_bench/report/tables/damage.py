"""What each language's best pair costs beside its gain, and how many random interventions of its size gain as much."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from lrp2_bench.core.errors import BenchError
from lrp2_bench.render.table import Cell, Column, Table
from lrp2_bench.results.damage import damage_of
from lrp2_bench.results.draws import at_least
from lrp2_bench.results.runs import Run


def damage_tables(runs: Sequence[Run], select_by: str) -> list[Table]:
    """``damage_MODEL_DATASET`` of one model and dataset; none where no run measured its damage."""
    notes: list[str] = []
    rows = [row for run in runs if (row := _row(run, select_by, notes)) is not None]
    if not rows:
        return []
    short = "transf." if select_by == "transferability" else select_by
    columns = [
        Column("language", "language", "text"),
        Column("best", "best pair", "pair"),
        Column(f"{select_by}_change", f"{short} gain, in-sample", "change"),
        Column("pivot_accuracy", "pivot's accuracy there", "percent"),
        Column("pivot_accuracy_change", "change", "change"),
        Column("kl", "KL, nats", "nats"),
        Column(f"random_{select_by}_change", "random's mean gain at that KL", "change"),
        Column("random_reaching", "random draws that gain as much", "share"),
    ]
    table = Table(
        name=f"damage_{runs[0].model}_{runs[0].dataset}",
        title=f"Damage at the best pair by {select_by}, {runs[0].model} on {runs[0].dataset}",
        columns=tuple(columns),
        rows=tuple(rows),
        notes=(*notes, *_notes()),
    )
    drawn = any(row[-1] is not None for row in rows)
    return [table if drawn else table.keeping(lambda column: not column.key.startswith("random_"))]


def _row(run: Run, select_by: str, notes: list[str]) -> tuple[Cell, ...] | None:
    best = run.best(select_by) if run.pairs else None
    try:
        damage, draws = run.files.damage(), run.files.draws()
    except BenchError as error:
        notes.append(f"{run.language} has no row: {error}".split("\n")[0])
        return None
    before, after = damage_of(damage, None), damage_of(damage, best.pair) if best is not None else None
    if best is None or before is None or after is None:
        return None
    baseline = run.baseline.value(select_by)
    random: tuple[Cell, Cell] = (None, None)
    if len(draws) > 1 and draws[0].pair == best.pair and select_by in draws[0].metrics:
        mean = float(np.mean([row.metrics[select_by] for row in draws[1:]]))
        random = (mean - baseline, at_least(draws, select_by))
    change = after.pivot_accuracy - before.pivot_accuracy
    kl = None if math.isnan(after.kl) else after.kl
    return run.language, best.pair, best.value(select_by) - baseline, after.pivot_accuracy, change, kl, *random


def _notes() -> Iterator[str]:
    yield (
        "The pivot's accuracy: its own facts under the same intervention, in percent; change: against its baseline. "
        "KL: of the baseline's predictions on neutral sentences from the intervention's, mean over sentences."
    )
    yield (
        "Random: shifts in random directions at the same pair, scaled to the same KL (projection.seeds). The best pair "
        "was chosen on the same facts and theirs was not, so compare the held-out gain with their mean too."
    )
