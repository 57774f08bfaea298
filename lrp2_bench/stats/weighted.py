"""Accuracy and transferability of many settings under many weightings of the facts, as products of matrices.

A weight says how often a fact counts: a bootstrap resample, or a half of the facts (0 and 1). All settings under one
weighting are one row of a product, which makes 1,000 resamples of 276 pairs a matter of tenths of a second.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lrp2_bench.core.types import HIT, NOT_EVALUATED, Hits

Floats = npt.NDArray[np.float64]
#: float32 ``[weighting, fact]``; products with 0 and 1 are whole numbers, exact in any order of summing below 2**24.
Weights = npt.NDArray[np.float32]


def fact_weights(weights: npt.NDArray[np.generic]) -> Weights:
    """Whole numbers or booleans as weights."""
    return np.ascontiguousarray(weights, dtype=np.float32)


class WeightedMeasures:
    """The measures of ``hits`` ``[setting, fact]`` against ``pivot_hits`` ``[fact]``, -1 where the pivot lacks the
    fact.

    Raises ValueError where a setting leaves a fact open (a share of what happens to be evaluated is no accuracy), and
    where the two have not the same facts.
    """

    def __init__(self, hits: Hits, pivot_hits: npt.NDArray[np.int8]) -> None:
        if pivot_hits.shape != (hits.shape[1],):
            raise ValueError(f"pivot_hits has the shape {pivot_hits.shape}, but there are {hits.shape[1]} facts.")
        check_evaluated(hits)
        # Each fact counts for one of three sums only, so that both measures cost one pass over the weights.
        self._parts = (
            pivot_hits == HIT, (pivot_hits != HIT) & (pivot_hits != NOT_EVALUATED), pivot_hits == NOT_EVALUATED,
        )  # fmt: skip
        self._indicators = [indicator(hits[:, part] == HIT) for part in self._parts]

    def __call__(self, weights: Weights) -> tuple[Floats, Floats]:
        """Accuracy and transferability in percent, ``[setting, weighting]`` each; 0 where nothing has a weight."""
        of_pivot = weights[:, self._parts[0]]
        both, ours_alone, unshared = (
            (chosen @ of_part).T.astype(np.float64)
            for chosen, of_part in zip(
                (of_pivot, weights[:, self._parts[1]], weights[:, self._parts[2]]), self._indicators, strict=True
            )
        )
        facts = weights.sum(axis=1, dtype=np.float64)
        either = ours_alone + of_pivot.sum(axis=1, dtype=np.float64)
        accuracy = 100.0 * (both + ours_alone + unshared) / np.maximum(facts, 1.0)
        return accuracy, 100.0 * both / np.maximum(either, 1.0)  # without any hit both is 0, and so is the overlap


def indicator(hit: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    """``[fact, setting]``, for the right of a product."""
    return np.ascontiguousarray(hit.T, dtype=np.float32)


def check_evaluated(hits: Hits) -> None:
    """Raise ValueError where a setting leaves a fact open."""
    if (hits == NOT_EVALUATED).any():
        raise ValueError(
            "An intervention leaves facts open. Pass fully evaluated interventions only (metrics.fully_evaluated)."
        )
