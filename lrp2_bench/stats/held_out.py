"""What a pair is worth on facts that had no part in choosing it.

The paper chooses a language's pair and reports it on the same facts. The best of 66 or 276 pairs is partly the
luckiest, so the reported change is too high even where all pairs are alike. Here the facts are halved at random within
relations, the pair is chosen on one half and reported on the other, both ways round, and the changes are averaged over
several such splits. Half the facts choose worse than all of them would, so this errs on the low side, by less than the
paper's protocol errs on the high one wherever the choice matters little; the truth lies between the two.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lrp2_bench.core.types import Hits
from lrp2_bench.stats.paired_tests import mcnemar
from lrp2_bench.stats.weighted import Floats, WeightedMeasures, fact_weights

SPLITS = 20
SEED = 0


@dataclass(frozen=True)
class HeldOut:
    """Means over ``2 * splits`` halves, each reported at the pair that the other half chose.

    Changes are in points against the baseline on the same half. ``p`` is a p-value of the exact McNemar test
    on facts that did not choose: twice the median over the halves, at most 1, which keeps its level however the
    halves depend on each other (Rüger 1978; Meinshausen, Meier and Bühlmann 2009). It speaks for half the facts, so it
    is cautious. ``chosen`` counts how often a row of the hits was chosen. NaN and empty where there are fewer than two
    facts, or no pair.
    """

    accuracy: float
    transferability: float
    p: float
    chosen: Mapping[int, int]


class Halves:
    """Both measures of ``hits`` ``[setting, fact]`` on seeded halves of the facts, to be asked by either metric.

    Row 0 is the baseline, the others are the pairs to choose from. Raises ValueError where a setting leaves a
    fact open.
    """

    def __init__(
        self,
        hits: Hits,
        pivot_hits: npt.NDArray[np.int8],
        relations: Sequence[str],
        splits: int = SPLITS,
        seed: int = SEED,
    ) -> None:
        self._hits = hits
        self._can_choose = len(hits) >= 2 and hits.shape[1] >= 2
        if self._can_choose:
            first = split_halves(relations, splits, seed)
            self._halves = np.concatenate([first, ~first])
            self._measures = WeightedMeasures(hits, pivot_hits)(fact_weights(self._halves))

    def held_out(self, select_by: str) -> HeldOut:
        """The pair chosen by ``select_by`` ('accuracy' or 'transferability'; the first of equals)."""
        if not self._can_choose:
            return HeldOut(math.nan, math.nan, math.nan, {})
        accuracy, transferability = self._measures
        chosen = 1 + (accuracy if select_by == "accuracy" else transferability)[1:].argmax(axis=0)
        # What one half chose is reported on the other, which stands half the table further on.
        reported = np.roll(np.arange(len(self._halves)), len(self._halves) // 2)
        tests = [
            mcnemar(self._hits[0, half], self._hits[row, half]).p
            for row, half in zip(chosen, self._halves[reported], strict=True)
        ]
        return HeldOut(
            _mean_change(accuracy, chosen, reported),
            _mean_change(transferability, chosen, reported),
            min(1.0, 2.0 * float(np.median(tests))),
            dict(Counter(chosen.tolist())),
        )


def held_out_gains(
    hits: Hits,
    pivot_hits: npt.NDArray[np.int8],
    relations: Sequence[str],
    select_by: str,
    splits: int = SPLITS,
    seed: int = SEED,
) -> HeldOut:
    """:class:`Halves` asked once."""
    return Halves(hits, pivot_hits, relations, splits, seed).held_out(select_by)


def split_halves(relations: Sequence[str], splits: int = SPLITS, seed: int = SEED) -> npt.NDArray[np.bool_]:
    """``[split, fact]``: the facts of one half; the others are the other. Halves differ by one fact at most, and so do
    their facts of any relation."""
    _, group = np.unique(np.asarray(relations), return_inverse=True)
    rng = np.random.default_rng(seed)
    halves = np.empty((splits, len(group)), dtype=bool)
    for half in halves:
        # Dealt out in turn, relation by relation: the odd fact of one goes to the half that the last one left short.
        order = np.lexsort((rng.random(len(group)), rng.permutation(group.max() + 1)[group]))
        half[order] = (np.arange(len(group)) + rng.integers(2)) % 2 == 0
    return halves


def _mean_change(measure: Floats, chosen: npt.NDArray[np.int64], at: npt.NDArray[np.int64]) -> float:
    return float((measure[chosen, at] - measure[0, at]).mean())
