"""``lrp2-bench demo``: the whole job on the models that ship with the package, and what it found.

Its searches are jobs of the local launcher, one at a time for each family of models: the models are small, and two of
them on a core each are faster than one after the other on both.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from lrp2_bench.commands.report import run_report
from lrp2_bench.core.errors import BenchError, UnknownNameError
from lrp2_bench.core.files import make_folder
from lrp2_bench.core.quoting import quoted
from lrp2_bench.core.settings import DemoCommand
from lrp2_bench.launchers.batch import command_setup, make_batch
from lrp2_bench.launchers.job import Job, Outcome, State
from lrp2_bench.launchers.launcher import Tell
from lrp2_bench.launchers.local import LocalLauncher
from lrp2_bench.launchers.summary import UnfinishedError, all_finished, summary
from lrp2_bench.report.files import FIGURES, INDEX, PAGE, TABLES
from lrp2_bench.report.summary import summary_lines
from lrp2_bench.results.runs import find_runs
from lrp2_bench.testbed.specs import SPECS, spec_of

_EXPERIMENT = "demo"
#: The command's function, by module and name.
_SEARCH = ("lrp2_bench.cli", "search")


@dataclass(frozen=True)
class DemoSearch:
    """A job of the demo: ``family`` is the model that it is for, ``first`` whether others need it to be finished."""

    family: str
    overrides: tuple[str, ...]
    first: bool = False


def run_demo(settings: DemoCommand, console: Console) -> Path:
    """Search, report, and say what was found; returns the report's folder. Raises :class:`UnfinishedError` with the
    summary where a search failed."""
    start = time.monotonic()
    if settings.limit is not None and settings.limit < 1:
        raise BenchError(f"limit={settings.limit}: give a number of facts a relation from 1, or null for all.")
    outputs = Path(settings.paths.outputs).expanduser()
    searches = [search for model in settings.models for search in demo_searches(model, settings, outputs)]
    folder = outputs / _experiment(settings)
    logs = folder / "logs"
    make_folder(logs)
    _search(searches, folder, console)
    with (logs / "report.txt").open("w", encoding="utf-8") as file:
        console_file = Console(file=file, width=200)
        report = run_report([folder], None, "transferability", console_file).folder
    _say(folder, report, console, time.monotonic() - start)
    return report


def demo_searches(model: str, settings: DemoCommand, outputs: Path) -> list[DemoSearch]:
    """The searches of a model: its control's baselines, so that transfer is known; its grids; English's own row."""
    twin = spec_of(model).as_twin().name
    if twin not in SPECS:
        raise UnknownNameError("model of the demo", model, [name for name in SPECS if f"{name}_twin" in SPECS])
    known = tuple(code for code in spec_of(model).languages if code != "en")
    for code in settings.languages or ():
        if code not in known:
            raise UnknownNameError("language of the demo", code, known, f"These are {model}'s.")
    languages = tuple(settings.languages or known)
    common = (
        "dataset=cldr", f"dataset.limit={'null' if settings.limit is None else settings.limit}", "corpus=cldr",
        f"experiment.name={_experiment(settings)}", f"paths.outputs={quoted(str(outputs))}",
        f"paths.cache={quoted(settings.paths.cache)}", "tracking.mode=offline", "model.threads=1",
    )  # fmt: skip
    baseline = (*common, "search=baseline")
    return [
        *(DemoSearch(model, (f"model={twin}", f"language={code}", *baseline), True) for code in ("en", *languages)),
        *(DemoSearch(model, (f"model={model}", f"language={code}", *common)) for code in languages),
        DemoSearch(model, (f"model={model}", "language=en", *baseline)),
    ]


def _experiment(settings: DemoCommand) -> str:
    """Another limit is another configuration, and a run folder holds one."""
    if settings.limit == DemoCommand().limit:
        return _EXPERIMENT
    return f"{_EXPERIMENT}_{'all' if settings.limit is None else settings.limit}"


def _search(searches: Sequence[DemoSearch], folder: Path, console: Console) -> None:
    batch = make_batch(command_setup(_SEARCH, "search"), [search.overrides for search in searches])
    open_jobs = batch.open_jobs()
    outcomes = {job.number: Outcome(State.finished, before=True) for job in batch.jobs if job not in open_jobs}
    families = [search.family for search in searches]
    launcher = LocalLauncher(workers=len(set(families)), threads=1)
    with _bars(families, console, outcomes) as tell:
        # A control's hits are read where its model's search ends.
        for first in (True, False):
            if jobs := [job for job in open_jobs if searches[job.number].first is first]:
                launcher.run(batch.setup, jobs, folder, tell)
    if not all_finished(batch.jobs, outcomes):
        raise UnfinishedError(summary(batch.jobs, outcomes))


@contextmanager
def _bars(families: Sequence[str], console: Console, outcomes: dict[int, Outcome]) -> Iterator[Tell]:
    """A bar a family, which has one of ``families`` for each job. What it yields adds to ``outcomes``."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("searches"))
    with Progress(*columns, TimeElapsedColumn(), console=console) as bars:
        tasks = {name: bars.add_task(name, total=families.count(name)) for name in dict.fromkeys(families)}

        def tell(job: Job, outcome: Outcome) -> None:
            outcomes[job.number] = outcome
            bars.advance(tasks[families[job.number]], outcome.state is State.finished)

        for number in outcomes:
            bars.advance(tasks[families[number]])
        yield tell


def _say(folder: Path, report: Path, console: Console, seconds: float) -> None:
    runs, _ = find_runs([folder])
    for model in sorted({run.model for run in runs}):
        members = [run for run in runs if run.model == model]
        for number, line in enumerate(summary_lines(members, runs, "transferability")):
            console.print(Text(line if number == 0 else f"  {line}"), soft_wrap=True)
    console.print(Text(f"{seconds:.0f} s. Look at:"))
    shown = [
        report / INDEX,
        report / PAGE,
        *sorted((report / FIGURES).glob("heatmaps_transferability_*.png")),
        *sorted((report / TABLES).glob("knowledge_*.md")),
        *sorted((report / TABLES).glob("table1_*.md")),
    ]
    for path in [report, *(path for path in shown if "_twin" not in path.name)]:
        console.print(Text(f"  {path}"), soft_wrap=True)
    console.print(Text(f"W&B runs are kept offline: wandb sync {folder}/*/*/*/wandb/offline-run-*"), soft_wrap=True)
