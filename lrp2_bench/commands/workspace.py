"""``lrp2-bench workspace``: the W&B dashboard of the searches below a folder, as a file or published."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from lrp2_bench.commands.tracked import experiments, tracked_in
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.files import write_json
from lrp2_bench.core.settings import WorkspaceCommand
from lrp2_bench.report.files import report_files
from lrp2_bench.results.runs import Run, find_runs
from lrp2_bench.tracking.project import entity_of, project_of
from lrp2_bench.tracking.publish import publish
from lrp2_bench.tracking.wandb_report import report_key
from lrp2_bench.tracking.workspace import Dashboard, build_workspace, workspace_json

WORKSPACE = "workspace.json"


def run_workspace(inputs: Sequence[Path], output: Path | None, settings: WorkspaceCommand, console: Console) -> Path:
    """Write ``workspace.json`` to ``output``, by default ``report`` in the first input, and return its path; with
    ``publish=true`` also save the workspace at W&B.

    Where a report lies in that folder, its tables, figures and page have panels as well. Raises BenchError where there
    is no run, where runs were tracked in several projects and none is named, and for what ``publish`` cannot do; the
    file is written first.
    """
    runs, _ = find_runs(inputs)
    folder = output if output is not None else inputs[0] / "report"
    dashboard = _dashboard(runs, folder, settings)
    content = workspace_json(build_workspace(dashboard))
    path = folder / WORKSPACE
    write_json(path, content)
    panels = sum(len(section["panels"]) for section in content["spec"]["section"]["panelBankConfig"]["sections"])
    what = f"Workspace '{content['name']}' of {len(runs)} runs, {panels} panels"
    console.print(Text(f"{what}: {path}"), soft_wrap=True)
    if settings.publish:
        console.print(Text(f"Published: {publish(dashboard)}"), soft_wrap=True)
    else:
        console.print(Text("Once its runs are synced: the same command with publish=true"), soft_wrap=True)
    return path


def _dashboard(runs: Sequence[Run], folder: Path, settings: WorkspaceCommand) -> Dashboard:
    groups = experiments(runs)
    project, entity = _project(runs, settings)
    keys = [key for path in report_files(folder) if (key := report_key(path)) is not None]
    if keys:
        groups = list(dict.fromkeys([*groups, "+".join(groups)]))  # the report's own run
    name = settings.name or f"LRP2: {', '.join(experiments(runs))}"
    return Dashboard(project, entity, name, groups, len(runs) + bool(keys), keys)


def _project(runs: Sequence[Run], settings: WorkspaceCommand) -> tuple[str, str | None]:
    tracked = [
        (project, entity)
        for project, entity in tracked_in(runs)
        if settings.project in (None, project) and settings.entity in (None, entity)
    ]
    if len(tracked) > 1 and not (settings.project and settings.entity):
        listed = "\n".join(f"  project={project} entity={entity or 'null'}" for project, entity in tracked)
        raise BenchError(f"The searches were tracked in {len(tracked)} projects; choose one:\n{listed}")
    project, entity = tracked[0] if tracked else (None, None)
    return project_of(settings.project or project, "project"), entity_of(settings.entity or entity)
