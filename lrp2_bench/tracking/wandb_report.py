"""What W&B gets of a report or an analysis: tables, figures, page and numbers, and all files as one artifact."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lrp2_bench.tracking.base import AnalysisRecord, ReportRecord
from lrp2_bench.tracking.wandb_run import NAME, Content

#: The job types of the runs, and the types of their artifacts.
REPORT, ANALYSIS = "report", "analysis"
#: What the run's history holds; the workspace draws from these.
TABLES, FIGURES, PAGE = "tables", "figures", "page"
#: A larger page is in the artifact alone: a browser loads what is logged with every look at the run.
LARGEST_PAGE = 10_000_000  # bytes; 52 languages and 2 models make 7.5 million

_NUMBER = re.compile(r"-?\d+(\.\d+)?(e[+-]?\d+)?")


def report_content(record: ReportRecord) -> Content:
    """The run of one report, in the group of its experiment."""

    def describe(wandb: Any, run: Any) -> None:
        _describe(wandb, run, record)

    return Content(record.name, record.folder, record.group, REPORT, _config(record), record.tags, describe)


def analysis_content(record: AnalysisRecord) -> Content:
    """The run of one analysis, in the group of its experiment."""
    job = {"experiment": record.experiment, "model": record.model, "analysis": record.analysis}

    def describe(wandb: Any, run: Any) -> None:
        log_files(wandb, run, record.folder, record.files, record.name, ANALYSIS, job)
        run.summary.update(dict(record.summary))

    config = {**json.loads(json.dumps(dict(record.config), default=str)), "job": job}
    return Content(record.name, record.folder, record.experiment, ANALYSIS, config, record.tags, describe)


def report_key(path: Path) -> str | None:
    """The key under which a report's file is logged by itself; None for those that are in the artifact alone."""
    if path.suffix == ".csv":
        return f"{TABLES}/{path.stem}"
    if path.suffix == ".png":
        return f"{FIGURES}/{path.stem}"
    return PAGE if path.suffix == ".html" else None


def read_table(path: Path) -> tuple[list[str], list[list[str | float | None]]]:
    """The columns and rows of a report's CSV. A column whose cells are all numbers holds numbers, any other texts, for
    W&B wants one type a column; an empty cell is None. A language called ``nan`` is no number."""
    with path.open(encoding="utf-8", newline="") as file:
        columns, *rows = csv.reader(file)
    numeric = [all(_NUMBER.fullmatch(row[column]) for row in rows if row[column]) for column in range(len(columns))]
    return columns, [
        [(float(cell) if number else cell) if cell else None for cell, number in zip(row, numeric, strict=True)]
        for row in rows
    ]


def log_files(
    wandb: Any, run: Any, folder: Path, files: Sequence[Path], name: str, kind: str, metadata: Mapping[str, Any]
) -> None:
    """Log tables, figures and page among ``files`` by themselves, and all files as one artifact of type ``kind``."""
    logged: dict[str, Any] = {}
    for path in files:
        key = report_key(path)
        if key is not None and (value := _value(wandb, folder / path)) is not None:
            logged[key] = value
    if logged:
        run.log(logged)
    artifact = wandb.Artifact(artifact_name(name), type=kind, metadata=dict(metadata))
    for path in files:
        artifact.add_file(str(folder / path), name=path.as_posix(), skip_cache=True)
    run.log_artifact(artifact)


def _describe(wandb: Any, run: Any, record: ReportRecord) -> None:
    log_files(wandb, run, record.folder, record.files, record.name, REPORT, _config(record)["job"])
    said = {"headline": "\n".join(record.headlines)} if record.headlines else {}
    run.summary.update(
        {**said, "runs": record.runs, "incomplete": len(record.incomplete), "languages": len(record.languages)}
    )


def _value(wandb: Any, path: Path) -> Any | None:
    if path.suffix == ".csv":
        columns, rows = read_table(path)
        return wandb.Table(columns=columns, data=rows)
    if path.suffix == ".png":
        return wandb.Image(str(path))
    if path.stat().st_size > LARGEST_PAGE:
        return None
    return wandb.Html(path, inject=False)  # what W&B would add is not in the page's policy


def artifact_name(name: str) -> str:
    """``name`` within W&B's rules for artifacts."""
    return re.sub(r"[^\w.-]", "_", name, flags=re.ASCII)[:NAME]


def _config(record: ReportRecord) -> dict[str, Any]:
    """Under ``job``, as in a job's run, what runs are filtered by."""
    job: dict[str, str | Sequence[str]] = {
        "experiment": record.group,
        "models": list(record.models),
        "datasets": list(record.datasets),
        "languages": list(record.languages),
        "select_by": record.select_by,
    }
    return {"job": job}
