"""Reads an offline ``.wandb`` file back without a network: LevelDB's log format around protobuf records."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

_BLOCK, _FILE_HEADER, _RECORD_HEADER = 32768, 7, 7
_FULL, _LAST = 1, 4


@dataclass(frozen=True)
class StagedFile:
    """A file of an artifact: its MD5 in base 64, and where it waits for the upload."""

    digest: str
    path: str


@dataclass(frozen=True)
class OfflineArtifact:
    """``files`` by their names in the artifact."""

    name: str
    type: str
    files: dict[str, StagedFile]


@dataclass
class OfflineRun:
    """What W&B has kept of one run; keys of nested values are joined by dots."""

    folder: Path
    run: dict[str, str] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    summary: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, dict[str, Any]] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    artifacts: list[OfflineArtifact] = field(default_factory=list)
    exit_code: int | None = None

    def logged(self, key: str) -> list[Any]:
        """The values of ``key`` over the history, in order, where it was logged."""
        return [row[key] for row in self.history if key in row]

    def media(self, key: str) -> Any:
        """The content of the one table or figure logged as ``key``."""
        (path,) = self.logged(f"{key}.path")
        return json.loads((self.folder / "files" / path).read_text(encoding="utf-8"))


def offline_runs(folder: Path) -> list[OfflineRun]:
    """The offline runs below ``folder/wandb``, by their folders' names."""
    return [read_run(path) for path in sorted((folder / "wandb").glob("offline-run-*"))]


def the_run(folder: Path) -> OfflineRun:
    """The one offline run below ``folder/wandb``."""
    (run,) = offline_runs(folder)
    return run


def read_run(folder: Path) -> OfflineRun:
    (path,) = folder.glob("*.wandb")
    out = OfflineRun(folder)
    for record in _records(path.read_bytes()):
        kind = record.WhichOneof("record_type")
        if kind == "run":
            names = ("run_id", "project", "entity", "run_group", "job_type", "display_name")
            out.run = {name: getattr(record.run, name) for name in names}
            out.tags = list(record.run.tags)
            out.config |= _values(record.run.config.update)
        elif kind == "config":
            out.config |= _values(record.config.update)
        elif kind == "history":
            out.history.append(_values(record.history.item))
        elif kind == "summary":
            out.summary |= _values(record.summary.update)
            for item in record.summary.remove:
                out.summary.pop(_key(item), None)
        elif kind == "metric":
            metric = record.metric
            out.metrics[metric.name or metric.glob_name] = {"step": metric.step_metric, "hidden": metric.options.hidden}
        elif kind == "artifact":
            files = {
                entry.path: StagedFile(entry.digest, entry.local_path) for entry in record.artifact.manifest.contents
            }
            out.artifacts.append(OfflineArtifact(record.artifact.name, record.artifact.type, files))
        elif kind == "exit":
            out.exit_code = record.exit.exit_code
    return out


def _records(data: bytes) -> Iterator[Any]:
    wandb_internal_pb2: Any = import_module("wandb.proto.wandb_internal_pb2")  # generated code, without types
    assert data[:4] == b":W&B", "this is no .wandb file"
    position, parts = _FILE_HEADER, b""
    while position + _RECORD_HEADER <= len(data):
        left = _BLOCK - position % _BLOCK
        if left < _RECORD_HEADER:  # zeros up to the block's end
            position += left
            continue
        _crc, length, kind = struct.unpack_from("<IHB", data, position)
        position += _RECORD_HEADER
        parts += data[position : position + length]
        position += length
        if kind in (_FULL, _LAST):
            record = wandb_internal_pb2.Record()
            record.ParseFromString(parts)
            parts = b""
            yield record


def _values(items: Any) -> dict[str, Any]:
    return {_key(item): json.loads(item.value_json) for item in items}


def _key(item: Any) -> str:
    return ".".join(item.nested_key) if item.nested_key else str(item.key)
