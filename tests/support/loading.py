"""Folders of models as a job finds and loads them, and changes to their JSON files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lrp2_bench.core.settings import ModelSettings
from lrp2_bench.models.layered import LayeredModel
from lrp2_bench.models.loading import Checkpoint, find_checkpoint, load_model


def find(path: Path | str, revision: str | None = None) -> Checkpoint:
    return find_checkpoint(ModelSettings(path=str(path), revision=revision, device="cpu"))


def load_as(path: Path | str, **settings: Any) -> LayeredModel:
    """On the CPU unless ``settings``, those of the group ``model``, say otherwise."""
    return load_model(find(path), ModelSettings(path=str(path), **{"device": "cpu", **settings}))


def edit(file: Path, **changes: Any) -> None:
    """Set keys of a JSON file; None takes one away."""
    content = json.loads(file.read_text("utf-8")) | changes
    file.write_text(json.dumps({key: value for key, value in content.items() if value is not None}), "utf-8")
