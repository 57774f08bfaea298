"""Which configuration a folder's hits belong to: in its manifest, and once more beside the hits.

The manifest is written at every run. Were it the only place, a damaged one would cost all the hits of its folder.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.files import digest_holds, with_own_digest, write_json
from lrp2_bench.core.reading import find_object
from lrp2_bench.results import leases as lease_names
from lrp2_bench.results.hits import holds_hits, require_same_identity
from lrp2_bench.results.layout import CHUNKS, DAMAGED, FINGERPRINT, MANIFEST
from lrp2_bench.results.leases import Leases
from lrp2_bench.results.manifest import read_manifest, write_manifest

log = logging.getLogger(__name__)

SET_ASIDE = "A damaged manifest.json was set aside and regenerated"


def start_manifest(
    folder: Path, identity: Mapping[str, Any], details: Mapping[str, Any], leases: Leases, data_warnings: DataWarnings
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Write what is known before the work; the manifest that was there ({} for none) and the identity to go on with.

    Raises :class:`BenchError` where the folder holds hits of another identity, or hits of an unknown one. Jobs
    do this one after another, so that two of different identities that start together cannot both go on.
    """
    with leases.holding(lease_names.MANIFEST):
        stored = stored_manifest(folder, data_warnings)
        configs = stored.get("config", {}), details["config"]
        merged = require_same_identity(stored.get("identity", {}), identity, folder, configs)
        write_manifest(folder / MANIFEST, merged, {**stored, **details})
        _keep_copy(folder, merged)
    return stored, merged


def finish_manifest(folder: Path, identity: Mapping[str, Any], details: Mapping[str, Any], leases: Leases) -> None:
    """Write what the work has shown, beside what other jobs may have written since."""
    with leases.holding(lease_names.MANIFEST):
        stored = stored_manifest(folder, DataWarnings())
        merged = require_same_identity(stored.get("identity", {}), identity, folder)
        write_manifest(folder / MANIFEST, merged, {**stored, **details})
        _keep_copy(folder, merged)


def stored_manifest(folder: Path, data_warnings: DataWarnings) -> dict[str, Any]:
    """The manifest of the folder's last run; empty for a new folder.

    In the place of a damaged or missing one comes the identity kept beside the hits. Raises :class:`BenchError`
    where there are hits of an unknown configuration.
    """
    path = folder / MANIFEST
    aside = path.with_name(path.name + DAMAGED)
    manifest, problem = _read_or_copy(folder)
    if problem is not None:
        if path.exists():
            path.replace(aside)
        log.warning("%s It is regenerated from 'relations/%s'.", problem, FINGERPRINT)
    if manifest and aside.exists():
        data_warnings.add(SET_ASIDE, aside.name)
    return manifest


def require_no_conflict(
    folder: Path, identity: Callable[[Mapping[str, Any]], Mapping[str, Any]], config: Mapping[str, Any]
) -> None:
    """Refuse at the start what :func:`start_manifest` would refuse once model and vectors are there.

    ``identity`` makes, of the manifest that is stored, what is known of this run's by now (null: not yet). Changes
    nothing in the folder. Raises :class:`BenchError`, worded the same.
    """
    stored, _ = _read_or_copy(folder)
    if stored:
        require_same_identity(stored.get("identity", {}), identity(stored), folder, (stored.get("config", {}), config))


def _read_or_copy(folder: Path) -> tuple[dict[str, Any], str | None]:
    """The manifest of the folder's last run, and what is wrong with it where the copy of its identity stands in."""
    path = folder / MANIFEST
    if not path.exists() and not holds_hits(folder):
        return {}, None
    try:
        manifest = read_manifest(path)
        if manifest is None:
            raise BenchError(
                f"'{folder}' holds hits without a manifest.json, so their configuration is unknown.\n"
                "Move the folder away, or give this run another experiment.name."
            )
        if not digest_holds(manifest) or not manifest.get("identity"):
            raise BenchError(
                f"'{path}' is damaged (it does not have the digest it names).\n"
                "Move the folder away, or give this run another experiment.name."
            )
    except BenchError as error:
        identity = _read_copy(folder)
        if identity is None:
            raise
        return {"identity": identity}, str(error).split("\n")[0]
    return manifest, None


def stored_model(folder: Path) -> str | None:
    """The digest of the model whose hits ``folder`` holds; None where there are none, or none that can be read."""
    try:
        identity = (read_manifest(folder / "manifest.json") or {}).get("identity")
    except BenchError:
        identity = None
    found = (identity or _read_copy(folder) or {}).get("model")
    return found.get("digest") if isinstance(found, dict) else None


def _keep_copy(folder: Path, identity: Mapping[str, Any]) -> None:
    if _read_copy(folder) != identity:
        write_json(folder / CHUNKS / FINGERPRINT, with_own_digest({"identity": identity}))


def _read_copy(folder: Path) -> dict[str, Any] | None:
    """None where there is none, or a damaged one."""
    copy = find_object(folder / CHUNKS / FINGERPRINT)
    identity = copy.get("identity")
    return identity if isinstance(identity, dict) and "digest" in copy and digest_holds(copy) else None
