"""Where a study lives: a journal file with one writer, or a database on request.

A journal is the default because it works on any file system that several machines share. Its writer is the one job of
its folder, so it may cut what a killed predecessor left half written, and close what it left running. A database is
shared: there a trial is somebody's until its heartbeat stops.
"""

from __future__ import annotations

import logging
import random
import re
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend, JournalFileSymlinkLock

from lrp2_bench.core.errors import BenchError, UnknownNameError
from lrp2_bench.core.files import cut_torn_tail, make_folder
from lrp2_bench.core.secrets import learn, mask, masked

if TYPE_CHECKING:
    from sqlalchemy.exc import DBAPIError

log = logging.getLogger(__name__)

#: URL schemes of databases several jobs may share, and what their drivers are called on PyPI.
_DATABASES = {"postgresql": "psycopg[binary]", "mysql": "pymysql", "mariadb": "pymysql", "sqlite": ""}

#: Optuna makes an empty database's tables without a lock, so that of several jobs that start at once all but one may be
#: reported that they exist. Seconds from then on in which such a job tries again.
_TABLES = 60.0
#: SQLSTATE of what exists already: a table, another object, a row.
_EXISTS = {"42P07", "42710", "23505"}

#: Seconds after which a server that does not answer is given up.
_CONNECT = 30

_KEPT = "Hits on disk are kept in any case; leave search.storage out for a journal in the run's folder."


def open_journal(path: Path) -> BaseStorage:
    """The journal at ``path``, which this process alone writes: fixed first, set aside where that is not enough."""
    make_folder(path.parent)
    repair_journal(path)
    try:
        return _journal(path)
    except Exception:  # whatever a flipped bit does to records that Optuna expects to be whole
        damaged = path.with_name(path.name + ".damaged")
        path.replace(damaged)
        log.warning("The study '%s' is damaged; kept as '%s' and begun again from the hits.", path, damaged.name)
        return _journal(path)


def read_journal(path: Path) -> BaseStorage:
    """A journal that nobody writes, such as a copy."""
    return _journal(path)


def repair_journal(path: Path) -> None:
    """Cut a torn last record, which would make the next one unreadable for ever, and lift a dead writer's lock, for
    which Optuna would wait half a minute."""
    cut_torn_tail(path)
    path.with_name(path.name + ".lock").unlink(missing_ok=True)


def open_database(url: str, heartbeat: int) -> RDBStorage:
    """The database at ``url``, whose trials are given up after two ``heartbeat`` intervals (seconds) of silence.

    Raises :class:`BenchError` where it cannot be reached, naming the URL without its password.
    """
    require_database(url, heartbeat)
    try:
        return _database(url, heartbeat)
    except Exception as error:  # SQLAlchemy's and each driver's own
        raise unusable(url, error) from error


def require_database(url: str, heartbeat: int) -> None:
    """Look at all that can be wrong with ``url`` and ``heartbeat`` without connecting. Raises :class:`BenchError`."""
    learn(url)
    scheme = _scheme(url)
    if scheme not in _DATABASES or "://" not in url:
        raise UnknownNameError(
            "kind of database in search.storage:", scheme, _DATABASES,
            f"Give a URL such as postgresql+psycopg://USER@HOST/NAME. {_KEPT}",
        )  # fmt: skip
    _refuse_misread(url, masked(url))
    if heartbeat < 1:
        raise BenchError(f"search.heartbeat={heartbeat}: give seconds from 1.")
    from sqlalchemy import create_engine
    from sqlalchemy.exc import NoSuchModuleError

    try:
        create_engine(url).dispose()  # imports the driver, and connects only once it is asked something
    except (ImportError, NoSuchModuleError) as error:
        package = _DATABASES[scheme]
        raise BenchError(
            f"search.storage='{masked(url)}' needs a driver that is not installed ({first_line(error)}).\n"
            + (f"Install it: pip install '{package}'. " if package else "SQLite needs none: sqlite:///FILE. ")
            + "PostgreSQL's is postgresql+psycopg://..., which `pip install 'psycopg[binary]'` brings."
        ) from error
    except Exception as error:  # SQLAlchemy's and each driver's own
        raise unusable(url, error) from error


def unusable(url: str, error: Exception) -> BenchError:
    """What to raise where the database at ``url`` does not do what it is asked."""
    return BenchError(
        f"Cannot open search.storage='{masked(url)}': {first_line(error)}.\n"
        f"Check that the database runs, and its address, user and password. {_KEPT}"
    )


@contextmanager
def closed(storage: RDBStorage) -> Iterator[None]:
    """Afterwards no connection to the database is left."""
    try:
        yield
    finally:
        storage.remove_session()
        storage.engine.dispose()


def refuse_shared_sqlite(url: str | None) -> None:
    """For jobs of a multirun. Raises :class:`BenchError` for an SQLite file."""
    if url is not None and url.startswith("sqlite"):
        raise BenchError(
            f"search.storage='{masked(url)}' is one SQLite file for all jobs of a multirun. They would wait for each "
            "other's locks, and on a file system that machines share SQLite damages its file.\n"
            "Leave search.storage out (each job then writes a journal of its own, and `lrp2-bench dashboard` merges "
            "them), or give a PostgreSQL URL."
        )


def first_line(error: Exception) -> str:
    """What went wrong in a line, without credentials."""
    return mask(str(error).strip() or type(error).__name__).split("\n")[0].rstrip(".")


def _scheme(url: str) -> str:
    """The kind of database; a driver may stand behind it."""
    return re.split(r"[+:]", url, maxsplit=1)[0]


def _refuse_misread(url: str, shown: str) -> None:
    """Raises :class:`BenchError` where SQLAlchemy would take a part of the password for a part of the host."""
    from sqlalchemy.engine import make_url  # a quarter of a second, which a journal need not pay
    from sqlalchemy.exc import ArgumentError

    try:
        host = make_url(url).host or ""
    except (ArgumentError, ValueError):
        host = "@"
    if "@" in host:
        raise BenchError(
            f"search.storage='{shown}' cannot be read as a URL. Write an @ in a password as %40, a / as %2F, a : as "
            f"%3A, or leave the password out: libpq takes it from PGPASSWORD or PGPASSFILE. {_KEPT}"
        )


def _database(url: str, heartbeat: int) -> RDBStorage:
    from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError

    bounded = _scheme(url) == "sqlite" or "connect_timeout" in url
    engine = None if bounded else {"connect_args": {"connect_timeout": _CONNECT}}
    met: float | None = None
    while True:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ExperimentalWarning)
                return RDBStorage(url, engine, heartbeat_interval=heartbeat, grace_period=2 * heartbeat)
        except (IntegrityError, ProgrammingError, OperationalError) as error:
            if not _exists(error) or (met is not None and time.monotonic() - met > _TABLES):
                raise
            met = met or time.monotonic()  # not from the start: a slow machine may have taken longer for this alone
            time.sleep(random.uniform(0.05, 0.5))


def _exists(error: DBAPIError) -> bool:
    """Whether another made first what was to be made."""
    from sqlalchemy.exc import IntegrityError

    by_code = getattr(error.orig, "sqlstate", None) in _EXISTS
    return by_code or isinstance(error, IntegrityError) or "already exists" in str(error.orig)


def _journal(path: Path) -> JournalStorage:
    storage = JournalStorage(JournalFileBackend(str(path), JournalFileSymlinkLock(str(path))))
    for study in storage.get_all_studies():  # reads all of it, so that damage shows here
        optuna.load_study(study_name=study.study_name, storage=storage)
    return storage
