"""``lrp2-bench demo``: the whole job on the models that ship with the package, and what it found.

Each family of models has a process of its own: the models are small, and two of them on a core each are faster than
one after the other on both.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from lrp2_bench.commands.report import run_report
from lrp2_bench.core.errors import BenchError, UnknownNameError
from lrp2_bench.core.files import write_json
from lrp2_bench.core.quoting import quoted
from lrp2_bench.core.reading import find_object
from lrp2_bench.core.settings import DemoCommand
from lrp2_bench.report.summary import findings
from lrp2_bench.results.layout import STATUS
from lrp2_bench.results.manifest import environment
from lrp2_bench.results.runs import find_runs
from lrp2_bench.results.status import sigterm_interrupts, state_of
from lrp2_bench.testbed.specs import SPECS, spec_of

_EXPERIMENT = "demo"
_TAIL = 15  # lines of a failed search that are shown


@dataclass(frozen=True)
class Step:
    """One multirun: its arguments and the run folders it fills."""

    arguments: tuple[str, ...]
    folders: tuple[Path, ...]

    @property
    def finished(self) -> int:
        """How many of the folders say so."""
        return sum(state_of(folder) == "finished" for folder in self.folders)


def run_demo(settings: DemoCommand, console: Console) -> Path:
    """Search, report, and say what was found; returns the report's folder. Raises :class:`BenchError` with the last
    lines of a search that failed."""
    start = time.time()
    outputs = Path(settings.paths.outputs).expanduser()
    families = {name: demo_steps(name, settings, outputs) for name in settings.models}
    folder = outputs / _experiment(settings)
    logs = folder / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    with sigterm_interrupts():  # so that what was started is stopped as well
        _search(families, logs, console, start)
    with (logs / "report.txt").open("w", encoding="utf-8") as file:
        console_file = Console(file=file, width=200)
        report = run_report([folder], None, "transferability", console_file).folder
    _say(folder, report, console, time.time() - start)
    return report


def demo_steps(model: str, settings: DemoCommand, outputs: Path) -> list[Step]:
    """What is searched for a model: its twin's baselines, so that transfer is known; its grids; English's own row."""
    twin = spec_of(model).as_twin().name
    if twin not in SPECS:
        raise UnknownNameError("model of the demo", model, [name for name in SPECS if f"{name}_twin" in SPECS])
    known = tuple(code for code in spec_of(model).languages if code != "en")
    for code in settings.languages or ():
        if code not in known:
            raise UnknownNameError("language of the demo", code, known, f"These are {model}'s.")
    languages = tuple(settings.languages or known)
    root = outputs / _experiment(settings)
    common = (
        "dataset=cldr", f"dataset.limit={'null' if settings.limit is None else settings.limit}", "corpus=cldr",
        f"experiment.name={_experiment(settings)}", f"paths.outputs={quoted(str(outputs))}",
        f"paths.cache={quoted(settings.paths.cache)}", "tracking.mode=offline", "model.threads=1",
    )  # fmt: skip
    return [
        _step(twin, ("en", *languages), (*common, "search=baseline"), root),
        _step(model, languages, common, root),
        _step(model, ("en",), (*common, "search=baseline"), root),
    ]


def _experiment(settings: DemoCommand) -> str:
    """Another limit is another configuration, and a run folder holds one."""
    if settings.limit == DemoCommand().limit:
        return _EXPERIMENT
    return f"{_EXPERIMENT}_{'all' if settings.limit is None else settings.limit}"


def _step(model: str, languages: Sequence[str], arguments: Sequence[str], root: Path) -> Step:
    folders = tuple(root / model / "cldr" / code for code in languages)
    return Step((f"model={model}", f"language={','.join(languages)}", *arguments), folders)


def _search(families: dict[str, list[Step]], logs: Path, console: Console, start: float) -> None:
    workers = [_Worker(name, steps, logs / f"{name}.log") for name, steps in families.items()]
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("languages"))
    try:
        with Progress(*columns, TimeElapsedColumn(), console=console) as bars:
            tasks = [bars.add_task(worker.name, total=worker.total) for worker in workers]
            for worker in workers:
                worker.start()
            while any(worker.is_alive() for worker in workers):
                for worker, task in zip(workers, tasks, strict=True):
                    bars.update(task, completed=worker.finished_since(start))
                time.sleep(0.5)
            for worker, task in zip(workers, tasks, strict=True):
                bars.update(task, completed=worker.finished_since(start))
    finally:
        for worker in workers:
            worker.stop()
    for worker in workers:
        if worker.failure is not None:
            raise BenchError(worker.failure)


class _Worker(threading.Thread):
    """Runs a family's steps one after the other, each in a process, their words in a file.

    A step that was run to its end by the same code is not run again: to start a search and see that nothing is left
    to do takes seconds, and there are dozens.
    """

    def __init__(self, name: str, steps: Sequence[Step], log: Path) -> None:
        super().__init__(name=name, daemon=True)
        self.failure: str | None = None
        self._log = log
        self._marks = [
            (log.with_name(f"{log.stem}-{number}.json"), {"arguments": list(step.arguments), **environment()})
            for number, step in enumerate(steps, start=1)
        ]
        self._steps = steps
        self._done = [
            step.finished == len(step.folders) and find_object(path) == mark
            for step, (path, mark) in zip(steps, self._marks, strict=True)
        ]
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = False
        self._starting = threading.Lock()  # a search that runs but has no name here yet could not be ended

    @property
    def total(self) -> int:
        return sum(len(step.folders) for step in self._steps)

    def finished_since(self, start: float) -> int:
        """How many run folders are done: before, or with a word from after ``start`` (seconds since the epoch)."""
        return sum(
            len(step.folders) if done else sum(_written(folder) >= start for folder in step.folders)
            for step, done in zip(self._steps, self._done, strict=True)
        )

    def stop(self) -> None:
        """End the search that runs, gently, and wait for it; what it has finished is kept."""
        with self._starting:
            self._stopped = True
            if self._process is not None and self._process.poll() is None:
                self._process.terminate()
        if self.is_alive():
            self.join()

    def run(self) -> None:
        with self._log.open("ab") as log:
            for number, (step, (path, mark)) in enumerate(zip(self._steps, self._marks, strict=True)):
                if self._done[number]:
                    continue
                command = [sys.executable, "-m", "lrp2_bench", "search", "-m", *step.arguments]
                try:
                    with self._starting:
                        if self._stopped:
                            return
                        self._process = subprocess.Popen(
                            command, stdout=log, stderr=subprocess.STDOUT, env=_environment()
                        )
                except OSError as error:
                    self.failure = f"The search of {self.name} cannot be started: {error}"
                    return
                if self._process.wait() and not self._stopped:
                    lines = self._log.read_text("utf-8", errors="replace").splitlines()[-_TAIL:]
                    self.failure = "\n".join([f"The search of {self.name} failed; its last words:", *lines])
                    self.failure += f"\nAll of them: {self._log}"
                    return
                if not self._stopped:
                    write_json(path, mark)
                    self._done[number] = True  # also what was finished before, of which no job speaks again


def _environment() -> dict[str, str]:
    """One thread each, so that two families do not fight for two cores."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}


def _written(folder: Path) -> float:
    """When the finished job in ``folder`` said so; 0 for others."""
    try:
        return (folder / STATUS).stat().st_mtime if state_of(folder) == "finished" else 0.0
    except OSError:
        return 0.0


def _say(folder: Path, report: Path, console: Console, seconds: float) -> None:
    runs, _ = find_runs([folder])
    for model in sorted({run.model for run in runs}):
        members = [run for run in runs if run.model == model]
        for number, line in enumerate(findings(members, runs, "transferability")):
            console.print(Text(line if number == 0 else f"  {line}"), soft_wrap=True)
    console.print(Text(f"{seconds:.0f} s. Look at:"))
    shown = [
        report / "page.html",
        *sorted((report / "figures").glob("heatmaps_transferability_*.png")),
        *sorted(report.glob("knowledge_*.md")),
        *sorted(report.glob("table1_*.md")),
    ]
    for path in [report, *(path for path in shown if "_twin" not in path.name)]:
        console.print(Text(f"  {path}"), soft_wrap=True)
    console.print(Text(f"W&B runs are kept offline: wandb sync {folder}/*/*/*/wandb/offline-run-*"), soft_wrap=True)
