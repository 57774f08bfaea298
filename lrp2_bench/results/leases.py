"""Who works on what, when several jobs share a folder: small files that save work and decide nothing.

Results never depend on a lease: two jobs that both think a relation is theirs compute it twice, store it twice, and
end with the same tables. So a lease need not be certain, only cheap, and it must never outlive its job for long.

A lease is a file that only one can make, ``leases/NAME.GENERATION``. Its owner touches it every few seconds; who waits
for it looks whether it changes, and compares no clocks: those of two machines differ, and some go backwards. One that
stops changing is taken over by making the next generation, which again only one can do. Of an owner on this very
machine it is known at once whether it lives, suspended or not.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path
from types import TracebackType

from lrp2_bench.core.filenames import STEM, file_name
from lrp2_bench.core.files import make_folder
from lrp2_bench.core.processes import is_alive, this_process
from lrp2_bench.results.layout import LEASES
from lrp2_bench.results.lease_files import content_of, drop, is_at, make, sign_of

log = logging.getLogger(__name__)

#: Seconds between two heartbeats. File systems show other machines' with up to a minute's delay.
BEAT = 15.0
#: Seconds without a change after which an owner is thought dead.
STALE = 150.0
#: Seconds between two looks at what others hold.
POLL = 1.0
#: Seconds to wait for what is only ever held for a moment.
PATIENCE = 10.0

#: Seconds after which a file of one not known to live is nobody's, by the file system's own clock.
_ABANDONED = 3600.0

#: Names of leases that are no relation's: no :func:`claim_of` is one of them.
MANIFEST, TABLES, STATUS = "%manifest", "%tables", "%status"


def lease_of(relation: str) -> str:
    """The name of a relation's lease: a part of a file's name."""
    return file_name(relation, STEM)


class Leases:
    """The leases in ``folder/leases``; those held are let go of at the end of the ``with`` block.

    Their names are those of :func:`lease_of`, or the job's own.
    """

    def __init__(self, folder: Path, *, beat: float = BEAT, stale: float = STALE, poll: float = POLL) -> None:
        self._folder = folder / LEASES
        self._beat, self._stale, self._poll = beat, stale, poll
        self._held: dict[str, tuple[int, FileIO]] = {}
        self._seen: dict[Path, tuple[object, float]] = {}
        self._told: set[Path] = set()
        self._closed = threading.Event()

    def __enter__(self) -> Leases:
        threading.Thread(target=self._live, name="leases", daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._closed.set()
        for name in list(self._held):
            self.release(name)
        self._remove_folder()

    def take(self, name: str) -> bool:
        """Whether ``name`` is now this job's: unless another job that lives has it."""
        generations = self._generations(name)
        latest = max(generations, default=0)
        assessed = sign_of(generations[latest]) if latest else None
        if latest and not self._is_stale(generations[latest]):
            return False
        path = self._folder / f"{name}.{latest + 1}"
        content = json.dumps({**this_process(), "host": socket.gethostname(), "since": _now()}) + "\n"
        try:
            make_folder(self._folder)
        except FileExistsError:  # the last job to leave has just removed the folder
            return False
        try:
            file = make(path, content.encode("utf-8"))
        except FileExistsError:
            return False
        except FileNotFoundError:  # the last job to leave has just removed the folder
            return self.take(name)
        if latest and sign_of(generations[latest]) != assessed:
            # Meanwhile another took over, let go of it all, and a third may have begun again below this generation.
            drop(path, file)
            return False
        self._held[name] = latest + 1, file
        if latest:
            log.warning(
                "The job that worked on %s is gone (%s); taking over.", _shown(name), _owner(generations[latest])
            )
        return True

    def release(self, name: str) -> None:
        """Let go of ``name``, and of what dead jobs left of it."""
        own, file = self._held.pop(name)
        found = self._generations(name)
        with file:
            if own in found and is_at(found[own], file):
                # The own one last: it overrules what is left of others' as long as it is there.
                for generation in sorted(generation for generation in found if generation <= own):
                    found[generation].unlink(missing_ok=True)

    @contextmanager
    def holding(self, name: str) -> Iterator[None]:
        """Wait until ``name`` is free, and hold it for the length of the block."""
        self.wait_for(name)
        try:
            yield
        finally:
            self.release(name)

    @contextmanager
    def briefly(self, name: str) -> Iterator[None]:
        """Hold ``name`` for a moment's work, which is done without it where it cannot be had: the disk is full, the
        folder is not to be written, or the owner was suspended. It needs no ``with`` block around it."""
        give_up = time.monotonic() + PATIENCE
        try:
            with suppress(OSError):
                while not self.take(name) and time.monotonic() < give_up:
                    time.sleep(self._poll)
            yield
        finally:
            with suppress(OSError):
                if name in self._held:
                    self.release(name)
                self._folder.rmdir()

    def wait_for(self, name: str) -> bool:
        """Take ``name``, waiting for whoever has it; whether that was necessary."""
        waited = False
        while not self.take(name):
            self._pause([name])
            waited = True
        return waited

    def in_turns(self, names: Iterable[str], is_open: Callable[[str], bool], work: Callable[[str], None]) -> None:
        """Do ``work`` for each of ``names`` that is still open; what another job holds comes last, waited for."""
        left = list(names)
        while left:
            held = []
            for name in filter(is_open, left):
                if not self.take(name):
                    held.append(name)
                    continue
                try:
                    if is_open(name):  # it may have been finished and let go of since
                        work(name)
                finally:
                    self.release(name)
            if len(held) == len(left):
                self._pause(held)
            left = held

    def forget(self, names: Iterable[str]) -> None:
        """Remove what this process and dead ones left of leases on ``names``, because nothing is to be done there any
        more. What the living hold stays: it may be another search's work."""
        me = this_process()
        for name in names:
            for path in self._generations(name).values():
                if me.items() <= content_of(path).items() or self._is_stale(path):
                    path.unlink(missing_ok=True)

    def _remove_folder(self) -> None:
        """Unless others hold something in it; what killed jobs have left there goes too, in time."""
        with suppress(OSError):
            self._folder.rmdir()
            return
        with suppress(OSError):
            # By the clock that stamps the files. The folder changed when this job let go of its last lease.
            now = self._folder.stat().st_mtime
            for path in list(self._folder.iterdir()):
                if now - path.stat().st_mtime > _ABANDONED and is_alive(content_of(path)) is not True:
                    path.unlink(missing_ok=True)
            self._folder.rmdir()

    def _generations(self, name: str) -> dict[int, Path]:
        try:
            found = [path.name for path in self._folder.iterdir()]
        except FileNotFoundError:
            return {}
        parts = (entry.rpartition(".") for entry in found)
        return {
            int(last): self._folder / f"{first}.{last}" for first, _, last in parts if first == name and last.isdigit()
        }

    def _is_stale(self, path: Path) -> bool:
        sign, now = sign_of(path), time.monotonic()
        if sign is None:
            return False  # just let go of: the next look sees the name free
        alive = is_alive(content_of(path))
        if alive is not None:
            return not alive
        before, since = self._seen.get(path, (None, now))
        if sign != before:
            since = now
        self._seen[path] = (sign, since)
        return now - since > self._stale

    def _pause(self, names: Sequence[str]) -> None:
        for name in names:
            for path in self._generations(name).values():
                if path not in self._told:
                    self._told.add(path)
                    log.info("Waiting for another job with %s (%s).", _shown(name), _owner(path))
        time.sleep(self._poll)

    def _live(self) -> None:
        while not self._closed.wait(self._beat):
            for _, file in list(self._held.values()):
                with suppress(OSError, ValueError):  # the disk is in trouble, or it was let go of this very moment
                    os.utime(file.fileno())


def _owner(path: Path) -> str:
    found = content_of(path)
    return (
        f"host {found.get('host', 'unknown')}, process {found.get('pid', 'unknown')}, since {found.get('since', '?')}"
    )


def _shown(name: str) -> str:
    return {MANIFEST: "the manifest", TABLES: "the tables", STATUS: "the status"}.get(name, name)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
