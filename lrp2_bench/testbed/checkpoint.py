"""What the manifest of a testbed checkpoint says about its pretraining."""

from __future__ import annotations

import json
from pathlib import Path

from lrp2_bench.core.errors import BenchError
from lrp2_bench.models.shipped import MANIFEST
from lrp2_bench.testbed.exposure import Exposure


def exposure_of(folder: Path) -> Exposure:
    """What the checkpoint's pretraining text told, from its manifest (files are not checked)."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text("utf-8"))
        return Exposure.from_dict(manifest["exposure"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BenchError(
            f"'{folder}' has no exposure in a {MANIFEST} ({error!r}). Only testbed models have."
        ) from error
