"""What several right answers do to accuracy: one query has one first place, so not every fact can be hit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lrp2_bench.core.errors import BenchError
from lrp2_bench.data.language_table import language_name
from lrp2_bench.render.table import Column, Table
from lrp2_bench.report.method import method
from lrp2_bench.results.runs import Run


@dataclass(frozen=True)
class Ceiling:
    """Of a run's ``facts``, ``several`` have a query with further right objects; at most ``hits`` can be hit."""

    facts: int
    several: int
    hits: int


def ceiling_of(run: Run) -> Ceiling | None:
    """As its manifest says; of runs of before, which say nothing, where pools are full and so hide no right object."""
    stored = run.manifest.get("answers")
    if isinstance(stored, Mapping):
        return Ceiling(int(stored["facts"]), int(stored["several"]), int(stored["most_hits"]))
    probing: Any = run.manifest.get("identity", {}).get("probing", {})
    if probing.get("pool_size") != "full":
        return None
    try:
        texts = run.files.facts()
    except BenchError:
        return None
    objects: dict[tuple[str, str], Counter[str]] = {}
    for (relation, _), text in texts.items():
        objects.setdefault((relation, text.query), Counter())[text.object] += 1
    several = sum(sum(found.values()) for found in objects.values() if len(found) > 1)
    return Ceiling(len(texts), several, sum(max(found.values()) for found in objects.values()))


def answers_table(runs: Sequence[Run], select_by: str) -> Table | None:
    """A row a language that has such queries; None without any."""
    rows = []
    for run in sorted(runs, key=lambda run: run.language):
        found = ceiling_of(run)
        if found is None or not found.several:
            continue
        best = run.best(select_by) if not run.is_pivot else None
        ceiling = 100 * found.hits / found.facts
        accuracies = (run.baseline.accuracy, best.accuracy if best is not None else float("nan"))
        several = 100 * found.several / found.facts
        rows.append((run.language, language_name(run.language), found.facts, several, ceiling, *accuracies))
    if not rows:
        return None
    filtered = bool(runs[0].manifest.get("identity", {}).get("probing", {}).get("filtered"))
    return Table(
        name=f"ceiling_{runs[0].model}_{runs[0].dataset}",
        title=f"Several right answers and the ceiling of accuracy, {runs[0].model} on {runs[0].dataset}, in percent",
        columns=(
            Column("language", "language", "text"),
            Column("name", "name", "text", optional=True),
            Column("facts", "facts", "count"),
            Column("several", "with further right objects", "percent"),
            Column("ceiling", "ceiling", "percent"),
            Column("without", "acc. baseline", "percent"),
            Column("lrp2", f"acc. {method(runs[0])}", "percent"),
        ),
        rows=tuple(rows),
        notes=(
            "Ceiling: the share of facts that one ranking a query can hit; a query has one first place, whatever the "
            "model knows. It is exact for full pools and an upper bound for cut ones.",
            "Other true objects of a fact's subject left its pool (filtered ranking)."
            if filtered
            else "probing.filtered=true takes the other true objects of a subject out of its pools.",
        ),
    )
