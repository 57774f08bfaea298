"""A job's Optuna study: open while it searches, and whole once it is done."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence

from optuna.storages import InMemoryStorage, RDBStorage

from lrp2_bench.commands.search.prepared import Prepared
from lrp2_bench.commands.search.strategies import CHOOSING
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
from lrp2_bench.search.storage import closed, open_database, open_journal, unusable
from lrp2_bench.search.study import attributes, baseline_attributes, write_study
from lrp2_bench.search.task import Found

log = logging.getLogger(__name__)

#: What to do where a database missed something.
LATE = "The study in search.storage is not up to date: run the same command again"


def study_name(settings: SearchCommand, dataset: str) -> str:
    """``MODEL/DATASET/LANGUAGE``, an ablation's ``PROJECTION/MODEL/DATASET/LANGUAGE``: the folder below EXPERIMENT."""
    model, projection = folder_name(settings.model.name, settings.model.path), intervention(settings.projection).label
    above = [] if projection == LRP2 else [projection]
    return "/".join(file_name(name) for name in (*above, model, dataset, settings.language))


def database_of(settings: SearchCommand) -> str | None:
    """The URL of the database that has the study; None for a journal, and for a baseline, which is no search."""
    return settings.search.storage if settings.search.kind is not SearchKind.baseline else None


def require_study(run: Prepared) -> None:
    """Make the study in ``search.storage``, or find it there, before anything is evaluated for it.

    Raises :class:`BenchError` where the storage cannot be used or holds another search under this name. No connection
    stays open: the work may take longer than a server waits.
    """
    url = database_of(run.job.settings)
    if url is not None:
        storage = open_database(url, run.job.settings.search.heartbeat)
        with closed(storage):
            _in_database(run, url, storage)


def open_recorder(run: Prepared) -> StudyRecorder:
    """The study that a search keeps up to date: ``search.storage``'s, or ``study.journal`` in the run's folder.

    A database was there at the start (:func:`require_study`). Where it has gone since, the study misses what follows,
    and the search does not.
    """
    settings, url, key = run.job.settings, database_of(run.job.settings), _key(run)
    if url is not None:
        try:
            return _in_database(run, url, open_database(url, settings.search.heartbeat))
        except BenchError as error:
            log.warning("%s\nThe search continues without its study.", error)
            recorder = StudyRecorder(InMemoryStorage(), key, alone=True)
            recorder.detach()
            return recorder
    if settings.search.kind not in CHOOSING:
        # A baseline is no search, and of a grid there is nothing to see before all of it is there.
        return StudyRecorder(InMemoryStorage(), key, alone=True)
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
    if database_of(job.settings) is not None:
        _complete(recorder, rows, select_by)
        if recorder.broken:
            job.data_warnings.add(LATE, recorder.name)
    best = best_row([row for _, row in pairs], select_by.name)
    # Without facts every value is NaN, and the first pair is chosen.
    return best.pair if best is not None else pairs[0][0]


def _key(run: Prepared) -> StudyKey:
    """As the run's own folder has it; a database tells experiments apart too."""
    settings, objective = run.job.settings, metric(run.job.settings.select_by)
    name = study_name(settings, run.job.dataset_name)
    if database_of(settings) is not None:
        name = f"{file_name(settings.experiment.name)}/{name}"
    ranges = run.asked.ranges or ranges_of(run.pairs)
    return StudyKey(name, run.blocks, objective.name, sha256_json(run.identity), objective.direction, ranges)


def _in_database(run: Prepared, url: str, storage: RDBStorage) -> StudyRecorder:
    try:
        return StudyRecorder(storage, _key(run), alone=False)
    except BenchError:
        raise
    except Exception as error:  # opened, and not read or written: Optuna's, SQLAlchemy's and each driver's own
        raise unusable(url, error) from error


def _complete(recorder: StudyRecorder, rows: Sequence[PairRow], select_by: Metric) -> None:
    """Give the study what it lacks of ``rows``, the baseline's first."""
    recorder.set_attributes(baseline_attributes(rows[0]))
    for row in rows:
        value = row.value(select_by.name)
        if row.pair is not None and not math.isnan(value):
            recorder.complete(row.pair, value, attributes(row, select_by))
