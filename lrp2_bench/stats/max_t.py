"""Is any pair better than the baseline, when the best of many is looked at, in many languages?

The best of 66 pairs is better than the baseline by chance alone, so a test of that pair as if it had been named
beforehand says too much. White's reality check (2000) compares the largest studentised gain with the largest that
resampling gives were no pair better; Romano and Wolf (2005) step down through the languages, whose resamples draw the
same clusters of facts, so that what languages share is in the test.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from lrp2_bench.stats.paired_intervals import Changes
from lrp2_bench.stats.weighted import Floats

ALPHA = 0.05


@dataclass(frozen=True)
class LargestGain:
    """``observed``: the largest gain of a pair over the baseline in standard errors; ``by_chance`` ``[resample]`` the
    largest were no pair better."""

    observed: float
    by_chance: Floats = field(compare=False)

    @property
    def p(self) -> float:
        """That no pair is better, one-sided, of this language alone."""
        return step_down([self])[0]

    @property
    def critical(self) -> float:
        """Standard errors that no pair's gain exceeds its true one by, in 95 % of studies."""
        return float(np.quantile(self.by_chance, 1 - ALPHA))


def largest_gain(changes: Changes, samples: Floats) -> LargestGain:
    """Of all rows but the baseline, which is the first; ``samples`` ``[setting, resample]`` as the ``changes`` in
    unit."""
    error = changes.error[1:]
    drawn = samples[1:] - samples[0] - changes.value[1:, None]
    return LargestGain(float((changes.value[1:] / error).max()), (drawn / error[:, None]).max(axis=0))


def step_down(gains: Sequence[LargestGain]) -> list[float]:
    """p-values corrected over all pairs and ``gains``, in their order: those below 0.05 are right all together in 19 of
    20 studies."""
    corrected = [1.0] * len(gains)
    if not gains:
        return corrected
    order = sorted(range(len(gains)), key=lambda at: -gains[at].observed)
    chance = np.stack([gains[at].by_chance for at in order])
    # The largest over a language and all whose own gain is smaller.
    largest = np.maximum.accumulate(chance[::-1], axis=0)[::-1]
    highest = 0.0
    for rank, at in enumerate(order):
        p = (1 + int((largest[rank] >= gains[at].observed).sum())) / (1 + chance.shape[1])
        highest = max(highest, p)
        corrected[at] = highest
    return corrected
