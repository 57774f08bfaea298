"""The main job: every layer pair of one model on one dataset in one language, hits first, views of them after."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lrp2_bench.analyses.exposure.job import exposure_measures, note_unread, pretrained_details
from lrp2_bench.commands.search.alignment import stored_alignment
from lrp2_bench.commands.search.fingerprint import early_identity, run_identity
from lrp2_bench.commands.search.hits import RelationHits, compute_hits
from lrp2_bench.commands.search.outcome import log_outcome
from lrp2_bench.commands.search.projection import Projection, choose_projection, with_moves
from lrp2_bench.commands.search.shards import relations_of, shard_of
from lrp2_bench.commands.search.strategies import CHOOSING, run_strategy, search_summary
from lrp2_bench.commands.search.studies import finish_study, open_recorder
from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.filenames import require_path
from lrp2_bench.core.files import remove_abandoned, sha256_json
from lrp2_bench.core.secrets import masked
from lrp2_bench.core.settings import ProjectionKind, SearchCommand, SearchKind
from lrp2_bench.core.types import ParallelFacts, all_pairs
from lrp2_bench.data.corpus import Corpus
from lrp2_bench.data.dataset import Dataset
from lrp2_bench.interventions.ablations import experiment_folder, label, run_folder
from lrp2_bench.metrics import hits as metrics
from lrp2_bench.models.layered import LayeredModel
from lrp2_bench.models.loading import Checkpoint, find_checkpoint, load_model
from lrp2_bench.models.names import folder_name
from lrp2_bench.probing.alike import count_alike
from lrp2_bench.probing.scores import require_scores
from lrp2_bench.results.completion import nothing_left, write_completion
from lrp2_bench.results.facts import FACTS, write_facts
from lrp2_bench.results.former_folder import require_not_elsewhere
from lrp2_bench.results.hits import HitsStore, write_hits
from lrp2_bench.results.identity import finish_manifest, require_no_conflict, start_manifest, stored_model
from lrp2_bench.results.leases import TABLES, Leases, lease_of
from lrp2_bench.results.manifest import environment, peak_memory_bytes, table_digests, was_finished
from lrp2_bench.results.reproduction import read_reference
from lrp2_bench.results.status import JobStatus, job_status, sigterm_interrupts
from lrp2_bench.results.tables import PairRow, write_pairs
from lrp2_bench.testbed.pretrained import pretrained_of
from lrp2_bench.tracking.base import JobRecord, Tracker

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
    that was stopped goes on where it was. Raises :class:`BenchError` for what a user can fix.
    """
    dataset_name = str(config["dataset"]["name"])
    config = masked(config)
    root = Path(settings.paths.outputs).expanduser()
    model = folder_name(settings.model.name, settings.model.path)
    folder = run_folder(
        root, settings.experiment.name, label(settings.projection), model, dataset_name, settings.language
    )
    require_path(folder)
    projection = [] if settings.projection.kind is ProjectionKind.lrp2 else [label(settings.projection)]
    require_not_elsewhere(root, [settings.experiment.name, *projection, model, dataset_name, settings.language])
    shard = shard_of(settings.shard)
    # A shard has its own word to leave, and a rerun something to compare, whatever is finished.
    alone = shard is None and settings.reproduces is None
    if alone and nothing_left(folder, settings, config, sources.dataset, sources.corpus, find_checkpoint):
        log.info("Nothing is left to do in '%s': it was finished before, and nothing has changed.", folder)
        return folder
    with Leases(folder) as leases, job_status(folder, str(shard) if shard else None) as status:
        tracker = sources.tracker()  # a setting it refuses is better refused now than after hours
        record = _run(settings, config, sources, folder, dataset_name, status, leases)
    # Last, because a tracker may be slow or down and everything it mirrors is on disk by now.
    if record is not None:
        with sigterm_interrupts():  # what it has started must not outlive the job
            told = tracker.log_job(record)
        if told:
            write_completion(folder, config)
    return folder


def _run(
    settings: SearchCommand,
    config: Mapping[str, Any],
    sources: Sources,
    folder: Path,
    dataset_name: str,
    status: JobStatus,
    leases: Leases,
) -> JobRecord | None:
    """None where the tables are another job's to write: of a shard that is not the last, or a twin that was faster."""
    start, data_warnings = time.perf_counter(), DataWarnings()
    reference = read_reference(Path(settings.reproduces)) if settings.reproduces else None
    grid = settings.search.kind is not SearchKind.baseline
    if settings.language == settings.pivot and grid:
        raise BenchError(
            f"language and pivot are both '{settings.pivot}': there is nothing to move.\n"
            "Choose another language, or search=baseline for the pivot's own row."
        )
    dataset = sources.dataset()
    projection = choose_projection(settings, dataset.languages)
    facts = dataset.facts(settings.language, settings.pivot, data_warnings)
    checkpoint = find_checkpoint(settings.model).known_as(
        stored_model(folder) or (reference.manifest["identity"].get("model", {}).get("digest") if reference else None)
    )

    def known_of(stored: Mapping[str, Any]) -> Mapping[str, Any]:
        return early_identity(stored, settings, checkpoint, facts, dataset_name, projection, sources.corpus)

    require_no_conflict(folder, known_of, _kept(config))
    if reference is not None:
        reference.warn()
        reference.require(known_of(reference.manifest))
    pretrained = pretrained_of(checkpoint.folder, data_warnings)
    note_unread(pretrained, (settings.language, settings.pivot), data_warnings)
    model = load_model(checkpoint, settings.model)
    count_alike(model.tokenizer, facts.relations, settings.language, data_warnings)
    if settings.language != settings.pivot:
        count_alike(model.tokenizer, facts.pivot_relations, settings.pivot, data_warnings)
    data_warnings.report()
    require_scores(model, facts)
    if grid:
        projection = with_moves(projection, settings, sources.corpus, model, checkpoint, data_warnings)
    moved = projection.moves

    identity = run_identity(settings, model, checkpoint, facts, dataset_name, projection)
    if reference is not None:
        reference.require(identity)
    details = _details(config, settings, model, checkpoint, facts, dataset_name, projection)
    details["dataset"]["languages"] = list(dataset.languages())
    details |= pretrained_details(pretrained)
    stored, identity = start_manifest(folder, identity, details, leases, data_warnings)
    remove_abandoned(folder)

    shard = shard_of(settings.shard)
    wanted = (None, *projection.pairs(model.blocks)) if grid else (None,)
    chosen, found, store = settings.search.kind in CHOOSING, None, HitsStore(folder, data_warnings)
    if chosen and shard is not None:
        raise BenchError(
            f"search={settings.search.kind.value} compares pairs over all relations and cannot be split: shard.count "
            "is for search=grid and search=baseline."
        )
    mine = relations_of(shard, facts.relations)
    if shard is not None:
        log.info("Shard %s: %s of %d relations.", shard, ", ".join(mine) or "none", len(facts.relations))
    board = compute_hits(
        model, facts, () if chosen else wanted, moved, settings, store, status, data_warnings, leases, mine
    )
    if status.elsewhere:
        log.info("This shard is done; %s are left to others. '%s'", ", ".join(status.elsewhere), folder)
        return None
    # Whoever searches by a strategy holds the tables meanwhile: a study has one writer.
    if leases.wait_for(TABLES) and was_finished(folder, settings.select_by):
        log.info("Another job has written the tables in '%s'.", folder)
        return None
    hits = board.hits()  # anew: whoever had the tables may have stored a whole search meanwhile
    leases.forget(lease_of(relation.name) for relation in facts.relations)
    with open_recorder(folder, settings, dataset_name, model.blocks, sha256_json(identity)) as recorder:
        if chosen:
            found = run_strategy(model, facts, hits, projection, settings, store, status, data_warnings, recorder)
        hits = projection.filled(hits, model.blocks)
        rows = _write_views(folder, hits, model.blocks)
        best = finish_study(recorder, folder, settings, dataset_name, rows, model.blocks, found, data_warnings)
    if not rows[0].shared:
        data_warnings.add(
            "No fact is shared with the pivot, so transferability is 0 whatever the pair", settings.language
        )
    name = folder_name(settings.model.name, settings.model.path)
    aligned = stored_alignment(folder, stored, identity, model, facts, best, moved, settings, data_warnings)

    seconds = time.perf_counter() - start
    outcome = {
        "best": {"lirp": best.lirp, "lsrp": best.lsrp} if best else None,
        "search": search_summary(settings.search, projection.pairs(model.blocks), model.blocks, rows, found),
        "seconds": round(seconds, 3),
        "peak_memory_bytes": peak_memory_bytes(),
        "notices": data_warnings.as_dict(),
        "files": table_digests(folder),
    }
    finish_manifest(folder, identity, details | outcome, leases)
    if reference is not None:
        reference.compare(outcome, folder)
    data_warnings.report()
    best_row = next((row for row in rows if best is not None and row.pair == best), None)
    log_outcome(folder, rows[0], best_row, seconds)
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


def _kept(config: Mapping[str, Any]) -> dict[str, Any]:
    """What a manifest keeps of a configuration."""
    return {key: value for key, value in config.items() if key not in ("shard", "reproduces")}


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
        "config": _kept(config),
        "model": {
            "name": folder_name(settings.model.name, settings.model.path),
            "path": settings.model.path,
            "revision": checkpoint.revision,
            "digest": checkpoint.digest,
            **({"other_digest": checkpoint.other_digest} if checkpoint.other_digest else {}),
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
    """``hits.parquet``, ``pivot_hits.parquet``, ``facts.parquet`` and ``pairs.csv``; the rows of the last."""
    settings = (None, *all_pairs(blocks))
    write_hits(folder / "hits.parquet", ((h.relation.name, h.relation.facts, settings, h.language) for h in hits))
    write_hits(
        folder / "pivot_hits.parquet", ((h.relation.name, h.pivot_relation.facts, [None], h.pivot) for h in hits)
    )
    write_facts(folder / FACTS, ((h.relation, h.pivot_relation) for h in hits))
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
