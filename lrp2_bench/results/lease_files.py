"""The file of a lease: made so that only one can, and not mistaken for a later one at its path, on NFS as elsewhere."""

from __future__ import annotations

import errno
import os
import threading
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import Any

from lrp2_bench.core.reading import find_object


def make(path: Path, content: bytes) -> FileIO:
    """The file at ``path``, new and left open: once it is removed and made again by another job, what is at the path is
    no longer ours. Raises FileExistsError where there is one.

    It takes its name when it is written, so that a job killed in between leaves no lease without an owner, which others
    would wait for as for a job on another machine.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}")
    file = draft.open("wb", buffering=0)
    try:
        file.write(content)
        try:
            os.link(draft, path)
        except FileExistsError:
            # Over NFS the answer to the first call may be lost, and the second one meets what the first has made.
            if os.fstat(file.fileno()).st_nlink != 2:
                raise
        except OSError:  # a file system without hard links
            file.close()
            file = path.open("xb", buffering=0)
            file.write(content)
    except BaseException:
        file.close()
        raise
    finally:
        draft.unlink(missing_ok=True)
    return file


def sign_of(path: Path) -> object:
    """Changes with every sign of life, and differs between files that come to the same path; None where there is none.

    By opening it, because only then NFS asks the server.
    """
    try:
        with suppress(PermissionError):
            path.open("rb").close()
        stat = path.stat()
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ESTALE):
            return None
        raise
    return stat.st_dev, stat.st_ino, stat.st_mtime_ns, stat.st_size


def is_at(path: Path, file: FileIO) -> bool:
    """Whether ``file`` is what stands at ``path``, and neither removed nor made again by another job."""
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except OSError:
        return False


def drop(path: Path, file: FileIO) -> None:
    with file:
        if is_at(path, file):
            path.unlink(missing_ok=True)


def content_of(path: Path) -> dict[str, Any]:
    """Empty where the owner has not written it yet, or died before."""
    return find_object(path)
