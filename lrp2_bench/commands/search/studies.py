"""A job's Optuna study: open while it searches, and whole once it is done."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from optuna.storages import InMemoryStorage

from lrp2_bench.commands.search.prepared import Prepared
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.filenames import file_name
from lrp2_bench.core.files import sha256_json
from lrp2_bench.core.settings import LRP2, SearchCommand, SearchKind
from lrp2_bench.core.types import LayerPair
from lrp2_bench.interventions.registry import intervention
from lrp2_bench.metrics.base import Metric
from lrp2_bench.metrics.registry import metric
from lrp2_bench.models.names import folder_name
from lrp2_bench.results.choice import best_row
from lrp2_bench.results.layout import STUDY
from lrp2_bench.results.tables import PairRow
from lrp2_bench.search.recorder import StudyKey, StudyRecorder
from lrp2_bench.search.space import ranges_of
from lrp2_bench.search.storage import open_database, open_journal
from lrp2_bench.search.study import attributes, baseline_attributes, write_study
from lrp2_bench.search.task import Found


def study_name(settings: SearchCommand, dataset: str) -> str:
    """``MODEL/DATASET/LANGUAGE``, an ablation's ``PROJECTION/MODEL/DATASET/LANGUAGE``: the folder below EXPERIMENT."""
    model, projection = folder_name(settings.model.name, settings.model.path), intervention(settings.projection).label
    above = [] if projection == LRP2 else [projection]
    return "/".join(file_name(name) for name in (*above, model, dataset, settings.language))


def open_recorder(run: Prepared) -> StudyRecorder:
    """The study that a search keeps up to date: ``search.storage``'s, or ``study.journal`` in the run's folder.

    Raises :class:`BenchError` where the storage cannot be reached or holds another search under this name.
    """
    settings, url = run.job.settings, run.job.settings.search.storage
    objective, identity = metric(settings.select_by), sha256_json(run.identity)
    name = study_name(settings, run.job.dataset_name)
    ranges = run.asked.ranges or ranges_of(run.pairs)
    key = StudyKey(name, run.blocks, objective.name, identity, objective.direction, ranges)
    kind = settings.search.kind
    if kind is SearchKind.baseline or (kind in (SearchKind.grid, SearchKind.pairs) and url is None):
        # A baseline is no search, and of a grid there is nothing to see before all of it is there.
        return StudyRecorder(InMemoryStorage(), key, alone=True)
    if url is not None:
        key = replace(key, name=f"{file_name(settings.experiment.name)}/{key.name}")
        return StudyRecorder(open_database(url, settings.search.heartbeat), key, alone=False)
    path = run.job.folder / STUDY
    try:
        return StudyRecorder(open_journal(path), key, alone=True)
    except BenchError:  # of another metric: our own view of the hits, and so regenerated
        path.unlink()
        return StudyRecorder(open_journal(path), key, alone=True)


def finish_study(
    run: Prepared, recorder: StudyRecorder, rows: Sequence[PairRow], found: Found | None
) -> LayerPair | None:
    """Bring the study up to date with ``rows`` (of ``pairs.csv``); returns the best pair, None where there is none.

    The journal is regenerated, in the order of pairs and without traces of stops; a database gets what it lacks.
    """
    job, search, select_by = run.job, run.job.settings.search, metric(run.job.settings.select_by)
    pairs = [(row.pair, row) for row in rows if row.pair is not None]
    if not pairs:
        return None
    if search.storage is None:
        recorder.detach()
    curves = found.curves if found is not None else {}
    name = study_name(job.settings, job.dataset_name)
    write_study(job.folder / STUDY, name, rows, run.blocks, select_by, curves)
    if search.storage is not None and job.has_pairs:
        _complete(recorder, rows, select_by)
        if recorder.broken:
            job.data_warnings.add(
                "The study in search.storage is not up to date: run the same command again", recorder.name
            )
    best = best_row([row for _, row in pairs], select_by.name)
    # Without facts every value is NaN, and the first pair is chosen.
    return best.pair if best is not None else pairs[0][0]


def _complete(recorder: StudyRecorder, rows: Sequence[PairRow], select_by: Metric) -> None:
    """Give the study what it lacks of ``rows``, the baseline's first."""
    recorder.set_attributes(baseline_attributes(rows[0]))
    for row in rows:
        value = row.value(select_by.name)
        if row.pair is not None and not math.isnan(value):
            recorder.complete(row.pair, value, attributes(row, select_by))
