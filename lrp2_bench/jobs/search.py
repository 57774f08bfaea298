"""The main job: every layer pair of one model on one dataset in one language, hits first, views of them after."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lrp2_bench import metrics
from lrp2_bench.ablations import experiment_folder, label
from lrp2_bench.analysis.alignment import alignment
from lrp2_bench.data.corpus import Corpus
from lrp2_bench.data.dataset import Dataset
from lrp2_bench.errors import BenchError
from lrp2_bench.grid.store import HitsStore, holds_hits, require_same_identity, write_hits
from lrp2_bench.jobs.exposure import exposure_measures, note_unread, pretrained_details
from lrp2_bench.jobs.hits import RelationHits, compute_hits
from lrp2_bench.jobs.manifest import environment, peak_memory_bytes, read_manifest, write_manifest
from lrp2_bench.jobs.projection import Projection, choose_projection, with_moves
from lrp2_bench.jobs.status import JobStatus, job_status
from lrp2_bench.models.layered import LayeredModel
from lrp2_bench.models.loading import Checkpoint, find_checkpoint, load_model
from lrp2_bench.models.names import folder_name
from lrp2_bench.notices import Notices
from lrp2_bench.probing.build import pool_size
from lrp2_bench.projection import Moves
from lrp2_bench.records import AlignmentRow, PairRow, read_alignment, write_alignment, write_pairs
from lrp2_bench.search import best_pair, write_study
from lrp2_bench.settings import SearchCommand, SearchKind
from lrp2_bench.testbed.pretrained import pretrained_of
from lrp2_bench.tracking.base import JobRecord, Tracker
from lrp2_bench.types import LayerPair, ParallelFacts, all_pairs

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Sources:
    """What a job reads from and tells; made inside the job, so that their errors reach ``status.json``."""

    dataset: Callable[[], Dataset]
    corpus: Callable[[], Corpus]
    tracker: Callable[[], Tracker]


def run_search(settings: SearchCommand, config: Mapping[str, Any], sources: Sources) -> Path:
    """Evaluate, store and report one job; returns ``outputs/EXPERIMENT/MODEL/DATASET/LANGUAGE``.

    An ablation's EXPERIMENT is ``NAME/PROJECTION``.

    ``config`` is the resolved configuration as a tree. Finished relations are kept whatever happens later, and a job
    that was stopped goes on where it was. Raises :class:`BenchError` for what a user can mend.
    """
    dataset_name = str(config["dataset"]["name"])
    root = Path(settings.paths.outputs).expanduser()
    model = folder_name(settings.model.name, settings.model.path)
    experiment = experiment_folder(settings.experiment.name, label(settings.projection))
    folder = root / experiment / model / dataset_name / settings.language
    with job_status(folder) as status:
        tracker = sources.tracker()  # a setting it refuses is better refused now than after hours
        record = _run(settings, config, sources, folder, dataset_name, status)
    # Last, because a tracker may be slow or down and everything it mirrors is on disk by now.
    tracker.log_job(record)
    return folder


def _run(
    settings: SearchCommand,
    config: Mapping[str, Any],
    sources: Sources,
    folder: Path,
    dataset_name: str,
    status: JobStatus,
) -> JobRecord:
    start, notices = time.perf_counter(), Notices()
    grid = settings.search.kind is SearchKind.grid
    if settings.language == settings.pivot and grid:
        raise BenchError(
            f"language and pivot are both '{settings.pivot}': there is nothing to move.\n"
            "Choose another language, or search=baseline for the pivot's own row."
        )
    dataset = sources.dataset()
    projection = choose_projection(settings, dataset.languages)
    facts = dataset.facts(settings.language, settings.pivot, notices)
    checkpoint = find_checkpoint(settings.model)
    pretrained = pretrained_of(checkpoint.folder, notices)
    note_unread(pretrained, (settings.language, settings.pivot), notices)
    model = load_model(checkpoint, settings.model)
    notices.report()
    if grid:
        projection = with_moves(projection, settings, sources.corpus, model, checkpoint, notices)
    moved = projection.moves

    identity = _identity(settings, model, checkpoint, facts, dataset_name, projection)
    stored = read_manifest(folder / "manifest.json") or {}
    if not stored and holds_hits(folder):
        raise BenchError(
            f"'{folder}' holds hits without a manifest.json, so it cannot be told which configuration they belong to.\n"
            "Move the folder away, or give this run another experiment.name."
        )
    configs = stored.get("config", {}), config
    identity = require_same_identity(stored.get("identity", {}), identity, folder, configs)
    details = _details(config, settings, model, checkpoint, facts, dataset_name, projection)
    details |= pretrained_details(pretrained)
    write_manifest(folder / "manifest.json", identity, {**stored, **details})

    wanted = (None, *projection.pairs(model.blocks)) if grid else (None,)
    hits = compute_hits(model, facts, wanted, moved, settings, HitsStore(folder), status, notices)
    hits = projection.filled(hits, model.blocks)
    rows = _write_views(folder, hits, model.blocks)
    if not rows[0].shared:
        notices.add("No fact is shared with the pivot, so transferability is 0 whatever the pair", settings.language)
    name = folder_name(settings.model.name, settings.model.path)
    study = f"{name}/{dataset_name}/{settings.language}"
    best = None
    if len(rows) > 1:
        best = best_pair(write_study(folder / "study.journal", study, rows, model.blocks, settings.select_by))
    aligned = _alignment(folder, stored, identity, model, facts, best, moved, settings, notices)

    seconds = time.perf_counter() - start
    outcome = {
        "best": {"lirp": best.lirp, "lsrp": best.lsrp} if best else None,
        "seconds": round(seconds, 3),
        "peak_memory_bytes": peak_memory_bytes(),
        "notices": notices.as_dict(),
    }
    write_manifest(folder / "manifest.json", identity, {**stored, **details, **outcome})
    notices.report()
    best_row = next((row for row in rows if best is not None and row.pair == best), None)
    _log_outcome(folder, rows[0], best_row, seconds)
    return JobRecord(
        experiment=experiment_folder(settings.experiment.name, projection.label),
        model=name,
        dataset=dataset_name,
        language=settings.language,
        pivot=settings.pivot,
        folder=folder,
        config=config,
        pairs=rows,
        best=best_row,
        baseline=rows[0],
        alignment=aligned,
        select_by=settings.select_by.value,
        seconds=seconds,
        measures=exposure_measures(folder, pretrained, best),
    )


def _identity(
    settings: SearchCommand,
    model: LayeredModel,
    checkpoint: Checkpoint,
    facts: ParallelFacts,
    dataset_name: str,
    projection: Projection,
) -> dict[str, Any]:
    """What decides hits, and nothing else. Null: not fixed yet, as vectors are while only baselines have run."""
    return {
        "model": {"digest": checkpoint.digest, "precision": settings.model.precision.value},
        "dataset": {"name": dataset_name, "digest": facts.digest},
        "language": settings.language,
        "pivot": settings.pivot,
        "vectors": {
            "language": projection.origin(settings.language),
            "pivot": projection.origin(settings.pivot),
            **({"other": projection.origin(projection.other)} if projection.other else {}),
        },
        "probing": {
            "pool_size": pool_size(model, settings.probing) or "full",
            "sentence_score": settings.probing.sentence_score.value if model.family == "causal" else "mean",
            "seed": settings.seed,
        },
        "projection": projection.name,
    }


def _details(
    config: Mapping[str, Any],
    settings: SearchCommand,
    model: LayeredModel,
    checkpoint: Checkpoint,
    facts: ParallelFacts,
    dataset_name: str,
    projection: Projection,
) -> dict[str, Any]:
    return {
        "config": config,
        "model": {
            "name": folder_name(settings.model.name, settings.model.path),
            "path": settings.model.path,
            "revision": checkpoint.revision,
            "digest": checkpoint.digest,
            "family": model.family,
            "blocks": model.blocks,
        },
        "dataset": {
            "name": dataset_name,
            "digest": facts.digest,
            "relations": [relation.name for relation in facts.relations],
        },
        # A run of baselines has none and leaves those of an earlier run in place.
        **(
            {"vectors": {code: {**v.metadata, "digest": v.digest} for code, v in projection.vectors.items()}}
            if projection.vectors
            else {}
        ),
        "projection": projection.details(model.blocks),
        "language": settings.language,
        "pivot": settings.pivot,
        "select_by": settings.select_by.value,
        "device": str(model.device),
        "environment": environment(),
    }


def _write_views(folder: Path, hits: Sequence[RelationHits], blocks: int) -> list[PairRow]:
    """``hits.parquet``, ``pivot_hits.parquet`` and ``pairs.csv``; the rows of the last."""
    settings = (None, *all_pairs(blocks))
    write_hits(folder / "hits.parquet", ((h.relation.name, h.relation.facts, settings, h.language) for h in hits))
    write_hits(
        folder / "pivot_hits.parquet", ((h.relation.name, h.pivot_relation.facts, [None], h.pivot) for h in hits)
    )
    language = np.concatenate([h.language for h in hits], axis=1)
    pivot = np.concatenate([h.pivot_by_fact() for h in hits])
    facts, shared = language.shape[1], int((pivot >= 0).sum())
    accuracy, transferability = metrics.accuracy(language), metrics.transferability(language, pivot)
    rows = [
        PairRow(
            lirp=setting.lirp if setting else None,
            lsrp=setting.lsrp if setting else None,
            accuracy=accuracy[row],
            transferability=transferability[row],
            facts=facts,
            shared=shared,
        )
        for row, setting in enumerate(settings)
        if metrics.fully_evaluated(language)[row]
    ]
    write_pairs(folder / "pairs.csv", rows)
    return rows


def _alignment(
    folder: Path,
    stored: Mapping[str, Any],
    identity: Mapping[str, Any],
    model: LayeredModel,
    facts: ParallelFacts,
    best: LayerPair | None,
    moved: Moves | None,
    settings: SearchCommand,
    notices: Notices,
) -> list[AlignmentRow]:
    """Computed and written, or read where the folder has it for the same hits and pair; none for the pivot itself.

    A run of baselines has no vectors at hand: beside the pairs of an earlier run it keeps what that run wrote, and
    where there is nothing to keep it leaves the moved side open.
    """
    if facts.language == facts.pivot:
        return []
    path = folder / "alignment.csv"
    before = {"lirp": best.lirp, "lsrp": best.lsrp} if best else None
    pair = best if moved is not None else None
    if path.exists() and stored.get("identity") == identity and "best" in stored and stored["best"] == before:
        rows = read_alignment(path)
        if pair is None or rows[0].lrp2 is not None:
            return rows
    batch_tokens = settings.grid.batch_tokens or (16_384 if model.device.type == "cuda" else 2_048)
    rows = alignment(model, facts, pair, moved, batch_tokens=batch_tokens, notices=notices)
    write_alignment(path, rows)
    return rows


def _log_outcome(folder: Path, baseline: PairRow, best: PairRow | None, seconds: float) -> None:
    log.info(
        "Baseline: accuracy %.2f, transferability %.2f (%d facts, %d shared with the pivot).",
        baseline.accuracy, baseline.transferability, baseline.facts, baseline.shared,
    )  # fmt: skip
    if best is not None:
        log.info(
            "Best pair: LIRP %d, LSRP %d: accuracy %.2f (%+.2f), transferability %.2f (%+.2f).",
            best.lirp, best.lsrp, best.accuracy, best.accuracy - baseline.accuracy,
            best.transferability, best.transferability - baseline.transferability,
        )  # fmt: skip
    log.info("Results: %s (%.1f s)", folder, seconds)
