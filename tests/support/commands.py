"""``lrp2-bench`` called in this process, and its main job on toy data."""

from __future__ import annotations

import csv
import hashlib
import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.global_hydra import GlobalHydra

from lrp2_bench.cli import main

#: What two runs of one configuration write identically, byte for byte.
TABLES = ("pairs.csv", "hits.parquet", "pivot_hits.parquet", "facts.parquet", "alignment.csv")


def lrp2_bench(*arguments: str) -> int:
    """The exit code of ``lrp2-bench ARGUMENTS``; leaves logging and the environment as they were."""
    GlobalHydra.instance().clear()
    with _restored():
        try:
            return main(arguments)
        except SystemExit as stop:  # Hydra's own way out of --help
            return int(stop.code or 0)


@dataclass(frozen=True)
class ToyJob:
    """``lrp2-bench search`` of a small model on the toy facts, everything it writes below ``root``."""

    root: Path
    model: Path
    mlama: Path
    corpus: Path

    @property
    def outputs(self) -> Path:
        return self.root / "outputs"

    def arguments(self, language: str = "de") -> list[str]:
        return [
            "model=hf", f"model.path={self.model}", "dataset=mlama", f"dataset.path={self.mlama}", "corpus=text",
            # Means over many sentences are so near each other that moving by their difference changes no answer.
            f"corpus.path={self.corpus}", "corpus.sentences=1", f"language={language}", "tracking=none",
            f"paths.outputs={self.outputs}", f"paths.cache={self.root / 'cache'}",
        ]  # fmt: skip

    def search(self, *more: str, language: str = "de") -> int:
        """Its exit code; ``more`` comes last and so overrides."""
        return lrp2_bench("search", *self.arguments(language), *more)

    def folder(self, language: str = "de", experiment: str = "default") -> Path:
        return self.outputs / experiment / self.model.name / "mlama" / language


def records(folder: Path) -> list[dict[str, Any]]:
    """The whole records of all journals in a run's folder."""
    journals = sorted(folder.glob("relations/journal*.jsonl"))
    return [json.loads(line) for path in journals for line in path.read_bytes().split(b"\n")[:-1]]


def status_of(folder: Path, name: str = "status.json") -> dict[str, Any]:
    """Of a run's folder, or of one of its shards by ``name``."""
    found: dict[str, Any] = json.loads((folder / name).read_text("utf-8"))
    return found


def manifest_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "manifest.json").read_text("utf-8"))
    return found


def pairs_of(folder: Path) -> list[dict[str, str]]:
    """The rows of ``pairs.csv``, the baseline's first."""
    return list(csv.DictReader((folder / "pairs.csv").read_text("utf-8").splitlines()))


def contents(folder: Path, names: tuple[str, ...] = TABLES) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in names}


def snapshot(folder: Path) -> dict[str, tuple[str, int]]:
    """Every file below ``folder``: its digest and when it was last written."""
    return {
        str(path.relative_to(folder)): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def stored(folder: Path) -> dict[str, tuple[str, int]]:
    """:func:`snapshot` of what a run's folder keeps of each relation, less the journal, which grows."""
    return {name: seen for name, seen in snapshot(folder / "relations").items() if name != "journal.jsonl"}


@contextmanager
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    full_error = os.environ.get("HYDRA_FULL_ERROR")
    try:
        yield
    finally:
        for handler in root.handlers:
            if handler not in handlers:
                handler.close()
        root.handlers[:] = handlers
        root.setLevel(level)
        if full_error is None:
            os.environ.pop("HYDRA_FULL_ERROR", None)
