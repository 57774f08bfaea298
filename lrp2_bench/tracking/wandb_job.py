"""What W&B gets of a job: the pair table, heatmaps, the alignment by layer, and a summary."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from typing import Any

from lrp2_bench.metrics.registry import metric as metric_named
from lrp2_bench.results.tables import DECIMALS
from lrp2_bench.tracking.base import JobRecord, StartedJob
from lrp2_bench.tracking.figures import pair_heatmap
from lrp2_bench.tracking.wandb_run import Content, OpenRun

log = logging.getLogger(__name__)

#: What the run's history holds; the workspace draws from these.
PAIRS, LAYER, ALIGNED, HEATMAP = "pairs", "layer", "alignment", "heatmap"
#: And, of a job that took long enough, how it went.
PROGRESS = "progress"


def job_content(record: JobRecord) -> Content:
    """The run of one job, in the group of its experiment."""

    def describe(wandb: Any, run: Any) -> None:
        _describe(wandb, run, record)

    return _content(record, describe)


def started_content(job: StartedJob) -> Content:
    """The same run, before there is anything in it."""
    return _content(job, lambda wandb, run: None)


def log_progress(run: OpenRun, progress: Mapping[str, float]) -> None:
    """A row of the run's history. The last of them sums up nothing, so the summary has none."""
    run.run.define_metric(f"{PROGRESS}/*", summary="none")
    run.log({f"{PROGRESS}/{name}": value for name, value in progress.items()})


def _content(job: StartedJob, describe: Callable[[Any, Any], None]) -> Content:
    return Content(job.name, job.folder, job.experiment, f"{job.model}/{job.dataset}", _config(job), job.tags, describe)


def _describe(wandb: Any, run: Any, record: JobRecord) -> None:
    run.define_metric(LAYER, hidden=True, summary="none")
    run.define_metric(f"{ALIGNED}/*", step_metric=LAYER, summary="none")  # the last layer's value sums up nothing
    columns = list(dict.fromkeys(name for row in record.pairs for name in row.columns()))
    rows = [[row.columns().get(name) for name in columns] for row in record.pairs]
    table = wandb.Table(columns=columns, data=rows)
    run.log({PAIRS: table, **_heatmaps(wandb, record)})
    for row in record.alignment:
        values = {LAYER: row.layer, f"{ALIGNED}/baseline": row.baseline}
        run.log(values if row.lrp2 is None else {**values, f"{ALIGNED}/lrp2": row.lrp2})
    run.summary.update(_summary(record))


def _heatmaps(wandb: Any, record: JobRecord) -> dict[str, Any]:
    if record.best is None:
        return {}
    try:
        title = f"{record.model}, {record.dataset}, {record.language}"
        drawn = {}
        for metric in record.baseline.metrics:
            named = f"{title}: {metric} ({metric_named(metric).unit})"
            drawn[f"{HEATMAP}/{metric}"] = wandb.Plotly(
                pair_heatmap(record.pairs, metric, record.best, named, record.select_by)
            )
        return drawn
    except ImportError:
        log.warning("Plotly is not installed, so W&B gets no heatmaps: pip install plotly.")
        return {}


def _config(job: StartedJob) -> dict[str, Any]:
    """The resolved config as plain JSON, and under ``job`` what runs are grouped and filtered by."""
    config: dict[str, Any] = json.loads(json.dumps(dict(job.config), default=str))
    words = ("experiment", "intervention", "model", "dataset", "language", "pivot", "select_by")
    return {**config, "job": {word: getattr(job, word) for word in words}}


def _summary(record: JobRecord) -> dict[str, Any]:
    """Nested, since W&B takes a dot inside a key for an escaped one: its tables show ``best.accuracy`` and so on."""
    metrics = record.baseline.metrics
    baseline = {metric: record.baseline.value(metric) for metric in metrics}
    summary: dict[str, Any] = {
        "facts": record.baseline.facts,
        "shared": record.baseline.shared,
        "seconds": record.seconds,
        "baseline": baseline,
    }
    if record.best is not None:
        best = {metric: record.best.value(metric) for metric in metrics}
        pair = record.best.pair
        summary["best"] = {**(pair.as_dict() if pair else {}), **best}
        summary["gain"] = {metric: round(best[metric] - baseline[metric], DECIMALS) for metric in metrics}
    return {**record.measures, **summary}
