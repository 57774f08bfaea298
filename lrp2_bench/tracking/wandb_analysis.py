"""What W&B is told of an analysis: its tables and figures, its headline numbers, and its files as one artifact."""

from __future__ import annotations

import json
from typing import Any

from lrp2_bench.tracking.base import AnalysisRecord
from lrp2_bench.tracking.wandb_report import log_files
from lrp2_bench.tracking.wandb_run import Content

#: The job type of the run, and the type of its artifact.
ANALYSIS = "analysis"


def analysis_content(record: AnalysisRecord) -> Content:
    """The run of one analysis, in the group of its experiment."""
    job = {"experiment": record.experiment, "model": record.model, "analysis": record.analysis}

    def describe(wandb: Any, run: Any) -> None:
        log_files(wandb, run, record.folder, record.files, record.name, ANALYSIS, job)
        run.summary.update(dict(record.summary))

    config = {**json.loads(json.dumps(dict(record.config), default=str)), "job": job}
    return Content(record.name, record.folder, record.experiment, ANALYSIS, config, describe)
