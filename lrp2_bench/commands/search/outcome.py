"""What a search job says at its end: in the manifest, on the console, to the tracker."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lrp2_bench.analyses.exposure.job import exposure_measures
from lrp2_bench.commands.search.held_out import held_out_line
from lrp2_bench.commands.search.prepared import Prepared
from lrp2_bench.commands.search.strategies import search_summary
from lrp2_bench.core.types import LayerPair
from lrp2_bench.metrics.registry import metric
from lrp2_bench.probing.build import pool_size
from lrp2_bench.probing.ceiling import Ceiling, ceiling_of
from lrp2_bench.results.forgetting import forgetting_note
from lrp2_bench.results.identity import finish_manifest
from lrp2_bench.results.layout import experiment_folders
from lrp2_bench.results.manifest import peak_memory_bytes, table_digests
from lrp2_bench.results.tables import AlignmentRow, PairRow
from lrp2_bench.search.task import Found
from lrp2_bench.stats.held_out import HeldOut
from lrp2_bench.tracking.base import JobRecord, StartedJob

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Views:
    """What hits say: the rows of ``pairs.csv`` (the baseline first), the best pair, and what a strategy found."""

    rows: list[PairRow]
    best: LayerPair | None
    found: Found | None

    @property
    def best_row(self) -> PairRow | None:
        return next((row for row in self.rows if self.best is not None and row.pair == self.best), None)


def write_manifest(run: Prepared, views: Views, seconds: float) -> None:
    """What the job found, beside what it was started with; compared with the run it reproduces, where it does."""
    job = run.job
    outcome = {
        "best": views.best.as_dict() if views.best else None,
        "search": search_summary(job.settings.search, run.pairs, run.blocks, views.rows, views.found),
        "answers": _ceiling(run).as_dict(),
        "seconds": round(seconds, 3),
        "peak_memory_bytes": peak_memory_bytes(),
        "data_warnings": job.data_warnings.as_dict(),
        "files": table_digests(job.folder),
        **_kept_baselines(run),
    }
    finish_manifest(job.folder, run.identity, {**run.details, **outcome}, job.leases)
    if run.inputs.reference is not None:
        run.inputs.reference.compare(outcome, job.folder)


def _kept_baselines(run: Prepared) -> dict[str, Any]:
    """Those that other runs have evaluated, of this job and earlier ones in the folder; nothing where none."""
    kept = run.evaluator.baselines
    before = run.stored.get("kept_baselines", []) if run.stored.get("identity") == run.identity else []
    known = {*map(tuple, before), *(kept.recalled if kept is not None else ())}
    return {"kept_baselines": [list(each) for each in sorted(known)]} if known else {}


def _ceiling(run: Prepared) -> Ceiling:
    probing, size = run.job.settings.probing, pool_size(run.evaluator.model, run.job.settings.probing)
    return ceiling_of(run.inputs.facts.relations, size, run.job.settings.seed, filtered=probing.filtered)


def log_outcome(run: Prepared, views: Views, held_out: HeldOut | None, seconds: float) -> None:
    """The last lines of the console."""
    run.job.data_warnings.report()
    baseline, best = views.rows[0], views.best_row
    measured = [metric(name) for name in baseline.metrics]
    values = [f"{each.label} {each.text(baseline.value(each.name))}" for each in measured]
    log.info("Baseline: %s (%d facts, %d shared with the pivot).", ", ".join(values), baseline.facts, baseline.shared)
    if best is not None:
        changes = {each.name: best.value(each.name) - baseline.value(each.name) for each in measured}
        values = [
            f"{each.label} {each.text(best.value(each.name))} ({each.text(changes[each.name], signed=True)})"
            for each in measured
        ]
        strength = f", strength {best.pair.strengths}" if best.pair and best.pair.strengths else ""
        log.info("Best pair (in-sample): LIRP %d, LSRP %d%s: %s.", best.lirp, best.lsrp, strength, ", ".join(values))
        if (note := forgetting_note(baseline, best)) is not None:
            log.warning("%s", note)
    log.info("Results: %s (%.1f s)", run.job.folder, seconds)
    if best is not None and held_out is not None:
        log.info("%s", held_out_line(held_out, run.job.settings.select_by))


def record_of(
    run: Prepared, views: Views, aligned: list[AlignmentRow], measures: Mapping[str, Any], seconds: float
) -> JobRecord:
    """For the tracker, from what is on disk."""
    return JobRecord(
        **vars(started(run)),
        pairs=views.rows,
        best=views.best_row,
        baseline=views.rows[0],
        alignment=aligned,
        seconds=seconds,
        measures={**exposure_measures(run.job.folder, run.inputs.pretrained, views.best), **measures},
    )


def started(run: Prepared) -> StartedJob:
    """For the tracker, before there are results."""
    job, settings = run.job, run.job.settings
    return StartedJob(
        experiment="/".join(experiment_folders(settings.experiment.name, run.projection.label)),
        model=job.model_name,
        dataset=job.dataset_name,
        language=settings.language,
        pivot=settings.pivot,
        folder=job.folder,
        config=job.config,
        select_by=settings.select_by,
        intervention=run.projection.label,
    )
