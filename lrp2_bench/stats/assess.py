"""All that the hits of one language say about its best pair: how large the change is, how sure, and how honest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lrp2_bench.core.types import Interval, LayerPair
from lrp2_bench.stats.held_out import Honest
from lrp2_bench.stats.paired_tests import McNemar, mcnemar
from lrp2_bench.stats.relations import RelationScore, score_relations
from lrp2_bench.stats.resampled import Sampled


@dataclass(frozen=True)
class Measured:
    """A metric in percent: ``without`` the modules and at the best pair (``lrp2``), its ``change`` in points with a
    paired 95 % interval (the paper's protocol: chosen and reported on the same facts), and the ``honest`` change."""

    without: Interval
    lrp2: Interval
    change: Interval
    honest: float

    @property
    def optimism(self) -> float:
        """What the paper's protocol says more than the honest one, in points."""
        return self.change.value - self.honest


@dataclass(frozen=True)
class Judged:
    """``measured`` has both metrics by name. ``test`` compares the best pair with the untouched model on the facts that
    chose it, ``honest`` on others. ``as_good`` are the ``pairs`` evaluated that cannot be told from the best by the
    metric that chose it, in (lirp, lsrp) order; the best is one of them. ``relations`` are split at the best pair.
    """

    facts: int
    shared: int
    best: LayerPair
    measured: Mapping[str, Measured]
    test: McNemar
    honest: Honest
    as_good: tuple[LayerPair, ...]
    pairs: int
    relations: tuple[RelationScore, ...]


def judge(sampled: Sampled, best: LayerPair, select_by: str) -> Judged:
    """``best`` is the pair that ``select_by`` chose among the fully evaluated ones. Raises ValueError where the
    baseline or ``best`` is not fully evaluated."""
    if None not in sampled.settings or best not in sampled.settings:
        raise ValueError(f"The baseline or the pair {best} is not fully evaluated.")
    row = sampled.settings.index(best)
    before, after = sampled.hits[0], sampled.hits[row]
    honest = sampled.halves.honest(select_by)
    return Judged(
        facts=len(sampled.facts),
        shared=int((sampled.pivot_hits >= 0).sum()),
        best=best,
        measured={
            name: Measured(measure.interval(0), measure.interval(row), measure.change(row), getattr(honest, name))
            for name, measure in sampled.measures.items()
        },
        test=mcnemar(before, after),
        honest=honest,
        as_good=sampled.as_good(select_by),
        pairs=len(sampled.pairs),
        relations=score_relations(before, after, sampled.pivot_hits, sampled.relations),
    )
