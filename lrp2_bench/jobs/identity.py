"""Which configuration a folder's hits belong to: in its manifest, and once more beside the hits.

The manifest is written at every run. Were it the only place, a damaged one would cost all the hits of its folder.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lrp2_bench.errors import BenchError
from lrp2_bench.files import seal_holds, sealed, write_json
from lrp2_bench.grid.store import CHUNKS, holds_hits
from lrp2_bench.jobs.manifest import read_manifest
from lrp2_bench.notices import Notices

log = logging.getLogger(__name__)

DAMAGED = "A damaged manifest.json was set aside and written anew"

_COPY = "identity.json"


def stored_manifest(folder: Path, notices: Notices) -> dict[str, Any]:
    """The manifest of the folder's last run; empty for a new folder.

    In the place of a damaged or missing one comes the identity kept beside the hits. Raises :class:`BenchError`
    where there are hits and it cannot be told what they belong to.
    """
    path = folder / "manifest.json"
    aside = path.with_name(path.name + ".damaged")
    if not path.exists() and not holds_hits(folder):
        return {}
    try:
        manifest = read_manifest(path)
        if manifest is None:
            raise BenchError(
                f"'{folder}' holds hits without a manifest.json, so it cannot be told which configuration they belong "
                "to.\nMove the folder away, or give this run another experiment.name."
            )
        if not seal_holds(manifest) or not manifest.get("identity"):
            raise BenchError(
                f"'{path}' is damaged (it does not have the digest it names).\n"
                "Move the folder away, or give this run another experiment.name."
            )
    except BenchError as error:
        identity = _read_copy(folder)
        if identity is None:
            raise
        if path.exists():
            path.replace(aside)
        log.warning("%s It is written anew from 'relations/%s'.", str(error).split("\n")[0], _COPY)
        manifest = {"identity": identity}
    if aside.exists():
        notices.add(DAMAGED, aside.name)
    return manifest


def keep_identity(folder: Path, identity: Mapping[str, Any]) -> None:
    """Write the copy beside the hits, unless it is there already."""
    if _read_copy(folder) != identity:
        write_json(folder / CHUNKS / _COPY, sealed({"identity": identity}))


def _read_copy(folder: Path) -> dict[str, Any] | None:
    """None where there is none, or a damaged one."""
    try:
        copy = json.loads((folder / CHUNKS / _COPY).read_bytes())
        identity = copy["identity"]
        whole = isinstance(identity, dict) and "digest" in copy and seal_holds(copy)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return identity if whole else None
