"""How certain a paired difference is where facts come in clusters and few of them differ.

A percentile bootstrap of three facts that differ covers 61 to 84 % instead of 95, and of none it says 0.0 [0.0, 0.0].
Here the variance is that of independent facts times the design effect, plus that of one more cluster that differs
(Agresti and Min 2005 add one discordant fact; divided by the design effect it is a cluster). The design effect is
estimated from all interventions of a run together, because one that turns a handful of facts cannot tell it. The
simulations of docs/statistics.md compare it with others.

Metrics are sums over facts to first order, so that one rule serves all: a fact's share of the difference is its
influence on it (for transferability, a ratio, by the delta method).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from lrp2_bench.core.types import HIT, NOT_EVALUATED, Hits, Interval
from lrp2_bench.stats.clusters import Clusters
from lrp2_bench.stats.further import Further
from lrp2_bench.stats.weighted import ClusterSums, Counts, Floats, Weights, as_weights, check_same_facts, facts_of

LEVEL = 0.95
#: How many facts that differ the design effect of the baseline's hits counts for beside those of all rows; and the
#: design effect of all rows beside those of one.
_BASELINE_COUNTS, _ALL_COUNT = 10.0, 30.0


@dataclass(frozen=True)
class Changes:
    """``value`` ``[setting]`` in points against one row, its standard ``error``, and the ``design_effect``
    ``[setting]``: the variance of clusters relative to that of as many independent facts. ``floor`` ``[setting]`` is
    what the error would be were no fact different. ``clusters`` counts them."""

    value: Floats
    error: Floats
    design_effect: Floats
    floor: Floats
    clusters: int

    def interval(self, row: int) -> Interval:
        low, high = self.bounds()
        return Interval(float(self.value[row]), float(low[row]), float(high[row]))

    def bounds(self) -> tuple[Floats, Floats]:
        """``[setting]`` each: the 95 % bounds; NaN of fewer than two clusters."""
        reach = student(self.clusters) * self.error
        return self.value - reach, self.value + reach


@cache
def student(clusters: int, level: float = LEVEL) -> float:
    """How many standard errors a two-sided interval reaches; NaN of fewer than two clusters."""
    return float(stdtrit(clusters - 1, 0.5 + level / 2)) if clusters > 1 else float("nan")


def paired_changes(
    hits: Hits,
    pivot_hits: npt.NDArray[np.int8],
    clusters: Clusters,
    metric: str,
    against: int = 0,
    further: Further | None = None,
) -> Changes:
    """Each row of ``hits`` ``[setting, fact]`` less the row ``against``, by 'accuracy', 'transferability' or the
    ``further`` metric of the same hits.

    ``pivot_hits`` is ``[fact]``, -1 where the pivot lacks the fact. Raises ValueError where a setting leaves a fact
    open or the facts are not the same.
    """
    sums = ClusterSums(hits, pivot_hits, clusters, further)
    return changes_of(sums, hits, pivot_hits, metric, against)


def changes_of(
    sums: ClusterSums, hits: Hits, pivot_hits: npt.NDArray[np.int8], metric: str, against: int = 0
) -> Changes:
    """The same, of sums that are at hand."""
    clusters = sums.clusters
    if not hits.shape[1]:
        nothing = np.full(len(hits), np.nan)
        return Changes(nothing, nothing, nothing, nothing, 0)
    if sums.further is not None and metric == sums.further.name:
        further = sums.further
        value, unit = further.value, further.unit
        by_cluster = clusters.sums(further.influences.T)
        naive = ((further.influences - further.influences[[against]]) ** 2).sum(axis=1)
        turned = (hits != hits[[against]]).sum(axis=1).astype(np.float64)
        of_facts = further.influences[against]
    else:
        totals = sums(as_weights(np.ones((1, clusters.count))))
        value = totals.measure(metric)[0]
        unit = 100.0 / facts_of(totals, metric)[0]
        by_cluster = _by_cluster(sums, totals, metric)
        naive, turned = _independent(hits, pivot_hits, metric, totals, against)
        of_facts = fact_influence(hits[against], pivot_hits, metric)[1]
    clustered = _clustered(by_cluster - by_cluster[:, [against]], clusters.count)
    baseline = _ratio(float((by_cluster[:, against] ** 2).sum()), float((of_facts**2).sum()))
    own = np.where(naive > 0, clustered / np.where(naive > 0, naive, 1.0), 1.0)
    pooled = (float(turned @ own) + _BASELINE_COUNTS * baseline) / (float(turned.sum()) + _BASELINE_COUNTS)
    effect = np.maximum(1.0, (turned * own + _ALL_COUNT * pooled) / (turned + _ALL_COUNT))
    floor = effect * unit
    error = np.sqrt(effect * naive + floor**2)
    error[against] = 0.0
    return Changes(value - value[against], error, effect, floor, clusters.count)


def change_influences(sums: ClusterSums, metric: str, against: int = 0) -> Weights:
    """``[cluster, setting]``: each cluster's share of the change against a row, in points, to first order; 0 in sum."""
    if sums.further is not None and metric == sums.further.name:
        by_cluster = sums.clusters.sums(sums.further.influences.T)
    else:
        by_cluster = _by_cluster(sums, sums(as_weights(np.ones((1, sums.clusters.count)))), metric)
    return np.asarray(by_cluster - by_cluster[:, [against]], dtype=np.float32)


def paired_runs(
    first: Hits, second: Hits, pivots: tuple[Hits, Hits], clusters: Clusters, metric: str
) -> tuple[float, float, Interval]:
    """Two runs' hits ``[fact]`` of the same facts, each with its own pivot's: both in percent, and the second less the
    first in points with its interval. NaN without a fact."""
    if not len(first):
        nan = float("nan")
        return nan, nan, Interval(nan, nan, nan)
    sides = [fact_influence(row, pivot, metric) for row, pivot in zip((first, second), pivots, strict=True)]
    (before, ours), (after, theirs) = sides
    facts = facts_of_runs(first, second, pivots, metric)
    error, _ = clustered_error(theirs - ours, ours, (first != second).sum(), clusters, facts)
    reach, value = student(clusters.count) * error, after - before
    return before, after, Interval(value, value - reach, value + reach)


def facts_of_runs(first: Hits, second: Hits, pivots: tuple[Hits, Hits], metric: str) -> int:
    """Of how many facts ``[fact]`` the metric of two runs is a share: of the run that has fewer."""
    return len(first) if metric == "accuracy" else min(map(_union, (first, second), pivots))


def fact_influence(row: Hits, pivot: Hits, metric: str) -> tuple[float, Floats]:
    """The metric of one row ``[fact]`` in percent, and each fact's influence on it in points, to first order."""
    hit = (row == HIT).astype(np.float64)
    if metric == "accuracy":
        share = float(hit.mean())
        return 100 * share, 100.0 * (hit - share) / len(row)
    both = hit * (pivot == HIT)
    union = np.maximum(hit, pivot == HIT) * (pivot != NOT_EVALUATED)
    base = max(1.0, float(union.sum()))
    share = float(both.sum()) / base
    return 100 * share, 100.0 * (both - share * union) / base


def paired_means(differences: Floats, baseline: Floats, clusters: Clusters, unit: float | None = None) -> Interval:
    """The mean of ``differences`` ``[fact]`` of any metric with one value a fact, with its interval; ``baseline``
    ``[fact]`` are values without an intervention. One fact is worth ``unit`` of the mean; None: their spread's. NaN
    without a fact."""
    count = len(differences)
    if not count:
        return Interval(math.nan, math.nan, math.nan)
    value = float(differences.mean())
    influence, known = ((part - part.mean()) / count for part in (differences, baseline))
    unit = float(baseline.std()) / count if unit is None else unit
    error, _ = _clustered_error(influence, known, int((differences != 0).sum()), clusters, unit)
    reach = student(clusters.count) * error
    return Interval(value, value - reach, value + reach)


def clustered_error(
    difference: Floats, baseline: Floats, turned: int, clusters: Clusters, facts: int
) -> tuple[float, float]:
    """The standard error of a sum of influences ``difference`` ``[fact]``, of which ``turned`` facts are not nothing,
    and its design effect; ``baseline`` are influences that tell it where few facts differ. The metric is a share of so
    many ``facts``."""
    return _clustered_error(difference, baseline, turned, clusters, 100.0 / max(1, facts))


def _clustered_error(
    difference: Floats, baseline: Floats, turned: int, clusters: Clusters, unit: float
) -> tuple[float, float]:
    own, known = (
        _ratio(float((_sums(clusters, part) ** 2).sum()), float((part**2).sum())) for part in (difference, baseline)
    )
    effect = max(1.0, (turned * own + _BASELINE_COUNTS * known) / (turned + _BASELINE_COUNTS))
    return float(np.sqrt(effect * (difference**2).sum() + (effect * unit) ** 2)), effect


def _sums(clusters: Clusters, values: Floats) -> Floats:
    return np.bincount(clusters.codes, weights=values, minlength=clusters.count).astype(np.float64)


def level_interval(row: Hits, pivot: Hits, clusters: Clusters, metric: str) -> tuple[Interval, float]:
    """One row ``[fact]`` in percent: Wilson's interval at the effective number of facts, and the design effect."""
    check_same_facts(row[None, :], pivot, clusters)
    if not len(row):
        return Interval(float("nan"), float("nan"), float("nan")), float("nan")
    percent, influence = fact_influence(row, pivot, metric)
    effect = max(1.0, _ratio(float((_sums(clusters, influence) ** 2).sum()), float((influence**2).sum())))
    facts = len(row) if metric == "accuracy" else _union(row, pivot)
    return wilson_at(percent / 100, max(1, facts) / effect, student(clusters.count)), effect


def _union(row: Hits, pivot: Hits) -> int:
    """Facts that both were asked and either hits."""
    return int(((row == HIT) | (pivot == HIT))[pivot != NOT_EVALUATED].sum())


def further_level(further: Further, at: int, clusters: Clusters) -> tuple[Interval, float]:
    """The same of a row ``at`` of a further metric, a share like the others. Its facts need not weigh the same: it is
    taken at the number of equal facts that would vary as much."""
    percent, influence, unit = float(further.value[at]), further.influences[at], float(further.unit[at])
    if not len(influence):
        return Interval(float("nan"), float("nan"), float("nan")), float("nan")
    effect = max(1.0, _ratio(float((_sums(clusters, influence) ** 2).sum()), float((influence**2).sum())))
    spread, share = float((influence**2).sum()), percent / 100
    alike = 1e4 * share * (1 - share) / spread if spread and 0 < share < 1 else 100.0 / unit if unit else 1.0
    count = min(max(1.0, alike), float(len(influence)))
    return wilson_at(percent / 100, count / effect, student(clusters.count)), effect


def wilson_at(share: float, count: float, reach: float) -> Interval:
    """Wilson's interval (1927) of a share of ``count`` facts, which need not be a whole number, in percent."""
    if math.isnan(reach):
        return Interval(100 * share, math.nan, math.nan)
    spread = reach * np.sqrt(share * (1 - share) / count + reach**2 / (4 * count**2))
    middle, whole = share + reach**2 / (2 * count), 1 + reach**2 / count
    low, high = min(share, (middle - spread) / whole), max(share, (middle + spread) / whole)
    return Interval(100 * share, 100 * max(0.0, float(low)), 100 * min(1.0, float(high)))


def _by_cluster(sums: ClusterSums, totals: Counts, metric: str) -> Weights:
    """``[cluster, setting]``: influences on the metric, in points; they sum to 0."""
    return sums.influences(metric, totals.measure(metric)[0] / 100, facts_of(totals, metric)[0])


def _clustered(influence: Weights, clusters: int) -> Floats:
    squares: Floats = np.einsum("cs,cs->s", influence, influence).astype(np.float64)
    return squares * clusters / max(1, clusters - 1)


def _independent(
    hits: Hits, pivot_hits: npt.NDArray[np.int8], metric: str, totals: Counts, against: int
) -> tuple[Floats, Floats]:
    """``[setting]``: the variance of each row's metric less that of the row ``against``, were facts independent; and
    how many facts differ.

    Facts of a kind (does the pivot hit it, does either row) have one influence, so it takes their counts alone.
    """
    share, base = totals.measure(metric)[0] / 100, facts_of(totals, metric)[0]
    rows = hits == HIT
    kinds = (pivot_hits == HIT, pivot_hits == 0, pivot_hits == NOT_EVALUATED)
    variance, turned = np.zeros(len(hits)), np.zeros(len(hits))
    for kind, mask in enumerate(kinds):
        after, ours = rows[:, mask], rows[against][mask]
        both = after[:, ours].sum(axis=1).astype(np.float64)
        gained, known, facts = after.sum(axis=1) - both, float(ours.sum()), float(mask.sum())
        counts = {(1, 1): both, (1, 0): gained, (0, 1): known - both, (0, 0): facts - known - gained}
        turned += counts[1, 0] + counts[0, 1]
        for (now, then), count in counts.items():
            before = _influence(metric, kind, then, share[against], base[against])
            variance += count * (_influence(metric, kind, now, share, base) - before) ** 2
    return variance, turned


def _influence(metric: str, kind: int, hit: int, share: Floats, base: Floats) -> Floats:
    """Of a fact of a kind (0: the pivot hits it, 1: misses it, 2: lacks it) on the metric, in points."""
    if metric == "accuracy":
        return 100.0 * (hit - share) / base
    if kind == 0:
        return 100.0 * (hit - share) / base
    return -100.0 * hit * share / base if kind == 1 else 0.0 * share


def _ratio(above: float, below: float) -> float:
    return above / below if below > 0 else 1.0
