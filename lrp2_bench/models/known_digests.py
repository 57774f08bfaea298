"""SHA-256 of large files without reading them in every job: 140 GB take minutes."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

from lrp2_bench.core.files import sha256_file, sha256_json, write_json
from lrp2_bench.core.reading import find_object

#: Smaller files are read: they take no time, and are not what anyone changes in place unnoticed.
LARGE = 16 * 2**20

_SHA256 = re.compile(r"[0-9a-f]{64}")


def known_sha256(path: Path, cache: Path) -> str:
    """The SHA-256 of ``path``: the name that the hub's own cache gives a file of its large file storage, else what was
    found of a file of this path, size and time of change, else what is found now, which ``cache`` keeps.

    A cache that cannot be written, and what is damaged in it, costs time alone.
    """
    real = path.resolve()
    status = real.stat()
    if status.st_size < LARGE:
        return sha256_file(path)
    if (named := _name_of_blob(real)) is not None:
        return named
    key = {"path": str(real), "size": status.st_size, "changed_ns": status.st_mtime_ns}
    entry = cache / "digests" / f"{sha256_json(key)}.json"
    kept = find_object(entry)
    known = kept.get("sha256")
    if isinstance(known, str) and _SHA256.fullmatch(known) and {**kept, **key} == kept:
        return known
    found = sha256_file(real)
    if real.stat().st_mtime_ns == status.st_mtime_ns:  # not what somebody is writing meanwhile
        with suppress(OSError):
            write_json(entry, {**key, "sha256": found})
    return found


def _name_of_blob(real: Path) -> str | None:
    """The name of a file in ``models--OWNER--NAME/blobs`` where it is a SHA-256; those of small files are SHA-1 of
    something else."""
    blobs, repository = real.parent, real.parent.parent
    ours = blobs.name == "blobs" and repository.name.startswith("models--")
    return real.name if ours and _SHA256.fullmatch(real.name) else None
