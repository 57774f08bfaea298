"""All that the hits of one language say about its best pair: the size of the change, its interval and held-out gain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lrp2_bench.core.types import Interval, LayerPair
from lrp2_bench.stats.held_out import HeldOut
from lrp2_bench.stats.paired_tests import McNemar, mcnemar
from lrp2_bench.stats.relations import RelationScore, score_relations
from lrp2_bench.stats.resampled import Sampled


@dataclass(frozen=True)
class Measured:
    """A metric in percent: ``without`` the modules and at the best pair (``lrp2``), its ``change`` in points with a
    paired 95 % interval (the paper's protocol: chosen and reported on the same facts), and the ``held_out`` change."""

    without: Interval
    lrp2: Interval
    change: Interval
    held_out: float

    @property
    def selection_bias(self) -> float:
        """What the paper's protocol says more than the held-out one, in points."""
        return self.change.value - self.held_out


@dataclass(frozen=True)
class Assessed:
    """``measured`` has both metrics by name. ``test`` compares the best pair with the baseline on the facts that
    chose it, ``held_out`` on others. ``confidence_set`` are the ``pairs`` evaluated that are not worse than the best by
    the metric that chose it beyond chance, in (lirp, lsrp) order; the best is one of them. ``relations`` are split at
    the best pair.
    """

    facts: int
    shared: int
    best: LayerPair
    measured: Mapping[str, Measured]
    test: McNemar
    held_out: HeldOut
    confidence_set: tuple[LayerPair, ...]
    pairs: int
    relations: tuple[RelationScore, ...]


def assess(sampled: Sampled, best: LayerPair, select_by: str) -> Assessed:
    """``best`` is the pair that ``select_by`` chose among the fully evaluated ones. Raises ValueError where the
    baseline or ``best`` is not fully evaluated."""
    if None not in sampled.settings or best not in sampled.settings:
        raise ValueError(f"The baseline or the pair {best} is not fully evaluated.")
    row = sampled.settings.index(best)
    before, after = sampled.hits[0], sampled.hits[row]
    held_out = sampled.halves.held_out(select_by)
    return Assessed(
        facts=len(sampled.facts),
        shared=int((sampled.pivot_hits >= 0).sum()),
        best=best,
        measured={
            name: Measured(measure.interval(0), measure.interval(row), measure.change(row), getattr(held_out, name))
            for name, measure in sampled.measures.items()
        },
        test=mcnemar(before, after),
        held_out=held_out,
        confidence_set=sampled.confidence_set(select_by),
        pairs=len(sampled.pairs),
        relations=score_relations(before, after, sampled.pivot_hits, sampled.relations),
    )
