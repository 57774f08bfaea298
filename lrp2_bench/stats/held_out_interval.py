"""How certain a held-out gain is: an interval beside :mod:`~lrp2_bench.stats.held_out`'s mean.

Every half reports a pair that it did not choose, so a paired bootstrap of that half's facts gives an interval of its
gain that the choice does not bias. The halves share facts, so their intervals cannot be averaged as if independent;
each is made at twice the confidence asked for (97.5 % for 95 %), and the medians of their bounds are the interval. That
is what ``twice the median`` does for p-values (Meinshausen, Meier and Bühlmann 2009), and as cautious: it speaks for
half the facts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from lrp2_bench.core.types import HIT, NOT_EVALUATED, Hits
from lrp2_bench.stats.bootstrap import RESAMPLES, resample_weights
from lrp2_bench.stats.held_out import SEED, SPLITS, split_halves
from lrp2_bench.stats.weighted import Floats, WeightedMeasures, fact_weights

#: Facts below which a half is too small to say how certain its gain is.
ENOUGH = 40
_PERCENTILES = (1.25, 98.75)
_MEASURES = ("accuracy", "transferability")

Bounds = tuple[float, float]


def held_out_intervals(
    hits: Hits,
    pivot_hits: npt.NDArray[np.int8],
    relations: Sequence[str],
    select_by: str,
    splits: int = SPLITS,
    seed: int = SEED,
    resamples: int = RESAMPLES,
) -> Mapping[str, Bounds]:
    """The bounds in points by metric, arguments as for :class:`~lrp2_bench.stats.held_out.Halves`; NaN where there are
    fewer than :data:`ENOUGH` facts, or no pair."""
    if len(hits) < 2 or hits.shape[1] < ENOUGH:
        return dict.fromkeys(_MEASURES, (math.nan, math.nan))
    first = split_halves(relations, splits, seed)
    halves = np.concatenate([first, ~first])
    scores = dict(zip(_MEASURES, WeightedMeasures(hits, pivot_hits)(fact_weights(halves)), strict=True))
    chosen = 1 + scores[select_by][1:].argmax(axis=0)
    reported = np.roll(halves, len(halves) // 2, axis=0)  # each half's choice is reported on the other
    accuracy, transferability = _changes(hits, pivot_hits, relations, chosen, reported, resamples, seed)
    return {"accuracy": _bounds(accuracy), "transferability": _bounds(transferability)}


def _changes(
    hits: Hits,
    pivot_hits: npt.NDArray[np.int8],
    relations: Sequence[str],
    chosen: npt.NDArray[np.intp],
    reported: npt.NDArray[np.bool_],
    resamples: int,
    seed: int,
) -> tuple[Floats, Floats]:
    """``[half, resample]`` each: the chosen pair's measure less the baseline's over the half's facts, in points."""
    pivot = pivot_hits == HIT
    shared = pivot_hits != NOT_EVALUATED
    sides = [(hits[0] == HIT) & reported, (hits[chosen] == HIT) & reported]
    # All sums over facts that the two measures take, as the columns of one product.
    parts = [reported, reported & pivot, *sides, *(side & pivot for side in sides), *(side & shared for side in sides)]
    columns = np.ascontiguousarray(np.concatenate(parts).T, dtype=np.float32)
    accuracy, transferability = np.empty((len(chosen), resamples)), np.empty((len(chosen), resamples))
    for start, weights in resample_weights(relations, resamples, seed):
        rows = slice(start, start + len(weights))
        facts, pivots, before, after, both_before, both_after, ours_before, ours_after = np.split(
            (weights @ columns).T.astype(np.float64), len(parts)
        )
        accuracy[:, rows] = 100.0 * (after - before) / np.maximum(facts, 1.0)
        # |ours or pivot's| = |ours, of shared facts| + |pivot's| - |both|
        overlaps = [
            100.0 * both / np.maximum(ours + pivots - both, 1.0)
            for both, ours in ((both_before, ours_before), (both_after, ours_after))
        ]
        transferability[:, rows] = overlaps[1] - overlaps[0]
    return accuracy, transferability


def _bounds(changes: Floats) -> Bounds:
    low, high = np.median(np.percentile(changes, _PERCENTILES, axis=1), axis=1)
    return float(low), float(high)
