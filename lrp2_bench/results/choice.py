"""Which pair is the best: the one place that chooses it."""

from __future__ import annotations

import math
from collections.abc import Iterable

from lrp2_bench.results.tables import PairRow

METRICS = ("accuracy", "transferability")


def value(row: PairRow, metric: str) -> float:
    """The row's ``metric`` (a name of METRICS) in percent; NaN where there are no facts to take it over."""
    return row.accuracy if metric == "accuracy" else row.transferability


def best_row(rows: Iterable[PairRow], metric: str, *, higher_is_better: bool = True) -> PairRow | None:
    """The pair of ``rows``, fully evaluated ones in (lirp, lsrp) order, with the best ``metric``, the first of equals;
    None where no pair has a value. The baseline is no pair."""
    sign = 1.0 if higher_is_better else -1.0
    scored = [row for row in rows if row.pair is not None and not math.isnan(value(row, metric))]
    # max keeps the first of equals.
    return max(scored, key=lambda row: sign * value(row, metric), default=None)
