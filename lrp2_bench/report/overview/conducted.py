"""What was run: every experiment, model and intervention with its data, settings, date and code."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from lrp2_bench.core.settings import LRP2
from lrp2_bench.render.table import Cell, Column, Table
from lrp2_bench.results.runs import Run

_DIGITS = 12  # of a digest or commit that a reader sees
_SHOWN = 3  # different values of one setting
_COLUMNS = (
    Column("experiment", "experiment", "text"),
    Column("model", "model", "text"),
    Column("intervention", "intervention", "text"),
    Column("dataset", "dataset", "text"),
    Column("runs", "runs", "count"),
    Column("languages", "languages", "prose"),
    Column("pivot", "pivot", "text", in_csv_only=True),
    Column("facts", "facts", "count"),
    Column("pairs", "pairs", "text"),
    Column("dataset_digest", "dataset digest", "text"),
    Column("corpus", "corpus", "text"),
    Column("pool_size", "pool", "text", in_csv_only=True),
    Column("seed", "seed", "text"),
    Column("precision", "precision", "text"),
    Column("model_digest", "model digest", "text", in_csv_only=True),
    Column("model_revision", "model revision", "text", in_csv_only=True),
    Column("device", "device", "text", in_csv_only=True),
    Column("date", "date", "text"),
    Column("version", "version", "text", in_csv_only=True),
    Column("commit", "commit", "text"),
)


def conducted_table(groups: Iterable[Sequence[Run]]) -> Table:
    """``runs``: a row for the runs of a model, intervention, dataset and experiment each, from their manifests."""
    return Table("runs", "What was run", _COLUMNS, tuple(_row(runs) for runs in groups if runs), tuple(_notes()))


def date_of(run: Run) -> str:
    """The day on which it finished, ``2026-11-29``; '' where its status does not say."""
    return str(run.files.find_status().get("updated") or "")[:10]


def setting(run: Run, *keys: str) -> Any:
    """What the manifest says under ``keys``, each inside the last; None where it says nothing."""
    found: Any = run.manifest
    for key in keys:
        found = found.get(key) if isinstance(found, Mapping) else None
    return found


def commit_of(run: Run) -> str:
    return str(setting(run, "environment", "git_commit") or "")


def _row(runs: Sequence[Run]) -> tuple[Cell, ...]:
    first = runs[0]
    dates = sorted(set(filter(None, map(date_of, runs))))
    pairs = sorted({f"{run.evaluated} of {run.grid}" for run in runs if run.pairs})
    return (
        first.label or first.experiment,
        first.model_name,
        first.projection,
        first.dataset,
        len(runs),
        ", ".join(run.language for run in runs),
        first.pivot,
        sum(run.baseline.facts for run in runs),
        _cut(pairs) or "baseline",
        _digests(runs),
        _listed(runs, _corpus),
        _listed(runs, lambda run: setting(run, "identity", "probing", "pool_size")),
        _listed(runs, lambda run: setting(run, "identity", "probing", "seed")),
        _listed(runs, lambda run: setting(run, "identity", "model", "precision")),
        _listed(runs, lambda run: setting(run, "model", "digest")),
        _listed(runs, lambda run: setting(run, "model", "revision")),
        _listed(runs, lambda run: setting(run, "device")),
        None if not dates else dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}",
        _listed(runs, lambda run: setting(run, "environment", "packages", "lrp2-bench")),
        _listed(runs, lambda run: commit_of(run)[:_DIGITS]),
    )


def _digests(runs: Sequence[Run]) -> str | None:
    """A dataset has one digest, or one for each language."""
    found = sorted({str(setting(run, "dataset", "digest") or "")[:_DIGITS] for run in runs} - {""})
    return f"{len(found)}, by language" if len(found) > _SHOWN else _cut(found)


def _corpus(run: Run) -> str | None:
    """Of its vectors; a baseline needs none."""
    if not run.pairs:
        return None
    vectors = setting(run, "vectors", run.language) or setting(run, "vectors", run.pivot)
    if not isinstance(vectors, Mapping) or not vectors.get("corpus"):
        return None
    sentences = vectors.get("sentences")
    return f"{vectors['corpus']}, {sentences} sentences" if sentences else str(vectors["corpus"])


def _listed(runs: Sequence[Run], of: Callable[[Run], object]) -> str | None:
    """The values that ``runs`` have, each once; None without any."""
    return _cut(sorted({str(value) for run in runs if (value := of(run)) not in (None, "")}))


def _cut(found: Sequence[str]) -> str | None:
    if not found:
        return None
    return ", ".join(found[:_SHOWN]) + (f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else "")


def _notes() -> Iterable[str]:
    yield (
        "From the manifests of the runs, where everything else stands. Digests and commits are cut here; results.csv "
        f"has each run's. The intervention {LRP2} is the paper's."
    )
