"""The 95 % confidence set of best pairs, so that nobody reads noise as a layer.

A pair is dropped when some other pair beats it by more than resampling explains. How much that is is read off the
paired bootstrap's largest studentised difference between *any* pair still in and any other one, and pairs are dropped
until none goes (Romano and Wolf's step-down max-T; confidence sets for the best of Mogstad, Romano, Shaikh and Wilhelm,
Review of Economic Studies 2024). The set holds every truly best pair, all together, in 95 % of studies.

Why this one, with simulations of 40 to 60 correlated pairs beside each reason:

- Comparing with the *observed* best treats it as if it had been named beforehand. Picked from many it is the luckiest,
  and equally good pairs look worse: with 40 equal pairs, some of them were lost in 69 % of studies by max-T against the
  observed best, and in 52 % by Holm's correction. Here: 4 %.
- Hansen's model confidence set by T_max compares with the mean of the pairs left. It keeps its level (5 %) but cannot
  see that three pairs stand out from 57 equal ones, the usual form of a grid: it kept 99.7 % of those 57. Here: 2 %.
- Libraries (arch) have the model confidence set for means of losses; an overlap of sets is none, and facts are drawn
  in clusters.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lrp2_bench.core.types import LayerPair
from lrp2_bench.stats.clusters import SEED
from lrp2_bench.stats.weighted import Floats

#: The chance that any truly best pair is left out.
LEVEL = 0.05
#: Random renamings of pairs, with which named ones are compared.
_RENAMED = 9_999
#: Points, below which two pairs differ by rounding alone.
_ALIKE = 1e-6


@dataclass(frozen=True)
class ConfidenceSet:
    """``kept`` ``[pair]``: whether it is in the set; ``dropped`` ``[pair, resample]``: whether a resample drops it
    by chance, were no pair better."""

    kept: npt.NDArray[np.bool_]
    dropped: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Membership:
    """Of one pair in one language's set: whether it is ``kept``, and in which ``resamples`` it is ``dropped`` by
    chance (a bit each, packed: a report holds those of all pairs of all languages)."""

    kept: bool
    dropped: npt.NDArray[np.uint8]
    resamples: int


def confidence_set_of_best(value: Floats, samples: Floats, level: float = LEVEL) -> npt.NDArray[np.bool_]:
    """``[pair]``: whether the pair is in the confidence set of the best, where more is better.

    ``value`` ``[pair]`` is the measure on the facts themselves, ``samples`` ``[pair, resample]`` on those resampled,
    the same draws for all pairs (:class:`lrp2_bench.stats.bootstrap.Resampled`). The pair of the highest value is
    always in the set. NaN, over no facts, leaves all of them in it.
    """
    return confidence_set(value, samples, level).kept


def confidence_set(value: Floats, samples: Floats, level: float = LEVEL) -> ConfidenceSet:
    """As :func:`confidence_set_of_best`, with what chance alone would drop."""
    kept = np.ones(len(value), dtype=bool)
    if len(value) < 2 or np.isnan(value).any():
        return ConfidenceSet(kept, np.zeros(samples.shape, dtype=bool))
    beaten_by, by_chance = _largest_differences(value, samples)
    while True:
        # Of the highest value nothing is ahead, so one pair at least stays.
        critical = max(0.0, float(np.quantile(by_chance[kept].max(axis=0), 1 - level)))
        still = kept & (beaten_by <= critical)
        if (still == kept).all():
            return ConfidenceSet(kept, by_chance > critical)
        kept = still


def memberships(found: ConfidenceSet) -> list[Membership]:
    """Of each pair."""
    bits = np.packbits(found.dropped, axis=1)
    return [Membership(bool(kept), row, found.dropped.shape[1]) for kept, row in zip(found.kept, bits, strict=True)]


def by_layers(of: Mapping[LayerPair, Membership]) -> dict[LayerPair, Membership]:
    """Of layers at whatever strength: in the set where some strength of them is, and dropped where all are."""
    found: dict[LayerPair, list[Membership]] = {}
    for pair, one in of.items():
        found.setdefault(pair.layers, []).append(one)
    return {
        layers: Membership(
            any(one.kept for one in many),
            np.bitwise_and.reduce([one.dropped for one in many]),
            many[0].resamples,
        )
        for layers, many in found.items()
    }


def p_of_misses(of: Iterable[Membership]) -> float:
    """p that as many sets leave out the truly best pair of their language; ``of`` has that pair of each language.

    All languages were resampled by the same draws of clusters, so that sets which miss together by chance do so in the
    resamples too; a binomial test of the misses would take languages as independent, and each set as missing its pair
    in just 5 % of studies, which is the chance that it misses *any* of the best. 1 without a set.
    """
    sets = list(of)
    missed = sum(not one.kept for one in sets)
    if not missed:
        return 1.0
    bits = np.stack([np.unpackbits(one.dropped, count=one.resamples) for one in sets])
    return (1 + int((bits.sum(axis=0) >= missed).sum())) / (1 + sets[0].resamples)


def p_of_names(kept: npt.NDArray[np.bool_], named: npt.NDArray[np.int64]) -> float:
    """p that the sets ``kept`` ``[language, pair]`` hold as many of the pairs ``named`` ``[language]`` if these were
    named without knowing which are best.

    Pairs change their names at random, in all languages alike: that a pair is named for many languages, or stands in
    many sets, is then luck once, not many times. Sets that hold most pairs, or few languages, can show nothing.
    """
    rows = np.arange(len(named))
    rng = np.random.default_rng(SEED)
    renamed = rng.permuted(np.tile(np.arange(kept.shape[1]), (_RENAMED, 1)), axis=1)
    by_chance = kept[rows, renamed[:, named]].sum(axis=1)
    return (1 + int((by_chance >= kept[rows, named].sum()).sum())) / (1 + _RENAMED)


def _largest_differences(value: Floats, samples: Floats) -> tuple[Floats, npt.NDArray[np.float32]]:
    """By how many standard errors each pair is beaten by the one that beats it most: ``[pair]`` on the facts, and
    ``[pair, resample]`` by chance, were all pairs equal."""
    noise = samples - value[:, None]
    products = noise @ noise.T / noise.shape[1]
    variance = np.diag(products)
    spread = np.sqrt(np.maximum(variance[:, None] + variance - 2 * products, 0.0))
    # Two pairs that never differ carry no information on each other; two that always differ by the same do.
    alike = spread < _ALIKE
    ahead = value - value[:, None]
    beaten = np.where(alike, np.where(ahead > _ALIKE, np.inf, 0.0), ahead / np.where(alike, 1.0, spread))
    inverse = np.where(alike, 0.0, 1.0 / np.where(alike, 1.0, spread)).astype(np.float32)
    drawn = noise.astype(np.float32)
    by_chance = np.zeros_like(drawn)  # of a pair beside itself
    buffer = np.empty_like(drawn)
    for pair, row in enumerate(drawn[:-1]):
        # What one pair is ahead of another the other is behind it, so that each two are looked at once.
        later = slice(pair + 1, None)
        ahead_of = np.subtract(drawn[later], row, out=buffer[later])
        ahead_of *= inverse[pair, later, None]
        np.maximum(by_chance[pair], ahead_of.max(axis=0), out=by_chance[pair])
        np.negative(ahead_of, out=ahead_of)
        np.maximum(by_chance[later], ahead_of, out=by_chance[later])
    return beaten.max(axis=1), by_chance
