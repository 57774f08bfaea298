"""Which rows pass each block, which of them go on, enter and leave, and in what steps: drawn up before anything runs.

All of it follows from what is wanted and from how long queries are, so the host knows it: the device is sent the
indices of all blocks at once and never asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Int
from torch import Tensor

from lrp2_bench.core.types import Setting
from lrp2_bench.models.devices import send

Numbers = npt.NDArray[np.int64]

#: A step holds no more padding than this share, unless it is no more than that share of what may pass at once: the
#: machine would not be busy with less.
_MOST_PADDING, _FEW = 0.05, 0.25


@dataclass(frozen=True)
class Step:
    """Rows that pass a block together, and the tokens of the longest of them."""

    rows: slice
    tokens: int


@dataclass(frozen=True)
class Passage:
    """Rows of one block, longest queries first, a query's together; slices are of :attr:`Schedule.sent`.

    ``query`` is each row's. Behind the block, row r of the next is row ``source[r]`` (None: they stay as they are);
    those at ``enters`` are moved as by LIRP, at ``leaves`` as by LSRP, ``between`` lie between the two.
    """

    steps: list[Step]
    tokens: int
    query: slice
    source: slice | None
    enters: slice
    leaves: slice
    between: slice

    @property
    def rows(self) -> int:
        return _size(self.query)

    @property
    def padding(self) -> int:
        return sum(_size(step.rows) * step.tokens for step in self.steps) - self.tokens


@dataclass(frozen=True)
class Schedule:
    """``passages[k - 1]`` is block k's. The last one's rows are a query in a ``setting`` each."""

    passages: list[Passage]
    setting: slice
    sent: Int[Tensor, " index"]

    def at(self, part: slice) -> Int[Tensor, " part"]:
        """Indices, on the device."""
        return self.sent[part]


class Scheduler:
    """For a plan's ``settings`` of a model of so many ``blocks``."""

    def __init__(self, settings: Sequence[Setting], blocks: int) -> None:
        self._blocks = blocks
        self._lirp = np.array([pair.lirp if pair else 0 for pair in settings], dtype=np.int64)
        self._lsrp = np.array([pair.lsrp if pair else 0 for pair in settings], dtype=np.int64)
        self._setting = np.full((blocks + 1, blocks + 1), -1, dtype=np.int64)
        self._setting[self._lirp, self._lsrp] = np.arange(len(settings))

    def __call__(
        self, wanted: npt.NDArray[np.bool_], lengths: Numbers, step_tokens: int, device: torch.device
    ) -> Schedule:
        """For the marked ``[query, setting]`` cells of queries of these ``lengths`` in tokens."""
        needed = np.zeros((len(wanted), self._blocks + 1, self._blocks + 1), dtype=np.bool_)
        needed[:, self._lirp, self._lsrp] = wanted
        entered: npt.NDArray[np.bool_] = np.any(needed, axis=2)
        # Whether any LSRP layer, or LIRP layer, from k on is wanted.
        leaves_from = np.logical_or.accumulate(needed[:, :, ::-1], axis=2)[:, :, ::-1]
        enters_from = np.logical_or.accumulate(entered[:, ::-1], axis=1)[:, ::-1]
        order = np.argsort(-lengths, kind="stable")
        rank = np.empty_like(order)
        rank[order] = np.arange(len(order))
        query = order[np.any(wanted, axis=1)[order]]
        i, j = np.zeros_like(query), np.zeros_like(query)  # the layers that a row has passed, 0 for none yet
        parts, passages = _Parts(), []
        for k in range(1, self._blocks):
            before, trunk, branch = query, i == 0, (i > 0) & (j == 0)
            stays = (j > 0) | (branch & leaves_from[query, i, k + 1])
            stays |= trunk & (needed[query, 0, 0] | enters_from[query, k + 1])
            kinds = [stays, trunk & entered[query, k], branch & needed[query, i, k]]
            source = np.concatenate([kind.nonzero()[0] for kind in kinds])
            kind = np.repeat(np.arange(3), [int(kind.sum()) for kind in kinds])
            same = len(source) == len(query) and not kind.any()
            if not same:
                place = np.argsort(rank[query[source]], kind="stable")
                source, kind = source[place], kind[place]
                query, i, j = query[source], i[source], j[source]
                i[kind == 1], j[kind == 2] = k, k
            passages.append(
                Passage(
                    steps=_steps(lengths[before], step_tokens),
                    tokens=int(lengths[before].sum()),
                    query=parts.add(before),
                    source=None if same else parts.add(source),
                    enters=parts.add((kind == 1).nonzero()[0]),
                    leaves=parts.add((kind == 2).nonzero()[0]),
                    between=parts.add(((i > 0) & (i < k) & (j == 0)).nonzero()[0]),
                )
            )
        # A row that LIRP has moved and LSRP has not is the pair whose LSRP follows the last block.
        leaving = (i > 0) & (j == 0)
        passages.append(
            Passage(
                steps=_steps(lengths[query], step_tokens),
                tokens=int(lengths[query].sum()),
                query=parts.add(query),
                source=None,
                enters=slice(0, 0),
                leaves=parts.add(leaving.nonzero()[0]),
                between=slice(0, 0),
            )
        )
        setting = parts.add(self._setting[i, np.where(leaving, self._blocks, j)])
        return Schedule(passages, setting, parts.sent(device))


def _steps(lengths: Numbers, step_tokens: int) -> list[Step]:
    """Rows of these ``lengths``, longest first, in steps of at most ``step_tokens`` padded tokens (or one row)."""
    steps, start = [], 0
    while start < len(lengths):
        width = int(lengths[start])
        some = lengths[start : start + max(1, step_tokens // width)]
        padded = width * np.arange(1, len(some) + 1)
        over = (padded > _FEW * step_tokens) & (padded - np.cumsum(some) > _MOST_PADDING * padded)
        stop = start + (int(over.argmax()) if over.any() else len(some))
        steps.append(Step(slice(start, stop), width))
        start = stop
    return steps


class _Parts:
    """Arrays that are sent to the device in one copy."""

    def __init__(self) -> None:
        self._parts: list[Numbers] = []
        self._total = 0

    def add(self, part: Numbers) -> slice:
        """Where it will be."""
        self._parts.append(part)
        self._total += len(part)
        return slice(self._total - len(part), self._total)

    def sent(self, device: torch.device) -> Int[Tensor, " index"]:
        return send(torch.from_numpy(np.concatenate(self._parts)), device)


def _size(part: slice) -> int:
    size: int = part.stop - part.start
    return size
