"""All that the hits of one language say about its best pair: its held-out gain, the size of its change, its test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from lrp2_bench.core.types import Interval, LayerPair
from lrp2_bench.stats.across_languages import Estimate
from lrp2_bench.stats.clusters import Clusters
from lrp2_bench.stats.confidence_set import Membership
from lrp2_bench.stats.held_out import HeldOut
from lrp2_bench.stats.max_t import LargestGain
from lrp2_bench.stats.paired_intervals import further_level, level_interval
from lrp2_bench.stats.paired_tests import McNemar, mcnemar
from lrp2_bench.stats.relations import RelationScore, score_relations
from lrp2_bench.stats.resampled import Sampled


@dataclass(frozen=True)
class Measured:
    """A metric in percent: ``without`` the modules and at the best pair (``lrp2``); its ``change`` in points (the
    paper's protocol: chosen and reported on the same facts) and the ``held_out`` gain, with 95 % intervals.

    The lower bound of ``change`` allows for the choice (max-T over all pairs). ``baseline``, ``gain`` and ``rise`` are
    ``without``, ``held_out`` and ``change`` with their resamples, for means over languages. ``unit`` is what one fact
    is of the metric, in points."""

    without: Interval
    lrp2: Interval
    change: Interval
    held_out: Interval
    baseline: Estimate
    gain: Estimate
    rise: Estimate
    unit: float

    @property
    def selection_bias(self) -> float:
        """What the paper's protocol says more than the held-out one, in points."""
        return self.change.value - self.held_out.value


@dataclass(frozen=True)
class Assessed:
    """``measured`` has the paper's two metrics by name, and the one that chose. ``largest`` is for the max-T test that
    any pair is better than the baseline by the metric that chose; ``naive`` is McNemar's of the best pair, as if it had
    been named beforehand and facts were independent. ``confidence_set`` are the ``pairs`` evaluated that are not worse
    than the best by the metric that chose it beyond chance, in (lirp, lsrp) order; the best is one of them;
    ``memberships`` has every pair evaluated. ``relations`` are split at the best pair. ``design_effects`` are of the
    baseline and of the change by the metric that chose.
    """

    facts: int
    shared: int
    clusters: Clusters
    best: LayerPair
    measured: Mapping[str, Measured]
    naive: McNemar
    largest: LargestGain
    held_out: HeldOut
    confidence_set: tuple[LayerPair, ...]
    pairs: int
    relations: tuple[RelationScore, ...]
    design_effects: tuple[float, float]
    memberships: Mapping[LayerPair, Membership] = field(default_factory=dict, compare=False)


def assess(sampled: Sampled, best: LayerPair, select_by: str) -> Assessed:
    """``best`` is the pair that ``select_by`` chose among the fully evaluated ones. Raises ValueError where the
    baseline or ``best`` is not fully evaluated."""
    if None not in sampled.settings or best not in sampled.settings:
        raise ValueError(f"The baseline or the pair {best} is not fully evaluated.")
    row = sampled.settings.index(best)
    held_out = sampled.held_out(select_by)
    largest = sampled.largest_gain(select_by)
    levels = {(name, at): _level(sampled, at, name) for name in sampled.changes for at in (0, row)}
    measured = {}
    for name, changes in sampled.changes.items():
        samples = sampled.samples[name]
        measured[name] = Measured(
            levels[name, 0][0], levels[name, row][0], change_at(sampled, row, name), held_out.gain[name],
            Estimate(float(sampled.values[name][0]), samples[0]),
            Estimate(held_out.gain[name].value, held_out.samples.get(name), sampled.unit(name)),
            Estimate(float(changes.value[row]), samples[row] - samples[0], sampled.unit(name)),
            sampled.unit(name),
        )  # fmt: skip
    return Assessed(
        facts=len(sampled.facts),
        shared=int((sampled.pivot_hits >= 0).sum()),
        clusters=sampled.clusters,
        best=best,
        measured=measured,
        naive=mcnemar(sampled.hits[0], sampled.hits[row]),
        largest=largest,
        held_out=held_out,
        confidence_set=sampled.confidence_set(select_by),
        pairs=len(sampled.pairs),
        relations=score_relations(
            sampled.hits[0], sampled.hits[row], sampled.pivot_hits, sampled.relations, sampled.clusters
        ),
        design_effects=(levels[select_by, 0][1], float(sampled.changes[select_by].design_effect[row])),
        memberships=sampled.memberships(select_by),
    )


def change_at(sampled: Sampled, row: int, metric: str) -> Interval:
    """The in-sample change of a chosen row: the lower bound holds for all pairs at once, so for the luckiest too; the
    upper one where less is better."""
    changes = sampled.changes[metric]
    plain = changes.interval(row)
    reach = sampled.largest_gain(metric).critical * float(changes.error[row])
    # A bound that is not known stays so, which min and max would not see to.
    if sampled.sign(metric) < 0:
        return Interval(plain.value, plain.low, float(np.maximum(plain.value + reach, plain.high)))
    return Interval(plain.value, float(np.minimum(plain.value - reach, plain.low)), plain.high)


def _level(sampled: Sampled, row: int, metric: str) -> tuple[Interval, float]:
    if sampled.further is not None and metric == sampled.further.name:
        return further_level(sampled.further, row, sampled.clusters)
    return level_interval(sampled.hits[row], sampled.pivot_hits, sampled.clusters, metric)
