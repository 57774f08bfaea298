"""Do treatments differ, when the same subjects had them all? Permutation within subjects, where some are missing."""

from __future__ import annotations

import numpy as np

from lrp2_bench.stats.weighted import Floats

PERMUTATIONS = 9_999


def permuted_within(values: Floats, permutations: int = PERMUTATIONS, seed: int = 0) -> float:
    """p that the columns of ``values`` ``[subject, treatment]``, NaN where missing, have one mean.

    The statistic is the spread of the columns' means, each weighted by its size; values are permuted within each
    subject over the treatments it has. Of 0 and 1 without gaps that is the permutation form of Cochran's Q (1950),
    whose chi-squared form needs more subjects than languages often are.
    """
    there = ~np.isnan(values)
    observed = _spread(np.where(there, values, 0.0)[None], there)[0]
    rng = np.random.default_rng(seed)
    as_far = 0
    step = max(1, 2_000_000 // max(1, values.size))
    for start in range(0, permutations, step):
        rows = min(step, permutations - start)
        drawn = np.zeros((rows, *values.shape))
        for subject, (row, has) in enumerate(zip(values, there, strict=True)):
            drawn[:, subject, has] = rng.permuted(np.tile(row[has], (rows, 1)), axis=1)
        as_far += int((_spread(drawn, there) >= observed - 1e-9).sum())
    return (1 + as_far) / (1 + permutations)


def _spread(values: Floats, there: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> Floats:
    sizes = np.maximum(there.sum(axis=0), 1)
    spread: Floats = (values.sum(axis=1) ** 2 / sizes).sum(axis=-1)
    return spread
