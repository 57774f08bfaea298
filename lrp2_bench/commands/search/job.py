"""The main job: every layer pair of one model on one dataset in one language, hits first, views of them after."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from lrp2_bench.analyses.exposure.job import note_unread
from lrp2_bench.commands.search.alignment import stored_alignment
from lrp2_bench.commands.search.board import Board
from lrp2_bench.commands.search.damage import damage_measures, stored_damage
from lrp2_bench.commands.search.draws import stored_draws
from lrp2_bench.commands.search.fingerprint import baselines_for, early_identity, run_identity
from lrp2_bench.commands.search.held_out import held_out_measures, held_out_of
from lrp2_bench.commands.search.hits import HitsEvaluator, compute_hits
from lrp2_bench.commands.search.live import Live
from lrp2_bench.commands.search.outcome import Views, log_outcome, record_of, started, write_manifest
from lrp2_bench.commands.search.prepared import Inputs, Prepared, SearchJob, Sources, kept_config, manifest_details
from lrp2_bench.commands.search.projection import (
    Projection,
    choose_projection,
    note_unmoved,
    require_sentences,
    with_edit,
)
from lrp2_bench.commands.search.searchable import require_searchable
from lrp2_bench.commands.search.shards import relations_of, shard_of
from lrp2_bench.commands.search.strategies import CHOOSING, run_strategy
from lrp2_bench.commands.search.studies import LATE, database_of, finish_study, open_recorder, require_study
from lrp2_bench.commands.search.views import write_views
from lrp2_bench.core.filenames import require_path
from lrp2_bench.core.files import remove_abandoned
from lrp2_bench.core.secrets import masked
from lrp2_bench.core.settings import LRP2, RunCommand, SearchCommand
from lrp2_bench.interventions.registry import intervention
from lrp2_bench.models.layered import LayeredModel
from lrp2_bench.models.loading import find_checkpoint, load_model
from lrp2_bench.models.names import folder_name
from lrp2_bench.probing.alike import count_alike
from lrp2_bench.probing.asked import as_asked
from lrp2_bench.probing.scores import require_scores
from lrp2_bench.results.completion import nothing_left, write_completion
from lrp2_bench.results.former_folder import require_not_elsewhere
from lrp2_bench.results.hits import HitsStore
from lrp2_bench.results.identity import require_no_conflict, start_manifest, stored_model
from lrp2_bench.results.layout import run_folder
from lrp2_bench.results.leases import TABLES, Leases, lease_of
from lrp2_bench.results.manifest import was_finished
from lrp2_bench.results.reproduction import read_reproduction
from lrp2_bench.results.status import job_status, sigterm_interrupts
from lrp2_bench.search.storage import closed, open_database
from lrp2_bench.testbed.pretrained import pretrained_of
from lrp2_bench.tracking.base import JobRecord, Tracker, closing_run

log = logging.getLogger(__name__)


def run_search(settings: SearchCommand, config: Mapping[str, Any], sources: Sources) -> Path:
    """Evaluate, store and report one job; returns ``outputs/EXPERIMENT/MODEL/DATASET/LANGUAGE``.

    An ablation's EXPERIMENT is ``NAME/PROJECTION``.

    ``config`` is the resolved configuration as a tree. Finished relations are kept whatever happens later, and a job
    that was stopped goes on where it was. Raises :class:`BenchError` for what a user can fix.
    """
    dataset_name = str(config["dataset"]["name"])
    config = masked(config)
    folder = folder_of(settings, dataset_name)
    shard = shard_of(settings.shard)
    # A shard has its own word to leave, and a rerun something to compare, whatever is finished.
    alone = shard is None and settings.reproduces is None
    if alone and nothing_left(folder, settings, config, sources.dataset, sources.corpus, find_checkpoint):
        log.info("Nothing is left to do in '%s': it was finished before, and nothing has changed.", folder)
        return folder
    with Leases(folder) as leases, job_status(folder, str(shard) if shard else None) as status:
        tracker = sources.tracker()  # a setting it refuses is better refused now than after hours
        with closing_run(tracker):
            job = SearchJob(settings, config, dataset_name, folder, status, leases)
            record = _run(job, sources, tracker)
    # Last, because a tracker may be slow or down and everything it mirrors is on disk by now.
    if record is not None:
        with sigterm_interrupts():  # what it has started must not outlive the job
            sent = tracker.log_job(record)
        if sent and not job.data_warnings.count(LATE):  # else the same command has something left to do
            write_completion(folder, config)
    else:
        tracker.stop(failed=False)
    return folder


def folder_of(settings: RunCommand, dataset_name: str) -> Path:
    """The run's folder, wherever it may be: see :mod:`lrp2_bench.results.layout`."""
    root, model = Path(settings.paths.outputs).expanduser(), folder_name(settings.model.name, settings.model.path)
    projection = intervention(settings.projection).label
    folder = run_folder(root, settings.experiment.name, projection, model, dataset_name, settings.language)
    require_path(folder)
    above = [] if projection == LRP2 else [projection]
    require_not_elsewhere(root, [settings.experiment.name, *above, model, dataset_name, settings.language])
    return folder


def _run(job: SearchJob, sources: Sources, tracker: Tracker) -> JobRecord | None:
    """None where the tables are another job's to write: of a shard that is not the last, or of a faster job."""
    inputs = read_inputs(job, sources)
    _require_no_conflict(job, inputs, sources)
    _require_reached(job)
    model = load_for(job, inputs)
    projection = inputs.projection
    if job.has_pairs:
        note_unmoved(projection, inputs.facts, model.family, job.data_warnings)
        projection = with_edit(projection, job.settings, sources.corpus, model, inputs.checkpoint, job.data_warnings)
    run = _open_folder(job, inputs, model, projection)
    require_study(run)
    # Of shards, which have one run together, none knows how far the others are.
    every = tracker.live_seconds if shard_of(job.settings.shard) is None else 0.0
    live = Live(partial(tracker.log_progress, started(run)), every)
    board = _evaluate(run, live)
    if not _has_tables_to_write(run):
        return None
    views = _write_views(run, board, live)
    aligned = stored_alignment(run, views.best)
    damage = stored_damage(run, board.hits(), views.best, sources)
    stored_draws(run, board.hits(), views.best_row, damage, sources)
    seconds = time.perf_counter() - job.started
    write_manifest(run, views, seconds)
    held_out = held_out_of(run, views.best)
    log_outcome(run, views, held_out, seconds)
    return record_of(
        run, views, aligned, {**damage_measures(damage, views.best), **held_out_measures(held_out)}, seconds
    )


def read_inputs(job: SearchJob, sources: Sources) -> Inputs:
    """What a job needs before its model. Raises :class:`BenchError` for what cannot be asked for."""
    settings, data_warnings = job.settings, job.data_warnings
    asked = require_searchable(settings)
    reference = read_reproduction(Path(settings.reproduces)) if settings.reproduces else None
    dataset = sources.dataset()
    projection = choose_projection(settings, dataset.languages)
    facts = as_asked(dataset.facts(settings.language, settings.pivot, data_warnings), settings.probing)
    if job.has_pairs:
        require_sentences(projection, settings, sources.corpus, dataset.languages)
    referred = reference.manifest["identity"].get("model", {}).get("digest") if reference else None
    checkpoint = find_checkpoint(settings.model).known_as(stored_model(job.folder) or referred)
    pretrained = pretrained_of(checkpoint.folder, data_warnings)
    note_unread(pretrained, (settings.language, settings.pivot), data_warnings)
    return Inputs(dataset, facts, checkpoint, pretrained, projection, asked, reference)


def _require_no_conflict(job: SearchJob, inputs: Inputs, sources: Sources) -> None:
    """Refuse before the model is loaded what it would be refused for after it. Raises :class:`BenchError`."""
    known_of = partial(early_identity, job, inputs, sources.corpus)
    require_no_conflict(job.folder, known_of, kept_config(job.config))
    if inputs.reference is not None:
        inputs.reference.warn()
        inputs.reference.require(known_of(inputs.reference.manifest))


def _require_reached(job: SearchJob) -> None:
    """A database that cannot be opened is better refused before the model is loaded; what is in it, is seen after."""
    url = database_of(job.settings)
    if url is not None:
        with closed(open_database(url, job.settings.search.heartbeat)):
            pass


def load_for(job: SearchJob, inputs: Inputs) -> LayeredModel:
    """The model, which scores these facts; the data warnings so far are logged."""
    settings, facts = job.settings, inputs.facts
    model = load_model(inputs.checkpoint, settings.model)
    count_alike(model.tokenizer, facts.relations, settings.language, job.data_warnings)
    if settings.language != settings.pivot:
        count_alike(model.tokenizer, facts.pivot_relations, settings.pivot, job.data_warnings)
    job.data_warnings.report()
    require_scores(model, facts)
    return model


def _open_folder(job: SearchJob, inputs: Inputs, model: LayeredModel, projection: Projection) -> Prepared:
    """Raises :class:`BenchError` where the folder holds hits of another configuration."""
    settings, facts = job.settings, inputs.facts
    identity = run_identity(job, inputs, model, projection)
    if inputs.reference is not None:
        inputs.reference.require(identity)
    details = manifest_details(job, inputs, model, projection)
    stored, identity = start_manifest(job.folder, identity, details, job.leases, job.data_warnings)
    remove_abandoned(job.folder)
    store = HitsStore(job.folder, job.data_warnings)
    searched = store.searched()
    asked = inputs.asked.beside(searched)
    pairs = asked.pairs(projection.intervention, model.blocks)
    if others := searched.difference(pairs) if asked.ranges is None else ():
        strengths = ", ".join(sorted({pair.strengths for pair in others}))
        log.info("'%s' has pairs of another search too, at strength %s. Tables show them.", job.folder, strengths)
    everything = asked.everything(pairs, searched, model.blocks)
    baselines = baselines_for(settings, inputs.checkpoint, model)
    evaluator = HitsEvaluator(model, facts, projection.edit, settings, store, job.data_warnings, everything, baselines)
    return Prepared(job, inputs, evaluator, projection, asked, pairs, stored, identity, details)


def _evaluate(run: Prepared, live: Live) -> Board:
    """Every wanted hit of the job's relations; of a strategy, which decides what it wants, only what is stored."""
    job, relations = run.job, run.inputs.facts.relations
    shard = shard_of(job.settings.shard)
    mine = relations_of(shard, relations)
    if shard is not None:
        log.info("Shard %s: %s of %d relations.", shard, ", ".join(mine) or "none", len(relations))
    wanted = () if job.settings.search.kind in CHOOSING else run.wanted
    return compute_hits(run.evaluator, wanted, mine, job.status, job.leases, live)


def _has_tables_to_write(run: Prepared) -> bool:
    """Waits for a job that is writing them."""
    job = run.job
    if job.status.elsewhere:
        log.info("This shard is done; %s are left to others. '%s'", ", ".join(job.status.elsewhere), job.folder)
        return False
    # Whoever searches by a strategy holds the tables meanwhile: a study has one writer.
    measured = [each.name for each in job.measured]
    if job.leases.wait_for(TABLES) and was_finished(job.folder, job.settings.select_by, measured):
        log.info("Another job has written the tables in '%s'.", job.folder)
        return False
    return True


def _write_views(run: Prepared, board: Board, live: Live) -> Views:
    """The tables and the study, after a strategy has chosen and evaluated its pairs."""
    job, found = run.job, None
    hits = board.hits()  # read again: whoever had the tables may have stored a whole search meanwhile
    job.leases.forget(lease_of(relation.name) for relation in run.inputs.facts.relations)
    with open_recorder(run) as recorder:
        if job.settings.search.kind in CHOOSING:
            found = run_strategy(run.evaluator, hits, run.projection, run.asked, job.status, recorder, live)
        if run.asked.has_strengths:  # others may have stored theirs meanwhile
            run.evaluator.add(run.evaluator.store.searched(), hits)
        settings, filled = run.projection.filled(hits, run.evaluator.everything, run.blocks)
        rows = write_views(job.folder, filled, settings, job.measured)
        best = finish_study(run, recorder, rows, found)
    if not rows[0].shared:
        nothing_shared = "No fact is shared with the pivot, so transferability is 0 whatever the pair"
        job.data_warnings.add(nothing_shared, job.settings.language)
    return Views(rows, best, found)
