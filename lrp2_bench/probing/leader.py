"""The best candidate of one length in a masked model's cells, normalised no further than a comparison takes."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from lrp2_bench.probing.log_partition import Interval, LogPartition
from lrp2_bench.probing.probe import ProbeCounts

#: In place of infinity, which stands for a log-partition that is no number.
_HIGHEST = 1e30


class Leader:
    """A candidate's mean log-probability in some cells, normalised as far as anyone asks, starting from bounds
    ``[cell, masks]`` of the log-partitions, which may be infinite."""

    def __init__(
        self,
        states: Float[Tensor, "cell masks hidden"],
        logits: Float[Tensor, " cell"],
        log_partitions: Interval,
        masks: int,
        log_partition: LogPartition,
        counts: ProbeCounts,
    ) -> None:
        self._states, self._logits, self._masks = states, logits, masks
        self._log_partition, self._counts = log_partition, counts
        low, high = ((logits - part.sum(dim=1)) / masks for part in (log_partitions.high, log_partitions.low))
        known = low == high
        self._low, self._high = low, torch.where(known, high, high.nan_to_num(nan=_HIGHEST).clamp(max=_HIGHEST))
        self._met = torch.zeros_like(logits, dtype=torch.bool)
        self._bounded = known
        self._exact = low.masked_fill(~known, torch.nan)

    def interval(self, cells: Int[Tensor, " asked"]) -> Interval:
        """What is known of it by now."""
        self._counts.log_partitions += int((~self._met[cells]).sum()) * self._masks
        self._met[cells] = True
        return Interval(self._low[cells], self._high[cells])

    def bound(self, cells: Int[Tensor, " asked"]) -> None:
        """Bound it on either side."""
        new = cells[~self._bounded[cells]]
        if len(new):
            parts = self._log_partition.bounds(self._states[new].flatten(0, 1), self._counts)
            self._low[new] = self._mean(new, parts.high)
            self._high[new] = torch.minimum(self._high[new], self._mean(new, parts.low))
            self._bounded[new] = True

    def exact(self, cells: Int[Tensor, " asked"]) -> Float[Tensor, " asked"]:
        new = cells[torch.isnan(self._exact[cells])]
        if len(new):
            parts = self._log_partition.exact(self._states[new].flatten(0, 1), self._counts)
            self._exact[new] = self._mean(new, parts)
        return self._exact[cells]

    def _mean(self, cells: Int[Tensor, " asked"], log_partitions: Float[Tensor, " row"]) -> Float[Tensor, " asked"]:
        return (self._logits[cells] - log_partitions.view(-1, self._masks).sum(dim=1)) / self._masks
