"""A job's Optuna study: open while it searches, and whole once it is done."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from optuna.storages import InMemoryStorage

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.filenames import file_name
from lrp2_bench.core.settings import SearchCommand, SearchKind
from lrp2_bench.core.types import LayerPair
from lrp2_bench.interventions.base import LRP2
from lrp2_bench.interventions.registry import intervention
from lrp2_bench.metrics.registry import metric
from lrp2_bench.models.names import folder_name
from lrp2_bench.results.choice import best_row
from lrp2_bench.results.layout import STUDY
from lrp2_bench.results.tables import PairRow
from lrp2_bench.search.recorder import StudyKey, StudyRecorder
from lrp2_bench.search.storage import open_database, open_journal
from lrp2_bench.search.study import attributes, baseline_attributes, write_study
from lrp2_bench.search.task import Found


def study_name(settings: SearchCommand, dataset: str) -> str:
    """``MODEL/DATASET/LANGUAGE``, an ablation's ``PROJECTION/MODEL/DATASET/LANGUAGE``: the folder below EXPERIMENT."""
    model, projection = folder_name(settings.model.name, settings.model.path), intervention(settings.projection).label
    above = [] if projection == LRP2 else [projection]
    return "/".join(file_name(name) for name in (*above, model, dataset, settings.language))


@contextmanager
def open_recorder(
    folder: Path, settings: SearchCommand, dataset: str, blocks: int, identity: str
) -> Iterator[StudyRecorder]:
    """The study that a search keeps up to date: ``search.storage``'s, or ``study.journal`` in the run's ``folder``.

    ``identity`` is the hash of what decides hits. Raises :class:`BenchError` where the storage cannot be reached or
    holds another search under this name.
    """
    name = study_name(settings, dataset)
    url = settings.search.storage
    if settings.search.kind is SearchKind.baseline or (settings.search.kind is SearchKind.grid and url is None):
        # A baseline is no search, and of a grid there is nothing to see before all of it is there.
        with StudyRecorder(InMemoryStorage(), _key(name, settings, blocks, identity), alone=True) as recorder:
            yield recorder
        return
    if url is not None:
        key = _key(f"{file_name(settings.experiment.name)}/{name}", settings, blocks, identity)
        with StudyRecorder(open_database(url, settings.search.heartbeat), key, alone=False) as recorder:
            yield recorder
        return
    key, path = _key(name, settings, blocks, identity), folder / STUDY
    try:
        found = StudyRecorder(open_journal(path), key, alone=True)
    except BenchError:  # of another metric: our own view of the hits, and so regenerated
        path.unlink()
        found = StudyRecorder(open_journal(path), key, alone=True)
    with found as recorder:
        yield recorder


def _key(name: str, settings: SearchCommand, blocks: int, identity: str) -> StudyKey:
    objective = metric(settings.select_by)
    return StudyKey(name, blocks, objective.name, identity, objective.direction)


def finish_study(
    recorder: StudyRecorder,
    folder: Path,
    settings: SearchCommand,
    dataset: str,
    rows: Sequence[PairRow],
    blocks: int,
    found: Found | None,
    data_warnings: DataWarnings,
) -> LayerPair | None:
    """Bring the study up to date with ``rows`` (of ``pairs.csv``).

    Returns the best pair, the first of equals; None where there is none, or the metric is a number for none.

    The journal is regenerated, in the order of pairs and without traces of stops; a database gets what it lacks.
    """
    pairs = [(row.pair, row) for row in rows if row.pair is not None]
    if not pairs:
        return None
    name, select_by = study_name(settings, dataset), metric(settings.select_by)
    curves = found.curves if found is not None else {}
    if settings.search.storage is None:
        recorder.detach()
    write_study(folder / STUDY, name, rows, blocks, select_by, curves)
    if settings.search.storage is not None and settings.search.kind is not SearchKind.baseline:
        recorder.set_attributes(baseline_attributes(rows[0]))
        for pair, row in pairs:
            value = row.value(select_by.name)
            if not math.isnan(value):
                recorder.complete(pair, value, attributes(row, select_by))
        if recorder.broken:
            data_warnings.add(
                "The study in search.storage is not up to date: run the same command again", recorder.name
            )
    best = best_row([row for _, row in pairs], select_by.name)
    # Without facts every value is NaN, and the first pair is as good as any.
    return best.pair if best is not None else pairs[0][0]
