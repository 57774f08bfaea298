"""The best candidate of one length in a masked model's cells, normalised no further than a comparison takes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Float, Int
from torch import Tensor

from lrp2_bench.models.devices import send
from lrp2_bench.probing.log_partition import Interval, LogPartition
from lrp2_bench.probing.probe import ProbeCounts

Numbers = npt.NDArray[np.int64]

#: In place of infinity, which stands for a log-partition that is no number.
_HIGHEST = 1e30


class Leader:
    """A candidate's mean log-probability in some cells, normalised as far as anyone asks.

    ``states`` are those of all cells' masks, one cell after the other, ``masks`` of each. ``log_partitions`` bound the
    rows' log-partitions and may be infinite; those of the cells marked ``known`` are values. Cells are named by arrays
    on the host, which alone keeps track of what is known.
    """

    def __init__(
        self,
        states: Float[Tensor, "row hidden"],
        logits: Float[Tensor, " cell"],
        log_partitions: Interval,
        masks: Numbers,
        known: npt.NDArray[np.bool_],
        log_partition: LogPartition,
        counts: ProbeCounts,
    ) -> None:
        self._states, self._logits, self._masks = states, logits, masks
        self._log_partition, self._counts = log_partition, counts
        self._start = masks.cumsum() - masks
        everyone = np.arange(len(masks))
        there = send(torch.from_numpy(known), logits.device)
        low, high = (
            self._mean(everyone, part, self._rows(everyone)) for part in (log_partitions.high, log_partitions.low)
        )
        high = torch.where(there, high, high.nan_to_num(nan=_HIGHEST).clamp(max=_HIGHEST))
        self._low, self._high = torch.where(there, high, low), high
        self._exact = self._low.clone()
        self._met = np.zeros(len(masks), dtype=np.bool_)
        self._bounded, self._settled = known.copy(), known.copy()

    def interval(self, cells: Numbers) -> Interval:
        """What is known of it by now."""
        new = np.unique(cells[~self._met[cells]])
        self._counts.log_partitions += int(self._masks[new].sum())
        self._met[cells] = True
        at = self._sent(cells)
        return Interval(self._low.index_select(0, at), self._high.index_select(0, at))

    def bound(self, cells: Numbers) -> None:
        """Bound it on either side."""
        new = cells[~self._bounded[cells]]
        if len(new):
            rows, at = self._rows(new), self._sent(new)
            parts = self._log_partition.bounds(self._states.index_select(0, self._sent(rows)), self._counts)
            high = self._mean(new, parts.low, np.arange(len(rows)))
            self._low.index_copy_(0, at, self._mean(new, parts.high, np.arange(len(rows))))
            self._high.index_copy_(0, at, torch.minimum(self._high.index_select(0, at), high))
            self._bounded[new] = True

    def exact(self, cells: Numbers) -> Float[Tensor, " asked"]:
        new = cells[~self._settled[cells]]
        if len(new):
            rows = self._rows(new)
            parts = self._log_partition.exact(self._states.index_select(0, self._sent(rows)), self._counts)
            self._exact.index_copy_(0, self._sent(new), self._mean(new, parts, np.arange(len(rows))))
            self._settled[new] = True
        return self._exact.index_select(0, self._sent(cells))

    def _rows(self, cells: Numbers) -> Numbers:
        """The rows of some cells, one cell after the other."""
        masks = self._masks[cells]
        first: Numbers = np.repeat(self._start[cells] - (masks.cumsum() - masks), masks)
        return first + np.arange(len(first))

    def _mean(self, cells: Numbers, log_partitions: Float[Tensor, " row"], at: Numbers) -> Float[Tensor, " asked"]:
        """Where the cells' rows are ``at`` of the ``log_partitions``, one cell after the other."""
        masks = self._masks[cells]
        places: Numbers = np.arange(int(masks.max(initial=1)))
        # Filled up with a zero behind the last.
        source = np.full((len(cells), len(places)), len(log_partitions), dtype=np.int64)
        source[places < masks[:, None]] = at
        padded = torch.nn.functional.pad(log_partitions, (0, 1))
        total = padded.index_select(0, self._sent(source.reshape(-1))).view(len(cells), -1).sum(dim=1)
        count = send(torch.from_numpy(np.stack([cells, masks])), total.device)
        return (self._logits.index_select(0, count[0]) - total) / count[1]

    def _sent(self, numbers: Numbers) -> Int[Tensor, " number"]:
        return send(torch.from_numpy(numbers), self._logits.device)
