"""What the manifest of a testbed checkpoint says about its pretraining."""

from __future__ import annotations

from pathlib import Path

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.reading import read_object
from lrp2_bench.models.shipped import MANIFEST
from lrp2_bench.testbed.exposure import Exposure


def exposure_of(folder: Path) -> Exposure:
    """What the checkpoint's pretraining text told, from its manifest (files are not checked)."""
    try:
        manifest = read_object(folder / MANIFEST)
        return Exposure.from_dict(manifest["exposure"])
    except (BenchError, KeyError, TypeError) as error:
        raise BenchError(
            f"'{folder}' has no exposure in a {MANIFEST} ({error!r}). Only testbed models have."
        ) from error
