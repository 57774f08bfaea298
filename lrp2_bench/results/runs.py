"""Finds the run folders below a path and reads what a report needs of them: stored files only, no model."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lrp2_bench.core.errors import BenchError, UnknownNameError
from lrp2_bench.core.files import changed, digest_holds
from lrp2_bench.core.reading import DamagedFileError, MissingFileError, find_object, read_object
from lrp2_bench.core.secrets import mask
from lrp2_bench.core.settings import LRP2
from lrp2_bench.core.types import LayerPair
from lrp2_bench.interventions.registry import INTERVENTIONS
from lrp2_bench.metrics.registry import METRICS, metric, needs_scores
from lrp2_bench.results.choice import at_best_strengths, best_row
from lrp2_bench.results.layout import MANIFEST, MARKERS, PAIRS, RUNS_HINT, SCORE_METRICS, STATUS, TABLES, place_of
from lrp2_bench.results.run_folder import RunFolder
from lrp2_bench.results.scores import setting_of
from lrp2_bench.results.tables import PairRow, read_pairs


@dataclass(frozen=True)
class Run:
    """A finished run: ``outputs/EXPERIMENT/MODEL/DATASET/LANGUAGE``, the names taken from its manifest.

    An ablation's ``model`` is MODEL_PROJECTION, so that it never shares a table with LRP2's own runs; ``projection``
    is ``lrp2`` otherwise. ``pairs`` has the fully evaluated pairs in (lirp, lsrp) order, none in a run with
    ``search=baseline``.
    ``missing`` names relations the run itself says it lacks. ``label`` separates its experiment from the others of
    a report, empty where there is one alone.
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
    experiment: str = ""
    label: str = ""

    @property
    def files(self) -> RunFolder:
        """Everything that the run's folder holds."""
        return RunFolder(self.folder)

    @property
    def model_name(self) -> str:
        """The model's own name, whatever its states were moved by."""
        return str(self.manifest["model"]["name"])

    @property
    def dataset_label(self) -> str:
        """The dataset as it is shown, with the experiment where several are reported."""
        return f"{self.dataset}, {self.label}" if self.label else self.dataset

    @property
    def stem(self) -> str:
        """What names of figures end with."""
        return f"{self.model}_{self.dataset}{f'_{self.label}' if self.label else ''}"

    @property
    def is_pivot(self) -> bool:
        return self.language == self.pivot

    @property
    def grid(self) -> int:
        """How many pairs of layers the model has."""
        return self.blocks * (self.blocks - 1) // 2

    @property
    def evaluated(self) -> int:
        """How many of those were evaluated, at whatever strengths."""
        return len({row.pair.layers for row in self.pairs if row.pair is not None})

    @property
    def strengths(self) -> tuple[str, ...]:
        """Those that were searched, ascending, as they are read; none where all pairs are of the run's own."""
        pairs = [row.pair for row in self.pairs if row.pair is not None and row.pair.strength is not None]
        ordered = sorted(pairs, key=lambda pair: (pair.strength or 0.0, pair.back or 0.0))
        return tuple(dict.fromkeys(pair.strengths for pair in ordered))

    def at(self, strengths: str) -> Run:
        """The run as if those ``strengths``, as they are read, were its own."""
        rows = tuple(row for row in self.pairs if row.pair is not None and row.pair.strengths == strengths)
        return replace(self, pairs=rows)

    def at_best_strengths(self, select_by: str) -> Run:
        """The run with a single row for each pair of layers, at the strengths that are best there."""
        return replace(self, pairs=tuple(at_best_strengths(self.pairs, select_by)))

    def stands_for(self, pair: LayerPair) -> LayerPair:
        """The pair that was evaluated for a pair: another's where the projection gives the same states."""
        found = self.manifest.get("projection")
        kind = str(found.get("kind")) if isinstance(found, Mapping) else ""
        # A package that added its intervention may be gone; without it every pair stands for itself.
        return INTERVENTIONS.get(kind).stands_for(pair, self.blocks) if kind in INTERVENTIONS else pair

    def best(self, select_by: str) -> PairRow | None:
        """The best pair by a metric's name, the first of equals; None without any.

        A metric of scores chooses among the pairs that were scored. Raises :class:`BenchError` for a metric that the
        run has not computed.
        """
        if select_by in METRICS and metric(select_by).needs == "scores":
            return best_row(self._scored(select_by), select_by)
        return best_row(self.pairs, select_by)

    @property
    def own_strengths(self) -> tuple[float, float]:
        """What its moves are multiplied by, there and back, where a pair names nothing else."""
        found = self.manifest.get("projection")
        there, back = found.get("strength", (1.0, 1.0)) if isinstance(found, Mapping) else (1.0, 1.0)
        return float(there), float(back)

    def _scored(self, name: str) -> list[PairRow]:
        """The pairs that were scored, with the metric ``name``. Raises :class:`BenchError` where there are none."""
        if not self.files.has(SCORE_METRICS):
            raise BenchError(f"{needs_scores(name)}\nThere are none in '{self.folder}'.")
        rows = [row for row in self.files.score_metrics() if row.metric == name]
        of = {setting_of(row.layers, self.own_strengths): row.value for row in rows}
        if not of:
            raise BenchError(
                f"score_metrics.csv in '{self.folder}' lacks '{name}'.\nRun the same `lrp2-bench score` without "
                "metrics=: nothing is scored twice."
            )
        return [replace(row, further={**row.further, name: of[row.pair]}) for row in self.pairs if row.pair in of]


@dataclass(frozen=True)
class Unfinished:
    """A folder without usable results and why; the names are those of its path."""

    folder: Path
    model: str
    dataset: str
    language: str
    reason: str
    experiment: str = ""


def belongs(other: Unfinished, run: Run) -> bool:
    """Whether ``other`` would stand among ``run`` in a report's tables: of the same model and dataset, and of the same
    experiment where several are labelled apart."""
    same = (other.model, other.dataset) == (run.model, run.dataset)
    return same and (not run.label or other.experiment == run.experiment)


def find_runs(inputs: Sequence[Path]) -> tuple[list[Run], list[Unfinished]]:
    """Every run folder at or below ``inputs``, each once, in path order: the finished, and the others with reasons.

    Raises BenchError for an input that is no folder, and where there is no run or no finished one.
    """
    if not inputs:
        raise BenchError(
            f"Nothing to report on: name at least one folder, as in `lrp2-bench report outputs/paper`.\n{RUNS_HINT}"
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
        raise BenchError(f"There is no run in {where}.\n{RUNS_HINT}")
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
            raise BenchError(f"'{path}' is a file, not a folder of runs.\n{RUNS_HINT}")
        siblings = [child.name for child in path.parent.iterdir() if child.is_dir()] if path.parent.is_dir() else []
        raise UnknownNameError(f"folder in '{path.parent}':", path.name, siblings, hint=RUNS_HINT)
    for folder, below, names in walk(path, seen):
        if MARKERS.intersection(names):
            below.clear()
            yield folder


def _read(folder: Path) -> Run | Unfinished:
    try:
        status = _read_json(folder / STATUS)
        state = status.get("state")
        if state != "finished":
            return _unfinished(folder, _reason(state, status.get("message")))
        return _read_finished(folder, _names(status.get("missing")))
    except BenchError as error:
        return _unfinished(folder, str(error).split("\n")[0])


def _read_finished(folder: Path, missing: tuple[str, ...]) -> Run:
    manifest = _read_json(folder / MANIFEST)
    try:
        model, dataset, language, pivot = (
            str(manifest["model"]["name"]),
            str(manifest["dataset"]["name"]),
            str(manifest["language"]),
            str(manifest["pivot"]),
        )
        blocks = int(manifest["model"]["blocks"])
    except (KeyError, TypeError, ValueError) as error:
        raise BenchError(f"manifest.json has no model, dataset, language or pivot ({error})") from error
    damaged = changed(folder, manifest.get("files"), TABLES) if digest_holds(manifest) else [MANIFEST]
    if damaged:
        raise BenchError(f"{', '.join(damaged)} changed since the job wrote it; the same search regenerates it")
    baseline, *pairs = read_pairs(folder / PAIRS)
    projection = _projection(manifest)
    if projection != LRP2:
        model = f"{model}_{projection}"
    experiment = _experiment(manifest) or place_of(folder, projection).experiment
    return Run(
        folder, model, dataset, language, pivot, blocks, baseline, tuple(pairs), missing, manifest, projection,
        experiment,
    )  # fmt: skip


def _experiment(manifest: Mapping[str, Any]) -> str:
    """The name that the search was given; empty where the manifest names none."""
    config = manifest.get("config")
    experiment = config.get("experiment") if isinstance(config, Mapping) else None
    return str(experiment.get("name") or "") if isinstance(experiment, Mapping) else ""


def _projection(manifest: Mapping[str, Any]) -> str:
    """The projection's label; runs made before there were ablations are LRP2's."""
    found = manifest.get("projection")
    return str(found.get("label", LRP2)) if isinstance(found, Mapping) else LRP2


def _read_json(path: Path) -> dict[str, Any]:
    try:
        return read_object(path)
    except MissingFileError:
        raise BenchError(f"{path.name} is missing: the job was killed, or is still at its start") from None
    except DamagedFileError as error:  # the folder is named beside it
        raise BenchError(str(error).replace(f"'{path}'", path.name, 1)) from error


def _reason(state: object, message: object) -> str:
    if state == "running":
        return "still running, or killed"
    first_line = mask(str(message or "")).strip().split("\n")[0]
    return f"{state or 'no state in status.json'}{': ' if first_line else ''}{first_line}"


def _names(found: object) -> tuple[str, ...]:
    return tuple(str(name) for name in found) if isinstance(found, list) else ()


def _unfinished(folder: Path, reason: str) -> Unfinished:
    manifest = find_object(folder / MANIFEST)
    # Without a manifest it failed before it had one: its path shows which.
    place = place_of(folder, _projection(manifest) if manifest else None)
    model = place.model if place.projection == LRP2 else f"{place.model}_{place.projection}"
    experiment = _experiment(manifest) or place.experiment
    return Unfinished(folder, model, place.dataset, place.language, reason, experiment)
