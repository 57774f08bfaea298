"""What a job says on the console once it is done."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from lrp2_bench.commands.search.prepared import Prepared
from lrp2_bench.metrics.registry import metric
from lrp2_bench.results.tables import PairRow

log = logging.getLogger(__name__)


def log_outcome(run: Prepared, rows: Sequence[PairRow], best: PairRow | None, seconds: float) -> None:
    """``rows`` are those of ``pairs.csv``, the baseline first."""
    run.job.data_warnings.report()
    baseline = rows[0]
    measured = [metric(name) for name in baseline.metrics]
    values = [f"{each.label} {each.text(baseline.value(each.name))}" for each in measured]
    log.info("Baseline: %s (%d facts, %d shared with the pivot).", ", ".join(values), baseline.facts, baseline.shared)
    if best is not None:
        changes = {each.name: best.value(each.name) - baseline.value(each.name) for each in measured}
        values = [
            f"{each.label} {each.text(best.value(each.name))} ({each.text(changes[each.name], signed=True)})"
            for each in measured
        ]
        strength = f", strength {best.pair.strengths}" if best.pair and best.pair.strengths else ""
        log.info("Best pair (in-sample): LIRP %d, LSRP %d%s: %s.", best.lirp, best.lsrp, strength, ", ".join(values))
    log.info("Results: %s (%.1f s)", run.job.folder, seconds)
