"""The dashboard of searches at W&B, as code: a workspace over what ``wandb_job.py`` and ``wandb_report.py`` log.

Built without account or network by wandb-workspaces, which is imported when a workspace is built. What the panels are
made of are keys of runs: a panel of a key that no synced run has stays empty.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from lrp2_bench.core.errors import BenchError
from lrp2_bench.metrics.registry import PAPER as METRICS
from lrp2_bench.tracking.client import import_wandb
from lrp2_bench.tracking.wandb_job import ALIGNED, HEATMAP, LAYER, PAIRS
from lrp2_bench.tracking.wandb_report import FIGURES, PAGE, TABLES
from lrp2_bench.tracking.wandb_run import NAME

#: Where a run's config has what it is of: the words that runs are grouped by, outermost first.
GROUPED_BY = ("model", "dataset", "language")
_GAINS = tuple(f"{of}.{metric}{part}" for of, part in (("held_out", ".gain"), ("gain", "")) for metric in METRICS)
_COLUMNS = (
    *(f"held_out.{metric}.{part}" for metric in METRICS[::-1] for part in ("gain", "low", "high")),
    "best.lirp", "best.lsrp",
    *(f"{of}.{metric}" for metric in METRICS[::-1] for of in ("baseline", "best", "gain")),
    "facts", "shared",
)  # fmt: skip


@dataclass(frozen=True)
class Dashboard:
    """What a workspace shows: the finished runs of W&B's ``groups`` (experiments) in a project.

    ``entity`` None is whoever publishes it. ``runs`` is how many runs its panels have room for. ``report`` has the keys
    of a report's files, as :func:`~lrp2_bench.tracking.wandb_report.report_key` gives them.
    """

    project: str
    entity: str | None
    name: str
    groups: Sequence[str]
    runs: int
    report: Sequence[str] = ()


def build_workspace(dashboard: Dashboard) -> Any:
    """A ``wandb_workspaces.workspaces.Workspace``; raises BenchError where the packages are not installed."""
    ws, _ = packages()
    from wandb_workspaces import expr

    sections = []
    for title, panels in _sections(dashboard):
        for number, panel in enumerate(panels):  # chance would give the same workspace another file each time
            panel._id = hashlib.sha256(f"{title} {number}".encode()).hexdigest()[:9]
        layout = ws.SectionLayoutSettings(columns=2, rows=2)
        is_open = not title.startswith("Report")
        axis = ws.SectionPanelSettings(x_axis=LAYER) if title == "Alignment by layer" else ws.SectionPanelSettings()
        sections.append(
            ws.Section(name=title, panels=panels, is_open=is_open, layout_settings=layout, panel_settings=axis)
        )
    words = ", ".join(_literal(group[:NAME]) for group in dashboard.groups)
    return ws.Workspace(
        entity=dashboard.entity or "",
        project=dashboard.project,
        name=_plain(dashboard.name)[:NAME],
        sections=sections,
        settings=ws.WorkspaceSettings(max_runs=max(dashboard.runs, 1)),
        runset_settings=ws.RunsetSettings(
            filters=f'Metric("Group") in [{words}] and Metric("State") == "finished"',
            groupby=[expr.Config(f"job.{word}") for word in GROUPED_BY],
            order=[expr.Ordering(expr.Metric("Name"), ascending=True)],
            pinned_columns=[f"summary:{column}" for column in _COLUMNS],
        ),
    )


def workspace_json(workspace: Any) -> dict[str, Any]:
    """What W&B would be sent of a built workspace, as plain JSON."""
    view = workspace._to_model()  # the package has no public way to look at it
    spec: dict[str, Any] = json.loads(view.spec.model_dump_json(by_alias=True, exclude_none=True))
    return {"entity": workspace.entity or None, "project": workspace.project, "name": workspace.name, "spec": spec}


def packages() -> tuple[Any, Any]:
    """``wandb_workspaces.workspaces`` and ``.reports.v2``; raises BenchError where they are not installed."""
    try:
        if import_wandb() is None:
            raise ImportError("wandb")
        import wandb_workspaces.reports.v2 as wr
        import wandb_workspaces.workspaces as ws
    except ImportError as error:
        raise BenchError(
            f"A workspace needs the packages wandb and wandb-workspaces ({error}).\n"
            "Install them: pip install wandb wandb-workspaces."
        ) from error
    return ws, wr


def _sections(dashboard: Dashboard) -> Iterator[tuple[str, list[Any]]]:
    _, wr = packages()
    most = max(dashboard.runs, 1)

    def bars(title: str, *keys: str) -> Any:
        return wr.BarPlot(title=title, metrics=list(keys), max_runs_to_show=most, max_bars_to_show=most * len(keys))

    def scatter(title: str, x: str, y: str) -> Any:
        return wr.ScatterPlot(title=title, x=wr.SummaryMetric(x), y=wr.SummaryMetric(y))

    def lines(title: str, *keys: str) -> Any:
        return wr.LinePlot(
            title=title, x=LAYER, y=list(keys), title_x="layer", title_y="cosine", smoothing_type="none",
            max_runs_to_show=most,
        )  # fmt: skip

    coordinates = [wr.Config(f"job.{word}") for word in GROUPED_BY]
    summary = [wr.SummaryMetric(key) for key in ("best.lirp", "best.lsrp", *_GAINS)]
    yield (
        "Best pair by language",
        [
            scatter("Best pair: LIRP (y) and LSRP (x) after block", "best.lsrp", "best.lirp"),
            wr.ParallelCoordinatesPlot(
                title="Model, language, best pair, change",
                columns=[wr.ParallelCoordinatesPlotColumn(metric=metric) for metric in [*coordinates, *summary]],
            ),
            *(bars(f"Held-out gain of {metric} (points)", f"held_out.{metric}.gain") for metric in METRICS[::-1]),
            *(
                bars(f"Change of {metric} at the best pair (points, in-sample)", f"gain.{metric}")
                for metric in METRICS[::-1]
            ),
        ],
    )
    yield (
        "Before and after",
        [
            panel
            for metric in METRICS[::-1]
            for panel in (
                bars(f"{metric.capitalize()}: baseline, best pair (%)", f"baseline.{metric}", f"best.{metric}"),
                scatter(f"{metric.capitalize()}: best pair (y), baseline (x)", f"baseline.{metric}", f"best.{metric}"),
            )
        ],
    )
    yield (
        "Every pair",
        [
            *(
                wr.MediaBrowser(title=f"{metric.capitalize()} (%)", media_keys=[f"{HEATMAP}/{metric}"])
                for metric in METRICS[::-1]
            ),
            wr.WeavePanelSummaryTable(table_name=PAIRS),
        ],
    )
    yield (
        "Alignment by layer",
        [
            lines("Parallel queries, baseline", f"{ALIGNED}/baseline"),
            lines("Parallel queries, LRP2 at the best pair", f"{ALIGNED}/lrp2"),
        ],
    )
    tables = [key for key in dashboard.report if key.startswith(f"{TABLES}/")]
    figures = [key for key in dashboard.report if key.startswith(f"{FIGURES}/")]
    if PAGE in dashboard.report:
        yield "Report: page", [wr.MediaBrowser(title="The report's page", media_keys=[PAGE], num_columns=1)]
    if tables:
        yield "Report: tables", [wr.WeavePanelSummaryTable(table_name=key) for key in tables]
    if figures:
        yield "Report: figures", [wr.MediaBrowser(title=key.split("/")[1], media_keys=[key]) for key in figures]


def _literal(text: str) -> str:
    """``text`` for a filter. The package rewrites = and < within quotes and does not escape those, so nothing but
    letters, digits and the plainest of marks stand for themselves."""
    shown = "".join(c if c.isascii() and (c.isalnum() or c in "_-. ") else f"\\U{ord(c):08x}" for c in text)
    return f'"{shown}"'


def _plain(name: str) -> str:
    """``name`` without the symbols that the package refuses in one."""
    return "".join("-" if unicodedata.category(c)[0] == "S" or not c.isprintable() else c for c in name)
