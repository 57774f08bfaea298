"""LRP2 beside what it is compared with: what each projection changes at its own best pair."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.settings import LRP2
from lrp2_bench.core.types import Hits, Interval
from lrp2_bench.interventions.registry import INTERVENTIONS, name_in
from lrp2_bench.metrics.base import FactHits
from lrp2_bench.metrics.registry import metric
from lrp2_bench.render.table import Cell, Column, Table
from lrp2_bench.report.agreement import differing_settings
from lrp2_bench.report.assessed_runs import AssessedRuns
from lrp2_bench.results.choice import measures
from lrp2_bench.results.forgetting import forgetting_notes
from lrp2_bench.results.runs import Run
from lrp2_bench.results.stored_hits import StoredHits
from lrp2_bench.stats.fact_clusters import fact_clusters
from lrp2_bench.stats.further import further_of
from lrp2_bench.stats.held_out import FOLDS
from lrp2_bench.stats.paired_intervals import Changes, paired_changes

_SHORT = {"transferability": "transf."}


def ablation_tables(
    runs: Sequence[Run], select_by: str, assessed: Sequence[AssessedRuns] = (), cluster: str = "auto"
) -> list[Table]:
    """``ablations_MODEL_DATASET`` for every model and dataset of which an ablation's pairs were searched.

    ``assessed`` are the same runs, which know the held-out gain; where they lack a run, it has none.
    """
    held_out = {
        each.run.folder: each.assessed.measured[select_by].held_out
        for found in assessed
        for each in found.assessed.values()
    }
    groups: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        if run.pairs:
            groups.setdefault((str(run.manifest["model"]["name"]), run.dataset), []).append(run)
    return [
        _table(model, dataset, members, select_by, held_out, cluster)
        for (model, dataset), members in sorted(groups.items())
        if any(run.projection != LRP2 for run in members)
    ]


def _table(
    model: str, dataset: str, runs: Sequence[Run], select_by: str, held_out: Mapping[Path, Interval], cluster: str
) -> Table:
    short = _SHORT.get(select_by, select_by)
    notes: list[str] = []
    rows: list[tuple[Cell, ...]] = []
    shown: list[Run] = []
    changes: dict[str, dict[str, tuple[float, ...]]] = {}
    for language in sorted({run.language for run in runs}):
        there = sorted((run for run in runs if run.language == language), key=_place)
        try:
            stored = _hits_of(there)
            together = _of_one_baseline(there, stored)
            notes += [_left_out(other, together[0]) for other in there if other not in together]
            rows += _rows(together, stored, select_by, changes, held_out, cluster)
            shown += together
        except BenchError as error:
            notes.append(f"{language} has no rows: {error}")
    return Table(
        name=f"ablations_{model}_{dataset}",
        title=f"LRP2 and its ablations, {model} on {dataset}: change at each one's best pair by {select_by}, in points",
        columns=(
            Column("language", "language", "text"),
            Column("projection", "projection", "text"),
            Column("settings", "interventions", "count", optional=True),
            Column("best", "best pair", "pair", optional=True),
            Column(f"{select_by}_held_out", f"{short} held-out", "change_interval"),
            *(
                Column(f"{name}_change", f"{_SHORT.get(name, name)}, in-sample", "change_interval")
                for name in measures(select_by)
            ),
            Column(f"{select_by}_less_lrp2", f"{short} against LRP2", "change_interval"),
        ),
        rows=(*rows, *_means(changes, len(measures(select_by)))),
        notes=(*notes, *_notes(runs, shown, select_by)),
    )


def _place(run: Run) -> tuple[int, str]:
    """In the registry's order; labels with more to them (random_seed1) follow their kind."""
    names, name = INTERVENTIONS.names(), name_in(run.projection)
    return (names.index(name) if name else len(names), run.projection)


def _hits_of(runs: Sequence[Run]) -> dict[Path, StoredHits]:
    """By folder. Raises :class:`BenchError` for runs of different facts."""
    digests = {str(run.manifest["dataset"].get("digest")) for run in runs}
    if len({run.projection for run in runs}) < len(runs) or len(digests) > 1:
        folders = ", ".join(str(run.folder) for run in runs)
        raise BenchError(f"its runs are of different facts, or of one projection twice: {folders}.")
    return {run.folder: run.files.hits() for run in runs}


def _of_one_baseline(runs: Sequence[Run], stored: Mapping[Path, StoredHits]) -> list[Run]:
    """The first of ``runs``, and those with its baseline and its pivot's hits; another pool of candidates, for one,
    gives others, and changes from one baseline would be paired with those from another."""
    facts = stored[runs[0].folder].facts

    def baselines(run: Run) -> list[Hits | None]:
        return [stored[run.folder].row(None), run.files.pivot_hits(facts)]

    def alike(run: Run) -> bool:
        pairs = zip(ours, baselines(run), strict=True)
        # Other facts, or no baseline, are damage under one digest, which is named where rows are made.
        whole = stored[run.folder].facts == facts
        return not whole or all(one is None or two is None or np.array_equal(one, two) for one, two in pairs)

    ours = baselines(runs[0])
    return [run for run in runs if alike(run)]


def _left_out(run: Run, against: Run) -> str:
    settings = ", ".join(key.removeprefix("identity.") for key in differing_settings([run, against]))
    why = f"they differ in {settings}" if settings else "of the same settings, so of another machine or version"
    return (
        f"{run.language} has no row of {_shown(run)}: its baseline is not that of {_shown(against)}, so their changes "
        f"cannot be paired ({why}): {run.folder}, {against.folder}."
    )


def _rows(
    runs: Sequence[Run],
    hits_by_folder: Mapping[Path, StoredHits],
    select_by: str,
    changes: dict[str, dict[str, tuple[float, ...]]],
    held_out: Mapping[Path, Interval],
    cluster: str,
) -> Iterator[tuple[Cell, ...]]:
    """One language's, from one resampling: the baseline, then each projection's best pair."""
    stored = [hits_by_folder[run.folder] for run in runs]
    best, measures, against = _changes(runs, stored, select_by, cluster)
    lrp2 = next((row for row, run in enumerate(runs, start=1) if run.projection == LRP2), None)
    for row, run in enumerate(runs, start=1):
        found = [measure.interval(row) for measure in measures]
        less = against(lrp2).interval(row) if lrp2 is not None and row != lrp2 else None
        fair = held_out.get(run.folder, Interval(math.nan, math.nan, math.nan))
        values = (fair.value, *(each.value for each in found), *([less.value] if less else []))
        changes.setdefault(run.projection, {})[run.language] = values
        yield run.language, _shown(run), _distinct(run), best[row - 1], fair, *found, less


def _changes(
    runs: Sequence[Run], stored: Sequence[StoredHits], select_by: str, cluster: str
) -> tuple[list[Cell], list[Changes], Callable[[int], Changes]]:
    """The best pairs; each metric's changes against the baseline; and those of ``select_by`` against any row."""
    facts = stored[0].facts
    best = [row.pair if (row := run.best(select_by)) else None for run in runs]
    rows = [stored[0].row(None), *(hits.row(pair) for hits, pair in zip(stored, best, strict=True) if pair)]
    whole = [row for row in rows if row is not None]
    if len(whole) < len(runs) + 1 or any(hits.facts != facts for hits in stored):
        raise BenchError(
            "hits.parquet of a run has fewer hits than pairs.csv counts. Search again: both are regenerated."
        )
    pivot = runs[0].files.pivot_hits(facts)
    clusters, hits_of = fact_clusters(runs[0].files, facts, cluster), np.stack(whole)

    data = FactHits(hits_of, pivot, stored[0].relations, hits_of[0])
    further = further_of(metric(select_by), data)

    def against(row: int) -> Changes:
        return paired_changes(hits_of, pivot, clusters, select_by, row, further)

    names = measures(select_by)
    return list(best), [paired_changes(hits_of, pivot, clusters, name, further=further) for name in names], against


def _means(changes: Mapping[str, Mapping[str, tuple[float, ...]]], measured: int) -> Iterator[tuple[Cell, ...]]:
    """Over the languages that every projection has; each has a held-out gain, ``measured`` changes, and one against
    LRP2."""
    shared = set.intersection(*(set(found) for found in changes.values())) if changes else set()
    if len(shared) < 2:
        return
    for projection, found in changes.items():
        means = [float(np.mean(values)) for values in zip(*(found[code] for code in sorted(shared)), strict=True)]
        yield (f"mean of {len(shared)}", projection, None, None, *means, *([None] * (measured + 2 - len(means))))


def _distinct(run: Run) -> int:
    found = run.manifest.get("projection")
    return int(found["distinct_pairs"]) if isinstance(found, Mapping) and "distinct_pairs" in found else len(run.pairs)


def _shown(run: Run) -> str:
    """With the language that the data drew, which its label lacks."""
    found = run.manifest.get("projection")
    other = found.get("other") if isinstance(found, Mapping) else None
    return f"{run.projection} ({other})" if other and not run.projection.endswith(f"_{other}") else run.projection


def _notes(runs: Sequence[Run], shown: Sequence[Run], select_by: str) -> Iterator[str]:
    """``shown`` are those of ``runs`` that have rows."""
    kinds = {run.projection for run in runs}
    if LRP2 not in kinds:
        yield "No search of LRP2 has these settings; run the same with projection=lrp2 for the last column."
    yield (
        f"Each projection at the pair with its highest {select_by}, in-sample (chosen on the same facts); the more "
        "interventions there are to choose from, the larger the selection bias: random has as many as LRP2."
    )
    yield (
        f"Held-out: each fact at the intervention that other facts choose ({FOLDS} folds of clusters, no intervention "
        "among the choices); without selection bias, so this separates a gain from a perturbation."
    )
    names = {name for kind in kinds if (name := name_in(kind)) is not None}
    best = [(f"{run.language} by {run.projection}", run.baseline, run.best(select_by)) for run in shown]
    yield from forgetting_notes((name, before, row) for name, before, row in best if row is not None)
    yield from dict.fromkeys(note for name in sorted(names) if (note := INTERVENTIONS.get(name).note))
    yield (
        "Intervals: 95 %, by clusters of facts, paired for all projections of a language; in-sample ones are as if the "
        "pair had been named beforehand."
    )
