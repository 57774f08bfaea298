"""Which pair is the best: the one place that chooses it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lrp2_bench.core.types import LayerPair
from lrp2_bench.metrics.registry import PAPER, metric
from lrp2_bench.results.tables import PairRow

#: What the paper reports, and every ``pairs.csv`` has.
METRICS = PAPER


def measures(select_by: str) -> tuple[str, ...]:
    """What a report tells of: the paper's two, and the metric that it selects by."""
    return tuple(dict.fromkeys((*METRICS, select_by)))


def value(row: PairRow, name: str) -> float:
    """The row's metric ``name``; NaN where there are no facts to take it over. Raises as :meth:`PairRow.value`."""
    return row.value(name)


def best_row(rows: Iterable[PairRow], name: str) -> PairRow | None:
    """The pair of ``rows``, fully evaluated ones in (lirp, lsrp) order, that is best by the metric ``name`` and its
    direction, the first of equals; None where no pair has a value. The baseline is no pair."""
    pairs = [row for row in rows if row.pair is not None]
    found = metric(name).best([row.value(name) for row in pairs])
    return pairs[found] if found is not None else None


def at_best_strengths(rows: Sequence[PairRow], name: str) -> list[PairRow]:
    """Of ``rows`` of pairs, in order, one for each pair of layers: at the strengths that are best by the metric."""
    by_layers: dict[LayerPair, list[PairRow]] = {}
    for row in rows:
        if row.pair is not None:
            by_layers.setdefault(row.pair.layers, []).append(row)
    return [best_row(same, name) or same[0] for same in by_layers.values()]
