"""A job's Optuna study: open while it searches, and whole once it is done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from optuna.storages import InMemoryStorage

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.settings import ProjectionKind, SearchCommand, SearchKind
from lrp2_bench.core.types import LayerPair
from lrp2_bench.interventions.ablations import label
from lrp2_bench.models.names import folder_name
from lrp2_bench.results.choice import best_row
from lrp2_bench.results.layout import STUDY
from lrp2_bench.results.tables import PairRow
from lrp2_bench.search.recorder import StudyKey, StudyRecorder
from lrp2_bench.search.storage import open_database, open_journal, without_password
from lrp2_bench.search.study import other_metrics, value_of, write_study
from lrp2_bench.search.task import Found


def study_name(settings: SearchCommand, dataset: str) -> str:
    """``MODEL/DATASET/LANGUAGE``, an ablation's ``PROJECTION/MODEL/DATASET/LANGUAGE``: the folder below EXPERIMENT."""
    run = f"{folder_name(settings.model.name, settings.model.path)}/{dataset}/{settings.language}"
    projection = label(settings.projection)
    return run if projection == ProjectionKind.lrp2.name else f"{projection}/{run}"


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
        with StudyRecorder(
            InMemoryStorage(), StudyKey(name, blocks, settings.select_by.value, identity), alone=True
        ) as recorder:
            yield recorder
        return
    if url is not None:
        key = StudyKey(f"{settings.experiment.name}/{name}", blocks, settings.select_by.value, identity)
        with StudyRecorder(open_database(url, settings.search.heartbeat), key, alone=False) as recorder:
            yield recorder
        return
    key, path = StudyKey(name, blocks, settings.select_by.value, identity), folder / STUDY
    try:
        found = StudyRecorder(open_journal(path), key, alone=True)
    except BenchError:  # of another metric: our own view of the hits, and so regenerated
        path.unlink()
        found = StudyRecorder(open_journal(path), key, alone=True)
    with found as recorder:
        yield recorder


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
    """Bring the study up to date with ``rows`` (of ``pairs.csv``); returns the best pair, None where there is none.

    The journal is regenerated, in the order of pairs and without traces of stops; a database gets what it lacks.
    """
    pairs = [row for row in rows if row.pair is not None]
    if not pairs:
        return None
    name = study_name(settings, dataset)
    curves = found.curves if found is not None else {}
    if settings.search.storage is None:
        recorder.detach()
    write_study(folder / STUDY, name, rows, blocks, settings.select_by, curves)
    if settings.search.storage is not None and settings.search.kind is not SearchKind.baseline:
        baseline = rows[0]
        recorder.set_attributes(
            {"baseline_accuracy": baseline.accuracy, "baseline_transferability": baseline.transferability}
        )
        for row in pairs:
            assert row.pair is not None
            recorder.complete(row.pair, value_of(row, settings.select_by), other_metrics(row, settings.select_by))
        if recorder.broken:
            data_warnings.add(
                "The study in search.storage is not up to date: run the same command again", recorder.name
            )
    best = best_row(pairs, settings.select_by.value)
    # Without facts every value is NaN, and the first pair is as good as any.
    return (best or pairs[0]).pair


def hide_password(config: Mapping[str, Any]) -> dict[str, Any]:
    """``config`` as it may be written to files and sent to trackers."""
    search = dict(config.get("search") or {})
    if search.get("storage"):
        search["storage"] = without_password(str(search["storage"]))
    return {**config, "search": search}
