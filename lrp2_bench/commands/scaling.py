"""``lrp2-bench bench scaling=true``: the curves of the engine's cost, and the plan's prediction beside them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from lrp2_bench.bench.scaling import Point, scaling
from lrp2_bench.bench.stored import require_own
from lrp2_bench.commands.bench import filled
from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.files import write_json
from lrp2_bench.core.settings import BenchCommand
from lrp2_bench.data.dataset import Dataset
from lrp2_bench.models.devices import choose_device
from lrp2_bench.render.figures.save import save
from lrp2_bench.render.figures.style import house_style
from lrp2_bench.report.figures.scaling import scaling_curves
from lrp2_bench.results.manifest import environment

log = logging.getLogger(__name__)


def run_scaling(settings: BenchCommand, make_dataset: Callable[[], Dataset], console: Console) -> Path:
    """Measure, print, draw and write ``scaling.json`` in the output folder; returns its path.

    The relation with the largest pool is measured, since candidates are among what is varied.
    """
    device = choose_device(settings.device)
    facts = make_dataset().facts(settings.language, settings.pivot, DataWarnings())
    path = Path(settings.output).expanduser() / "scaling.json"
    measured = {"dataset": facts.digest, "language": settings.language, "pivot": settings.pivot, "seed": settings.seed}
    require_own(path, measured)
    relation = max(facts.relations, key=lambda relation: len(relation.pool))
    points = []
    for point in scaling(relation, filled(facts), device, settings.seed):
        log.info("%s, %s: %.2f s, predicted %.2f s.", point.family, _where(point), point.measured, point.predicted)
        points.append(point)
    console.print(_table(points, relation.name))
    found = {"measured": measured, "points": [asdict(point) for point in points]}
    write_json(path, {"environment": environment(), "device": str(device), **found})
    with house_style():
        save(scaling_curves(points), path.parent, "scaling")
    log.info("Measurements: %s, drawn in scaling.png and scaling.pdf", path)
    return path


def _where(point: Point) -> str:
    candidates = "all" if point.candidates is None else point.candidates
    return f"{point.facts} facts, {point.pairs} pairs, {point.blocks} blocks, {candidates} candidates"


def _table(points: Sequence[Point], relation: str) -> Table:
    table = Table(title=f"Seconds, {relation}")
    for name in ("family", "varied", "facts", "pairs", "blocks", "candidates", "TFLOP", "predicted", "measured", "off"):
        table.add_column(name, justify="left" if name in {"family", "varied"} else "right")
    for before, point in zip([None, *points], points, strict=False):
        if before is not None and before.varied != point.varied:
            table.add_section()
        table.add_row(
            point.family, point.varied, str(point.facts), str(point.pairs), str(point.blocks),
            "all" if point.candidates is None else str(point.candidates), f"{point.tflop:.3f}",
            f"{point.predicted:.2f}", f"{point.measured:.2f}",
            f"{100 * (point.predicted / point.measured - 1):+.0f}%",
        )  # fmt: skip
    return table
