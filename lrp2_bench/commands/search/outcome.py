"""What a search tells in its log when it is done."""

from __future__ import annotations

import logging
from pathlib import Path

from lrp2_bench.results.tables import PairRow

log = logging.getLogger(__name__)


def log_outcome(folder: Path, baseline: PairRow, best: PairRow | None, seconds: float) -> None:
    log.info(
        "Baseline: accuracy %.2f, transferability %.2f (%d facts, %d shared with the pivot).",
        baseline.accuracy, baseline.transferability, baseline.facts, baseline.shared,
    )  # fmt: skip
    if best is not None:
        log.info(
            "Best pair: LIRP %d, LSRP %d: accuracy %.2f (%+.2f), transferability %.2f (%+.2f).",
            best.lirp, best.lsrp, best.accuracy, best.accuracy - baseline.accuracy,
            best.transferability, best.transferability - baseline.transferability,
        )  # fmt: skip
    log.info("Results: %s (%.1f s)", folder, seconds)
