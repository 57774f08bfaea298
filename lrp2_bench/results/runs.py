"""Finds the run folders below a path and reads what a report needs of them: stored files only, no model."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lrp2_bench.core.errors import BenchError, UnknownNameError
from lrp2_bench.core.files import changed, digest_holds
from lrp2_bench.core.secrets import mask
from lrp2_bench.core.types import LayerPair
from lrp2_bench.interventions.base import LRP2 as LRP2
from lrp2_bench.interventions.registry import INTERVENTIONS, is_label
from lrp2_bench.metrics.registry import PAPER
from lrp2_bench.metrics.registry import metric as metric_named
from lrp2_bench.results.tables import TABLES, PairRow, read_pairs

#: What the paper reports, and every ``pairs.csv`` has.
METRICS = PAPER

# Any of these makes a folder a run folder, whole or not.
_MARKERS = frozenset({"pairs.csv", "status.json", "manifest.json", "hits.parquet"})
_LAYOUT = "Runs lie in EXPERIMENT/MODEL/DATASET/LANGUAGE folders, which `lrp2-bench search` writes."


@dataclass(frozen=True)
class Run:
    """A finished run: ``outputs/EXPERIMENT/MODEL/DATASET/LANGUAGE``, the names taken from its manifest.

    An ablation's ``model`` is MODEL_PROJECTION, so that it never shares a table with LRP2's own runs; ``projection``
    is ``lrp2`` otherwise. ``pairs`` has the fully evaluated pairs in (lirp, lsrp) order, none in a run with
    ``search=baseline``.
    ``missing`` names relations the run itself says it lacks.
    """

    folder: Path
    model: str
    dataset: str
    language: str
    pivot: str
    blocks: int
    baseline: PairRow
    pairs: tuple[PairRow, ...]
    missing: tuple[str, ...]
    manifest: Mapping[str, Any]
    projection: str = LRP2

    @property
    def is_pivot(self) -> bool:
        return self.language == self.pivot

    @property
    def grid(self) -> int:
        """How many pairs the model has."""
        return self.blocks * (self.blocks - 1) // 2

    def stands_for(self, pair: LayerPair) -> LayerPair:
        """The pair that was evaluated for a pair: another one's hits are its own where the projection moves alike."""
        found = self.manifest.get("projection")
        kind = str(found.get("kind")) if isinstance(found, Mapping) else ""
        # A package that added its intervention may be gone; without it every pair stands for itself.
        return INTERVENTIONS.get(kind).representative(pair, self.blocks) if kind in INTERVENTIONS else pair

    def best(self, select_by: str) -> PairRow | None:
        """The best pair by a metric's name, the first of equals; None without any.

        Raises :class:`BenchError` for a metric that the run has not computed.
        """
        found = metric_named(select_by).best([value(row, select_by) for row in self.pairs])
        return self.pairs[found] if found is not None else None


@dataclass(frozen=True)
class Unfinished:
    """A folder without usable results and why; the names are those of its path."""

    folder: Path
    model: str
    dataset: str
    language: str
    reason: str


def value(row: PairRow, metric: str) -> float:
    """The row's ``metric`` by name; NaN where there are no facts to take it over."""
    return row.value(metric)


def find_runs(inputs: Sequence[Path]) -> tuple[list[Run], list[Unfinished]]:
    """Every run folder at or below ``inputs``, each once, in path order: the finished, and the others with reasons.

    Raises BenchError for an input that is no folder, and where there is no run or no finished one.
    """
    if not inputs:
        raise BenchError(
            f"Nothing to report on: name at least one folder, as in `lrp2-bench report outputs/paper`.\n{_LAYOUT}"
        )
    runs: list[Run] = []
    unfinished: list[Unfinished] = []
    for folder in run_folders(inputs):
        found = _read(folder)
        if isinstance(found, Run):
            runs.append(found)
        else:
            unfinished.append(found)
    where = ", ".join(str(path) for path in inputs)
    if not runs and not unfinished:
        raise BenchError(f"There is no run in {where}.\n{_LAYOUT}")
    if not runs:
        listed = "\n".join(f"  {other.folder}: {other.reason}" for other in unfinished)
        raise BenchError(
            f"There is no finished run in {where}:\n{listed}\n"
            "Run the same `lrp2-bench search` again: it resumes from what is stored."
        )
    return runs, unfinished


def run_folders(inputs: Sequence[Path]) -> list[Path]:
    """Every run folder at or below ``inputs``, each once, in path order, finished or not; errors as above."""
    seen: set[Path] = set()
    return [folder for path in inputs for folder in _run_folders(path, seen)]


def walk(path: Path, seen: set[Path]) -> Iterator[tuple[Path, list[str], list[str]]]:
    """:func:`os.walk` in the order of names. Links are followed, since results are often kept on another disk; ``seen``
    ends loops and doubles, over several calls where it is passed on."""
    for parent, folders, names in os.walk(path, followlinks=True):
        real = Path(parent).resolve()
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders.sort()
        yield Path(parent), folders, names


def _run_folders(path: Path, seen: set[Path]) -> Iterator[Path]:
    if not path.is_dir():
        if path.exists():
            raise BenchError(f"'{path}' is a file, not a folder of runs.\n{_LAYOUT}")
        siblings = [child.name for child in path.parent.iterdir() if child.is_dir()] if path.parent.is_dir() else []
        raise UnknownNameError(f"folder in '{path.parent}':", path.name, siblings, hint=_LAYOUT)
    for folder, below, names in walk(path, seen):
        if _MARKERS.intersection(names):
            below.clear()
            yield folder


def _read(folder: Path) -> Run | Unfinished:
    try:
        status = _read_json(folder / "status.json")
        state = status.get("state")
        if state != "finished":
            return _unfinished(folder, _reason(state, status.get("message")))
        return _read_finished(folder, _names(status.get("missing")))
    except BenchError as error:
        return _unfinished(folder, str(error).split("\n")[0])


def _read_finished(folder: Path, missing: tuple[str, ...]) -> Run:
    manifest = _read_json(folder / "manifest.json")
    try:
        model, dataset, language, pivot = (
            str(manifest["model"]["name"]),
            str(manifest["dataset"]["name"]),
            str(manifest["language"]),
            str(manifest["pivot"]),
        )
        blocks = int(manifest["model"]["blocks"])
    except (KeyError, TypeError, ValueError) as error:
        raise BenchError(f"manifest.json lacks model, dataset, language or pivot ({error})") from error
    damaged = changed(folder, manifest.get("files"), TABLES) if digest_holds(manifest) else ["manifest.json"]
    if damaged:
        raise BenchError(f"{', '.join(damaged)} changed since the job wrote it; the same search writes it anew")
    baseline, *pairs = read_pairs(folder / "pairs.csv")
    projection = _projection(manifest)
    if projection != LRP2:
        model = f"{model}_{projection}"
    return Run(folder, model, dataset, language, pivot, blocks, baseline, tuple(pairs), missing, manifest, projection)


def _projection(manifest: Mapping[str, Any]) -> str:
    """The projection's label; runs made before there were ablations are LRP2's."""
    found = manifest.get("projection")
    return str(found.get("label", LRP2)) if isinstance(found, Mapping) else LRP2


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise BenchError(f"{path.name} is missing: the job was killed, or is still at its start") from None
    except (OSError, ValueError) as error:
        raise BenchError(f"{path.name} cannot be read ({error})") from error
    if not isinstance(content, dict):
        raise BenchError(f"{path.name} holds no JSON object")
    return content


def _reason(state: object, message: object) -> str:
    if state == "running":
        return "still running, or killed"
    first_line = mask(str(message or "")).strip().split("\n")[0]
    return f"{state or 'no state in status.json'}{': ' if first_line else ''}{first_line}"


def _names(found: object) -> tuple[str, ...]:
    return tuple(str(name) for name in found) if isinstance(found, list) else ()


def _unfinished(folder: Path, reason: str) -> Unfinished:
    above, model, dataset, language = ["", "", "", "", *folder.resolve().parts][-4:]
    try:
        projection = _projection(_read_json(folder / "manifest.json"))
    except BenchError:  # failed before it had one: its place tells
        projection = above if is_label(above) else LRP2
    if projection != LRP2:
        model = f"{model}_{projection}"
    return Unfinished(folder, model, dataset, language, reason)
