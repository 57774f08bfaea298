"""``results.csv`` and ``results.parquet``: one tidy row for each run and strength, for any program."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.files import write_bytes, write_text
from lrp2_bench.core.types import Interval
from lrp2_bench.data.language_table import language_name, resource_of
from lrp2_bench.interventions.registry import without_strengths
from lrp2_bench.render.text import one_line
from lrp2_bench.report.assessed_runs import AssessedRun, AssessedRuns, at_strength
from lrp2_bench.report.claims.check import gain_outcome
from lrp2_bench.report.files import RESULTS
from lrp2_bench.report.method import few_strengths
from lrp2_bench.report.overview.conducted import commit_of, date_of, setting
from lrp2_bench.report.run_strength import strength_of
from lrp2_bench.results.choice import METRICS, measures, value
from lrp2_bench.results.damage import damage_of
from lrp2_bench.results.runs import Run
from lrp2_bench.results.tables import PairRow

_BOUNDED = ("baseline", "at_best", "in_sample_gain", "held_out_gain")


def _measured_columns(metrics: Sequence[str]) -> list[str]:
    return [f"{metric}_{what}{part}" for metric in metrics for what in _BOUNDED for part in ("", "_low", "_high")]


#: In this order; docs/files.md says what each is.
COLUMNS = (
    "experiment", "model", "dataset", "language", "projection", "intervention", "strength", "name", "resource", "pivot",
    "metric", "blocks", "pairs", "facts", "shared", "clusters", "lirp", "lsrp",
    *_measured_columns(METRICS),
    "held_out_p", "max_t_p", "result", "why", "confidence_set",
    "pivot_accuracy_baseline", "pivot_accuracy", "kl",
    "pool_size", "seed", "precision", "dataset_digest", "model_digest", "date", "commit", "folder",
)  # fmt: skip
_COUNTS = ("blocks", "pairs", "facts", "shared", "clusters", "lirp", "lsrp", "confidence_set")
_NUMBERS = ("held_out_p", "max_t_p", "pivot_accuracy_baseline", "pivot_accuracy", "kl")


def results_frame(groups: Sequence[AssessedRuns], languages: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """A row for every run of ``groups``, baselines and pivots too, and one more for each strength of those that
    searched a few; ``languages`` has the resource classes. A report by a further metric has its columns at the end."""
    rows = [row for found in groups for row in _rows(found, languages)]
    further = _measured_columns([name for name in groups[0].by_metric if name not in METRICS] if groups else [])
    frame = pd.DataFrame(rows, columns=[*COLUMNS, *further])
    return frame.astype({**{name: _kind(name) for name in COLUMNS}, **dict.fromkeys(further, "float64")})


def write_results(frame: pd.DataFrame, folder: Path) -> list[Path]:
    """Write ``folder/results.csv`` (six decimals) and ``results.parquet``; the same frame gives the same bytes."""
    csv, parquet = (folder / f"{RESULTS}.{form}" for form in ("csv", "parquet"))
    write_text(csv, frame.to_csv(index=False, float_format="%.6f", lineterminator="\n"))
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False)
    write_bytes(parquet, buffer.getvalue())
    return [csv, parquet]


def _kind(name: str) -> str:
    if name in _COUNTS:
        return "Int64"
    measured = name.startswith(tuple(f"{metric}_" for metric in METRICS))
    return "float64" if measured or name in _NUMBERS else "string"


def _rows(found: AssessedRuns, languages: Mapping[str, Sequence[str]]) -> Iterator[dict[str, Any]]:
    yield from (_row(run, found, languages) for run in found.runs)
    for strength in few_strengths(found.runs):
        part = at_strength(found, strength)
        yield from (_row(run, part, languages) for run in part.runs)


def _row(run: Run, found: AssessedRuns, languages: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    best = run.best(found.select_by) if run.pairs and not run.is_pivot else None
    each = found.assessed.get(run.language)
    row: dict[str, Any] = {
        "experiment": run.label or run.experiment,
        "model": run.model_name,
        "dataset": run.dataset,
        "language": run.language,
        "projection": run.projection,
        "intervention": without_strengths(run.projection),
        "strength": strength_of(run),
        "name": language_name(run.language),
        "resource": resource_of(run.language, languages),
        "pivot": run.pivot,
        "metric": found.select_by,
        "blocks": run.blocks,
        "pairs": len(run.pairs),
        "facts": run.baseline.facts,
        "shared": run.baseline.shared,
        "pool_size": _text(setting(run, "identity", "probing", "pool_size")),
        "seed": _text(setting(run, "identity", "probing", "seed")),
        "precision": _text(setting(run, "identity", "model", "precision")),
        "dataset_digest": _text(setting(run, "dataset", "digest")),
        "model_digest": _text(setting(run, "model", "digest")),
        "date": date_of(run) or None,
        "commit": commit_of(run) or None,
        "folder": str(run.folder),
    }
    if best is not None and best.pair is not None:
        row |= {"lirp": best.pair.lirp, "lsrp": best.pair.lsrp, **_damage(run, best)}
    for metric in measures(found.select_by):
        row |= _measured(run, best, each, metric)
    row |= _judged(each, found) if each is not None else {}
    return {name: one_line(cell) if isinstance(cell, str) else cell for name, cell in row.items()}


def _measured(run: Run, best: PairRow | None, each: AssessedRun | None, metric: str) -> dict[str, float]:
    """With intervals where hits were assessed, from ``pairs.csv`` elsewhere."""
    if each is not None:
        one = each.assessed.measured[metric]
        found = zip(_BOUNDED, (one.without, one.lrp2, one.change, one.held_out), strict=True)
        return {name: number for what, interval in found for name, number in _parts(f"{metric}_{what}", interval)}
    row = {f"{metric}_baseline": value(run.baseline, metric)}
    if best is not None:
        after = value(best, metric)
        row |= {f"{metric}_at_best": after, f"{metric}_in_sample_gain": after - row[f"{metric}_baseline"]}
    return row


def _parts(name: str, found: Interval) -> Iterator[tuple[str, float]]:
    yield from ((name, found.value), (f"{name}_low", found.low), (f"{name}_high", found.high))


def _judged(each: AssessedRun, found: AssessedRuns) -> dict[str, Any]:
    assessed = each.assessed
    gain = assessed.measured[found.select_by].held_out
    none = found.equivalence_p[each.run.language]
    outcome, why = gain_outcome(gain, found.stats.equivalence_margin, none, each.held_out_p, found.sign)
    return {
        "clusters": assessed.clusters.count, "held_out_p": each.held_out_p, "max_t_p": each.p, "result": outcome,
        "why": (why if assessed.held_out.told else "Too few clusters of facts.") or None,
        "confidence_set": len(assessed.confidence_set),
    }  # fmt: skip


def _damage(run: Run, best: PairRow) -> dict[str, float]:
    try:
        rows = run.files.damage()
    except BenchError:  # the table of damages names it
        return {}
    before, after = damage_of(rows, None), damage_of(rows, best.pair)
    if before is None or after is None:
        return {}
    found = {"pivot_accuracy_baseline": before.pivot_accuracy, "pivot_accuracy": after.pivot_accuracy, "kl": after.kl}
    return {name: number for name, number in found.items() if not math.isnan(number)}


def _text(found: object) -> str | None:
    return None if found is None else str(found)
