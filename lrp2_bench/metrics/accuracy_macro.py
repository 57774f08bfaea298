"""Macro accuracy: all relations count equally, as in mLAMA's evaluation (Kassner, Dufter and Schütze, EACL 2021)."""

from __future__ import annotations

import numpy as np

from lrp2_bench.metrics.base import FactHits, Metric, Values


class MacroAccuracy(Metric):
    """The mean over relations of the share of their facts hit; relations without facts do not count."""

    name = "accuracy_macro"
    label = "macro accuracy"
    description = "share of facts hit, mean over relations"

    def values(self, data: FactHits) -> Values:
        return 100.0 * (data.hit @ _weights(data.relations))

    def fact_values(self, data: FactHits, best: float) -> Values | None:
        """A hit by its share of the mean."""
        found: Values = data.hit * _weights(data.relations)
        return found

    def parts(self, data: FactHits) -> tuple[Values, ...]:
        """Each fact by its share of the mean. Resampled, relations keep their weights for a fact: to first order the
        mean over relations, and exactly that over the facts themselves."""
        weights = len(data.relations) * _weights(data.relations)
        return data.hit * weights, weights[None]


def _weights(relations: tuple[str, ...]) -> Values:
    """``[fact]``: they add up to 1, and those of each relation to the same."""
    if not relations:
        return np.zeros(0)
    names, group, sizes = np.unique(np.asarray(relations), return_inverse=True, return_counts=True)
    found: Values = 1.0 / (sizes[group] * len(names))
    return found
