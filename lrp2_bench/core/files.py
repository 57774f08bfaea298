"""Files that are either whole or absent: atomic writes, append-only journals, digests."""

from __future__ import annotations

import glob
import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from lrp2_bench.core.errors import BenchError

#: Seconds without a write after which a temporary file has nobody who writes it.
_ABANDONED = 3600.0


class FolderError(FileNotFoundError):
    """A folder cannot be made. File systems such as /proc say of it that it does not exist."""


def make_folder(path: Path) -> None:
    """Make ``path`` and the folders above it. Raises :class:`FolderError`, or another OSError that says why."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except FileNotFoundError as error:
        raise FolderError(error.errno, error.strerror, error.filename) from error


def require_reachable(path: Path, setting: str) -> None:
    """Raise :class:`BenchError` where the system cannot even tell whether there is a ``path``, which ``setting`` gave:
    its name is too long, say, or a folder above may not be entered."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return
    except (OSError, ValueError) as error:
        shown = str(path) if len(str(path)) <= 200 else f"{str(path)[:200]}..."
        why = error.strerror if isinstance(error, OSError) else error
        raise BenchError(f"{setting}: '{shown}' cannot be looked at: {why}. Give another path.") from error


def at_home(path: str) -> Path:
    """``~`` as the home that it stands for. ``~NAME`` stays where nobody has that name: not every text is a path."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def home_error(error: BaseException | None) -> BenchError | None:
    """What to do about :meth:`Path.expanduser`'s error; None for another."""
    if not isinstance(error, RuntimeError) or "determine home directory" not in str(error):
        return None
    return BenchError(
        "A path begins with ~NAME, and this machine has no user NAME. Give the whole path, or ./~NAME for a file or "
        "folder of that name."
    )


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path``; on leaving it is synced and takes ``path``'s place, on error it goes.

    What writers of ``path`` that were killed left behind goes too."""
    make_folder(path.parent)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    os.close(handle)
    temporary = Path(name)
    _remove_abandoned(path.parent, f"{glob.escape(path.name)}.", temporary.stat().st_mtime)
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        # mkstemp makes files private; results are shared with a group as any other file would be.
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(path)
        _sync_folder(path.parent)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def remove_abandoned(folder: Path) -> None:
    """Remove what killed writers of any file in ``folder`` (not below) left: for files that may never be written
    again. Where it cannot be removed, or there is no such folder, it stays."""
    with suppress(OSError):
        if next(folder.glob(".*.tmp*"), None) is not None:
            with tempfile.NamedTemporaryFile(dir=folder, prefix=".now.", suffix=".tmp") as clock:
                _remove_abandoned(folder, "", Path(clock.name).stat().st_mtime)


def write_bytes(path: Path, data: bytes) -> None:
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def write_text(path: Path, text: str) -> None:
    write_bytes(path, text.encode("utf-8"))


def write_json(path: Path, value: Any) -> None:
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True) + "\n")


def append_json_line(path: Path, value: Any) -> int:
    """Append one record and flush it to the disk; a torn last line left by a kill is cut off first.

    Returns the byte the record starts at."""
    line = json.dumps(value, ensure_ascii=False, sort_keys=True) + "\n"
    make_folder(path.parent)
    cut_torn_tail(path)
    with path.open("ab") as file:
        start = file.seek(0, os.SEEK_END)
        file.write(line.encode("utf-8"))
        file.flush()
        os.fsync(file.fileno())
    return start


def read_json_lines(path: Path) -> list[Any]:
    """The whole records of an append-only file; a torn tail and a missing file are no error."""
    if not path.exists():
        return []
    records = []
    for line in path.read_bytes().split(b"\n")[:-1]:
        try:
            records.append(json.loads(line))
        except ValueError:
            continue
    return records


def cut_torn_tail(path: Path) -> None:
    """Cut ``path`` after its last newline, so that the next record starts on a line of its own."""
    if not path.exists():
        return
    data = path.read_bytes()
    whole = data.rfind(b"\n") + 1
    if whole < len(data):
        with path.open("rb+") as file:
            file.truncate(whole)


def sha256_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_json(value: Any) -> str:
    """The digest of a value in canonical JSON: sorted keys, no spaces, UTF-8."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def with_own_digest(record: Mapping[str, Any]) -> dict[str, Any]:
    """``record`` with the digest of all the rest of it under ``digest``."""
    rest = json.loads(json.dumps({key: value for key, value in record.items() if key != "digest"}))
    return {**rest, "digest": sha256_json(rest)}


def digest_holds(record: Mapping[str, Any]) -> bool:
    """Whether a record read back is what :func:`with_own_digest` made; one without a digest is taken as it is."""
    return "digest" not in record or with_own_digest(record)["digest"] == record["digest"]


def digests(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """The SHA-256 of those of the files that are there."""
    return {name: sha256_file(folder / name) for name in names if (folder / name).is_file()}


def changed(folder: Path, stored: object, names: Iterable[str]) -> list[str]:
    """The files that are no longer what ``stored``, a mapping as :func:`digests` gives it, says they were.

    Files that it does not name, and a ``stored`` that is none, say nothing.
    """
    known = stored if isinstance(stored, dict) else {}
    return [name for name, digest in digests(folder, names).items() if known.get(name, digest) != digest]


def _remove_abandoned(folder: Path, prefix: str, now: float) -> None:
    """``prefix`` is of a glob; ``now`` the file system's own time, which several machines' clocks need not agree with.

    A library that writes to the temporary path may have files of its own beside it, as a journal its lock (a link).
    """
    for left in folder.glob(f".{prefix}*.tmp*"):
        with suppress(OSError):  # somebody else removed it first
            if now - left.lstat().st_mtime > _ABANDONED:
                left.unlink()


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
