"""``manifest.json``: what a run was made of, enough to distinguish two runs and to make one again."""

from __future__ import annotations

import platform
import resource
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from lrp2_bench.core.files import digests, sha256_json, with_own_digest, write_json
from lrp2_bench.core.reading import read_object
from lrp2_bench.core.secrets import masked
from lrp2_bench.metrics.registry import PAPER
from lrp2_bench.results.layout import MANIFEST, TABLES
from lrp2_bench.results.status import state_of

_PACKAGES = (
    "lrp2-bench",
    "torch",
    "transformers",
    "tokenizers",
    "safetensors",
    "numpy",
    "pyarrow",
    "optuna",
    "hydra-core",
    "omegaconf",
    "wandb",
)


def read_manifest(path: Path) -> dict[str, Any] | None:
    """The stored manifest; None where there is none. A damaged one is refused rather than guessed at."""
    if not path.exists():
        return None
    return read_object(
        path,
        "So the configuration of its folder's hits is unknown.\n"
        "Move the folder away, or give this run another experiment.name.",
    )


def write_manifest(path: Path, identity: Mapping[str, Any], details: Mapping[str, Any]) -> None:
    """``identity`` decides hits and is hashed; ``details`` are the record of this run, less credentials. The digest is
    over all of it."""
    write_json(path, with_own_digest({**masked(details), "identity": identity, "identity_hash": sha256_json(identity)}))


def table_digests(folder: Path) -> dict[str, str]:
    """SHA-256 of the tables in ``folder``, by name."""
    return digests(folder, TABLES)


def was_finished(folder: Path, select_by: str, metrics: Sequence[str]) -> bool:
    """Whether a job of these metrics and this choice of the best pair has written all of ``folder``'s files."""
    manifest = read_manifest(folder / MANIFEST) or {}
    return (
        state_of(folder) == "finished"
        and manifest.get("select_by") == select_by
        and manifest.get("metrics", [*PAPER]) == [*metrics]
    )


def environment() -> dict[str, Any]:
    """Versions of what decides numbers, the machine and the code's commit (None outside a checkout)."""
    return {
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "packages": {name: _version(name) for name in _PACKAGES},
        "git_commit": _git_commit(),
    }


def peak_memory_bytes() -> int:
    """The largest resident size of this process so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


@cache
def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _git_commit() -> str | None:
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return None
    try:
        answer = subprocess.run(
            ["git", "-C", str(root), "rev-parse", "HEAD"], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() or None
