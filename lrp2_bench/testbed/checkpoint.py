"""Checks a testbed checkpoint against its manifest before anything is computed with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lrp2_bench.errors import BenchError
from lrp2_bench.files import sha256_file
from lrp2_bench.testbed.exposure import Exposure

MANIFEST = "manifest.json"


def checked_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of the checkpoint in ``folder``, every file it names present and of its digest.

    Raises :class:`BenchError` naming the file that is missing or damaged.
    """
    rebuild = "Rebuild it with 'lrp2-bench pretrain', or install the package again."
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_text("utf-8"))
        files = dict(manifest["files"])
    except FileNotFoundError as error:
        raise BenchError(f"'{folder}' is no testbed checkpoint: {MANIFEST} is missing. {rebuild}") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BenchError(f"'{path}' cannot be read ({error!r}). {rebuild}") from error
    for name, digest in files.items():
        file = folder / name
        if not file.is_file():
            raise BenchError(f"'{file}' is missing from the checkpoint. {rebuild}")
        found = sha256_file(file)
        if found != digest:
            raise BenchError(f"'{file}' is damaged: its SHA-256 is {found}, not {digest}. {rebuild}")
    return dict(manifest)


def exposure_of(folder: Path) -> Exposure:
    """What the checkpoint's pretraining text told, from its manifest (files are not checked)."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text("utf-8"))
        return Exposure.from_dict(manifest["exposure"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BenchError(
            f"'{folder}' has no exposure in a {MANIFEST} ({error!r}). Only testbed models have."
        ) from error
