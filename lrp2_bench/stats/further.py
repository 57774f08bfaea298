"""A metric beyond the paper's two as sums over facts, so that it is resampled, dealt and judged as they are.

Whatever is a smooth function of sums over facts (a share, a mean over relations, an overlap by chance) has an interval
by the delta method: a fact's influence is the gradient of that function times the fact's own parts. The functions do
not change when every fact counts twice, so that influences sum to 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from lrp2_bench.core.errors import BenchError
from lrp2_bench.metrics.base import FactHits, Metric
from lrp2_bench.metrics.registry import PAPER, needs_scores

Floats = npt.NDArray[np.float64]

#: Facts, by which a sum is moved to see what a fact is worth.
_STEP = 1e-3


@dataclass(frozen=True)
class Further:
    """``parts`` are the metric's, each ``[setting, fact]``."""

    metric: Metric
    parts: tuple[Floats, ...]

    @property
    def name(self) -> str:
        return self.metric.name

    @property
    def sign(self) -> float:
        """-1 where less is better."""
        return self.metric.sign

    def of_sums(self, *sums: Floats) -> Floats:
        """In percent; 0 where nothing has a weight."""
        return np.nan_to_num(self.metric.of_sums(*sums), nan=0.0)

    @cached_property
    def value(self) -> Floats:
        """``[setting]`` over the facts themselves, in percent."""
        return self.of_sums(*self._totals)

    @property
    def plain(self) -> Floats:
        """The same, but no number where the metric has nothing to be taken over."""
        return self.metric.of_sums(*self._totals)

    @cached_property
    def unit(self) -> Floats:
        """``[setting]``: how many points one fact is worth at most, the one that weighs most."""
        most = max((float(np.abs(part).max()) for part in self.parts if part.size), default=1.0)
        found: Floats = most * np.abs(np.stack(self._gradients)).max(axis=0)
        return found

    @cached_property
    def influences(self) -> Floats:
        """``[setting, fact]``: by how many points each fact raises the metric, to first order."""
        pairs = zip(self._gradients, self.parts, strict=True)
        found: Floats = np.sum([slope[:, None] * part for slope, part in pairs], axis=0)
        return found

    @cached_property
    def _totals(self) -> tuple[Floats, ...]:
        return tuple(part.sum(axis=1) for part in self.parts)

    @cached_property
    def _gradients(self) -> tuple[Floats, ...]:
        """For each part ``[setting]``: points for each fact more that it sums up."""
        return tuple((self._moved(at, _STEP) - self._moved(at, -_STEP)) / (2 * _STEP) for at in range(len(self.parts)))

    def _moved(self, at: int, step: float) -> Floats:
        return self.of_sums(*(total + step * (at == place) for place, total in enumerate(self._totals)))


def further_of(metric: Metric | None, data: FactHits) -> Further | None:
    """None for the paper's two, which need none. Raises :class:`BenchError` for a metric that hits do not suffice for,
    and for one that does not say what it sums up."""
    if metric is None or metric.name in PAPER:
        return None
    if metric.needs != "hits":
        raise BenchError(needs_scores(metric.name))
    parts = metric.parts(data)
    if not parts:
        raise BenchError(
            f"The metric '{metric.name}' has no `parts` to sum over facts, so that its changes have no intervals.\n"
            "Write them (docs/extending.md), or select by another metric."
        )
    return Further(metric, tuple(np.broadcast_to(part, data.hits.shape).astype(np.float64) for part in parts))
