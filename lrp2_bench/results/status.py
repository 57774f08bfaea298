"""``status.json``: how a job ended, written by the job itself since neither Hydra nor Slurm can be trusted with it."""

from __future__ import annotations

import errno
import json
import logging
import os
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.files import FolderError, home_error, write_json
from lrp2_bench.core.progress import NOT_ON_CONSOLE
from lrp2_bench.core.reading import find_object
from lrp2_bench.core.secrets import masked
from lrp2_bench.results import layout
from lrp2_bench.results.leases import STATUS, Leases

log = logging.getLogger(__name__)


@dataclass
class JobStatus:
    """What a job reports of itself: ``missing`` are relations it still has to evaluate, ``elsewhere`` those that other
    shards have to. Keep both up to date with :meth:`set_missing`.

    The folder's ``status.json`` is about the folder, whoever writes it. A shard beside it keeps ``shards/SHARD.json``
    about itself. What is finished stays so whatever becomes of a job that finds nothing missing there, or that has not
    looked yet: it may be refused, or not even find its model.
    """

    path: Path
    shard: str | None = None
    missing: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)
    #: Notes what is missing by now, for a job that ends before its work does.
    look_again: Callable[[], object] = lambda: None
    _looked: bool = False

    def __post_init__(self) -> None:
        self._leases = Leases(self.path.parent, poll=0.05)

    def write(self, state: str, *, in_place: bool = False, **details: Any) -> None:
        """``in_place`` takes no space, for a disk that has none left. It raises OSError where there is no file yet.

        One job at a time, so that none puts its word over another's that it has not read.
        """
        with self._leases.briefly(STATUS):
            self._write_all(_overwrite if in_place else write_json, state, details)

    def _write_all(self, write: Callable[[Path, Any], None], state: str, details: Mapping[str, Any]) -> None:
        if self.shard is not None:
            self._write(write, self._shards / f"{self.shard}.json", state, self.missing, details)
            left_to_others = state == "finished" and bool(self.elsewhere)
            if left_to_others or (self._looked and find_object(self.path).get("state") == "finished"):
                with suppress(Exception):
                    self.look_again()  # others may have ended since
            if left_to_others:
                state = "incomplete"
            elif "message" in details:
                details = {**details, "message": f"Shard {self.shard}: {details['message']}"}
        shards = {name: record.get("state") for name, record in self._read_shards().items()}
        more = {"shards": shards} if shards else {}
        found = find_object(self.path)
        if state == "incomplete" and found.get("state") == "finished":
            write(self.path, {**found, **more})  # the last shard has done the rest since
            return
        if state == "incomplete" and self.shard is not None:
            details = {"message": self._why_incomplete(self.shard)}
        self._write(write, self.path, state, [*self.missing, *self.elsewhere], {**details, **more})

    def set_missing(self, missing: list[str], elsewhere: Sequence[str] = ()) -> None:
        self.note_missing(missing, elsewhere)
        self.write("running")

    def note_missing(self, missing: list[str], elsewhere: Sequence[str] = ()) -> None:
        """For the next time that the status is written."""
        self.missing, self.elsewhere, self._looked = missing, list(elsewhere), True

    @property
    def _shards(self) -> Path:
        return self.path.with_name(layout.SHARDS)

    def _read_shards(self) -> dict[str, Mapping[str, Any]]:
        """What the shards report of themselves, by their names; empty where the folder may not be read."""
        try:
            return {path.stem: find_object(path) for path in sorted(self._shards.glob("*-of-*.json"))}
        except OSError:
            return {}

    def _why_incomplete(self, shard: str) -> str:
        """Where listings of folders are cached, shards that end together may each miss what the others stored last."""
        count, records = int(shard.partition("-of-")[2]), self._read_shards()
        if any(records.get(f"{index}-of-{count}", {}).get("state") != "finished" for index in range(count)):
            return f"Shard {shard} is done, others are not."
        # Not for certain: an older run's record may be of less work.
        message = (
            f"Shard {shard} and all others are done, but not all their files are visible here (a shared "
            "file system may show it late). Unless some are still to run, run the same command once more."
        )
        log.warning("%s '%s'", message, self.path.parent)
        return message

    def _write(
        self,
        write: Callable[[Path, Any], None],
        path: Path,
        state: str,
        missing: list[str],
        details: Mapping[str, Any],
    ) -> None:
        if state != "finished" and not missing and find_object(path).get("state") == "finished":
            return
        write(
            path,
            {
                "state": state,
                "missing": missing if self._looked else find_object(path).get("missing", []),
                "host": socket.gethostname(),
                "pid": os.getpid(),
                "updated": datetime.now(UTC).isoformat(timespec="seconds"),
                **masked(details),
            },
        )


@contextmanager
def job_status(folder: Path, shard: str | None = None) -> Iterator[JobStatus]:
    """Write running, then finished, failed (with its traceback) or interrupted; errors go on to the caller.

    A full disk and missing rights become :class:`BenchError`. SIGTERM is treated as Ctrl-C, so that a cancelled job
    leaves a word behind too.
    """
    status = JobStatus(folder / layout.STATUS, shard)
    try:
        with sigterm_interrupts():
            status.write("running")
            yield status
            status.write("finished")
    except (KeyboardInterrupt, SystemExit):  # the latter from a cluster that queues the job again
        _write_last(status, "interrupted", message="Stopped before the end; the same command resumes.")
        left = f"{len(status.missing)} relations are left; " if status.missing else ""
        log.warning("Stopped. %sfinished ones are kept in '%s': run the same command to resume.", left, folder)
        raise
    except Exception as error:
        explained = explained_error(error, folder)
        message = str(explained or error)
        _write_last(status, "failed", message=message, traceback=traceback.format_exc())
        # For the log alone: the command line prints the error, and a multirun's summary each job's.
        log.error("'%s' failed: %s", folder, message, extra=NOT_ON_CONSOLE)
        if explained is not None:
            raise explained from error
        raise


def explained_error(error: Exception, folder: Path | None = None) -> BenchError | None:
    """What to do about an error of the machine or its device; None for others."""
    if isinstance(error, OSError):
        return _write_error(error, folder)
    return home_error(error) or _memory_error(error)


def _write_error(error: OSError, folder: Path | None = None) -> BenchError | None:
    """What kept a job from writing (into ``folder``, unless the error names a path); None for other errors."""
    reasons = {
        errno.ENOSPC: "The disk is full. Free some space",
        errno.EDQUOT: "The disk quota is used up. Free some space",
        errno.EFBIG: "It would grow larger than is allowed. Raise the limit (`ulimit -f` shows it)",
        errno.EACCES: "There is no permission to write there. Set paths.outputs to a folder of your own",
        errno.EPERM: "There is no permission to write there. Set paths.outputs to a folder of your own",
        errno.EROFS: "The file system is read-only. Set paths.outputs to a folder that can be written",
        errno.ENAMETOOLONG: "The path is too long. Set paths.outputs or experiment.name to a shorter one",
        errno.ENOTDIR: "A part of the path is a file. Set paths.outputs to a folder",
        errno.EEXIST: "It is a file. Set paths.outputs to a folder",
    }
    if isinstance(error, FolderError):
        reasons[errno.ENOENT] = "No folder can be made there. Set paths.outputs to a folder that can be written"
    if error.errno not in reasons:
        return None
    where = error.filename or folder
    named = "a file" if where is None else f"'{where}'"
    return BenchError(
        f"Cannot write {named}: {reasons[error.errno]}, then run the same command; finished relations are kept."
    )


def _memory_error(error: Exception) -> BenchError | None:
    """What to do about a device that ran out of memory where nothing was left to halve; None for other errors."""
    torch = sys.modules.get("torch")  # not imported here: whoever ran out of its memory has
    if torch is None or not isinstance(error, torch.OutOfMemoryError):
        return None
    return BenchError(
        f"The device ran out of memory with a single sequence at hand: {str(error).split(chr(10))[0]}\n"
        "Free it of other programs, or set model.precision=bfloat16 or model.device=cpu; finished relations are kept."
    )


def state_of(folder: Path) -> object:
    """The state of the job in ``folder``; None where there is none that can be read."""
    return read_status(folder).get("state")


def read_status(folder: Path) -> Mapping[str, Any]:
    """What the job in ``folder`` reports; empty where there is nothing that can be read."""
    return find_object(folder / layout.STATUS)


def _overwrite(path: Path, value: Any) -> None:
    with path.open("rb+") as file:
        file.write(json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True).encode("utf-8") + b"\n")
        file.truncate()


def _write_last(status: JobStatus, state: str, message: str, **details: Any) -> None:
    """Where even the status cannot be written, the error that led here matters more."""
    with suppress(Exception):
        status.look_again()
    try:
        status.write(state, message=message, **details)
    except OSError as error:
        try:
            status.write(state, in_place=True, message=message)  # without the traceback: as short as can be
        except OSError:
            log.error("Cannot write '%s': %s", status.path, error)


@contextmanager
def sigterm_interrupts() -> Iterator[None]:
    """SIGTERM as Ctrl-C, in the main thread and unless something else handles it."""
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        yield  # a launcher that handles the signal itself (submitit) keeps it
        return

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    previous = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)
