"""A job's Optuna study: open while it searches, and whole once it is done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from optuna.storages import InMemoryStorage

from lrp2_bench.ablations import label
from lrp2_bench.errors import BenchError
from lrp2_bench.filenames import file_name
from lrp2_bench.models.names import folder_name
from lrp2_bench.notices import Notices
from lrp2_bench.records import PairRow
from lrp2_bench.search.book import StudyBook, StudyKey
from lrp2_bench.search.storage import open_database, open_journal
from lrp2_bench.search.study import other_metrics, value_of, write_study
from lrp2_bench.search.task import Found
from lrp2_bench.settings import ProjectionKind, SearchCommand, SearchKind
from lrp2_bench.types import LayerPair

JOURNAL = "study.journal"


def study_name(settings: SearchCommand, dataset: str) -> str:
    """``MODEL/DATASET/LANGUAGE``, an ablation's ``PROJECTION/MODEL/DATASET/LANGUAGE``: the folder below EXPERIMENT."""
    model, projection = folder_name(settings.model.name, settings.model.path), label(settings.projection)
    above = [] if projection == ProjectionKind.lrp2.name else [projection]
    return "/".join(file_name(name) for name in (*above, model, dataset, settings.language))


@contextmanager
def open_book(folder: Path, settings: SearchCommand, dataset: str, blocks: int, identity: str) -> Iterator[StudyBook]:
    """The study that a search keeps up to date: ``search.storage``'s, or ``study.journal`` in the run's ``folder``.

    ``identity`` is the hash of what decides hits. Raises :class:`BenchError` where the storage cannot be reached or
    holds another search under this name.
    """
    name = study_name(settings, dataset)
    url = settings.search.storage
    if settings.search.kind is SearchKind.baseline or (settings.search.kind is SearchKind.grid and url is None):
        # A baseline is no search, and of a grid there is nothing to see before all of it is there.
        with StudyBook(
            InMemoryStorage(), StudyKey(name, blocks, settings.select_by.value, identity), alone=True
        ) as book:
            yield book
        return
    if url is not None:
        key = StudyKey(f"{file_name(settings.experiment.name)}/{name}", blocks, settings.select_by.value, identity)
        with StudyBook(open_database(url, settings.search.heartbeat), key, alone=False) as book:
            yield book
        return
    key, path = StudyKey(name, blocks, settings.select_by.value, identity), folder / JOURNAL
    try:
        found = StudyBook(open_journal(path), key, alone=True)
    except BenchError:  # of another metric: our own view of the hits, and so written anew
        path.unlink()
        found = StudyBook(open_journal(path), key, alone=True)
    with found as book:
        yield book


def finish_study(
    book: StudyBook,
    folder: Path,
    settings: SearchCommand,
    dataset: str,
    rows: Sequence[PairRow],
    blocks: int,
    found: Found | None,
    notices: Notices,
) -> LayerPair | None:
    """Bring the study up to date with ``rows`` (of ``pairs.csv``); returns the best pair, None where there is none.

    The journal is written anew, in the order of pairs and without traces of stops; a database gets what it lacks.
    """
    pairs = [(row.pair, row) for row in rows if row.pair is not None]
    if not pairs:
        return None
    name = study_name(settings, dataset)
    curves = found.curves if found is not None else {}
    if settings.search.storage is None:
        book.detach()
    write_study(folder / JOURNAL, name, rows, blocks, settings.select_by, curves)
    if settings.search.storage is not None and settings.search.kind is not SearchKind.baseline:
        baseline = rows[0]
        book.set_attributes(
            {"baseline_accuracy": baseline.accuracy, "baseline_transferability": baseline.transferability}
        )
        for pair, row in pairs:
            book.complete(pair, value_of(row, settings.select_by), other_metrics(row, settings.select_by))
        if book.broken:
            notices.add("The study in search.storage is not up to date: run the same command again", book.name)
    # max keeps the first of equals, and the rows are in (lirp, lsrp) order.
    return max(pairs, key=lambda found: value_of(found[1], settings.select_by))[0]
