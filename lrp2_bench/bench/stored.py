"""Measurements that are on disk already: those of other models, or on other facts, are not written over."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lrp2_bench.core.errors import BenchError


def require_own(path: Path, measured: Mapping[str, Any]) -> None:
    """Raises :class:`BenchError` where ``path`` holds what another benchmark ``measured``, naming what differs."""
    try:
        stored = json.loads(path.read_bytes())
        # Earlier versions named the models alone, one a case.
        then = stored.get("measured") or {"models": sorted({case["model"] for case in stored.get("cases", ())})}
        differing = {key: value for key, value in then.items() if key in measured and value != measured[key]}
    except FileNotFoundError:
        return
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise BenchError(
            f"'{path}' is not a benchmark result, and is not overwritten: give another output=DIR."
        ) from error
    if differing:
        message = "\n".join(f"  {key}: {value} -> {measured.get(key)}" for key, value in differing.items())
        raise BenchError(
            f"'{path}' holds measurements of others, and is not overwritten:\n{message}\n"
            "Give another output=DIR, or delete the file."
        )
