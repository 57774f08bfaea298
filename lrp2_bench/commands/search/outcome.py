"""What a search tells in its log when it is done."""

from __future__ import annotations

import logging
from pathlib import Path

from lrp2_bench.metrics.registry import metric
from lrp2_bench.results.tables import PairRow

log = logging.getLogger(__name__)


def log_outcome(folder: Path, baseline: PairRow, best: PairRow | None, seconds: float) -> None:
    measured = [metric(name) for name in baseline.metrics]
    values = [f"{each.label} {each.text(baseline.value(each.name))}" for each in measured]
    log.info("Baseline: %s (%d facts, %d shared with the pivot).", ", ".join(values), baseline.facts, baseline.shared)
    if best is not None:
        changes = {each.name: best.value(each.name) - baseline.value(each.name) for each in measured}
        values = [
            f"{each.label} {each.text(best.value(each.name))} ({each.text(changes[each.name], signed=True)})"
            for each in measured
        ]
        log.info("Best pair: LIRP %d, LSRP %d: %s.", best.lirp, best.lsrp, ", ".join(values))
    log.info("Results: %s (%.1f s)", folder, seconds)
