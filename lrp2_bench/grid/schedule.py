"""Which rows pass each block, which of them go on, enter and leave, and in what steps: drawn up before anything runs.

All of it follows from what is wanted and from how long queries are, so the host knows it: the device is sent the
indices of all blocks at once and never asked.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Int
from torch import Tensor

from lrp2_bench.core.types import LayerPair, Setting
from lrp2_bench.grid.plan import UNNAMED, Entry, entry_of, or_unnamed
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


#: Rows that are moved, by the number of the strengths at which they are, of :attr:`Scheduler.strengths`.
Moves = tuple[tuple[int, slice], ...]


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
    enters: Moves
    leaves: Moves
    between: Moves

    @property
    def rows(self) -> int:
        return _size(self.query)

    @property
    def padding(self) -> int:
        return sum(_size(step.rows) * step.tokens for step in self.steps) - self.tokens


@dataclass(frozen=True)
class Schedule:
    """``passages[k - 1]`` is block k's. What comes out behind the last one is a ``query`` in a ``setting`` each."""

    passages: list[Passage]
    query: slice
    setting: slice
    sent: Int[Tensor, " index"]

    def at(self, part: slice) -> Int[Tensor, " part"]:
        """Indices, on the device."""
        return self.sent[part]


class Scheduler:
    """For a plan's ``settings`` of a model of so many ``blocks``; ``uses_back`` as in
    :class:`~lrp2_bench.grid.plan.GridPlan`."""

    def __init__(self, settings: Sequence[Setting], blocks: int, *, uses_back: bool = False) -> None:
        self._blocks = blocks
        # Entries count from 1 in order of their layers, an entry's exits from 1 in order of theirs; 0 is none yet.
        exits: dict[Entry, set[tuple[int, float]]] = defaultdict(set)
        for pair in settings:
            if pair is not None:
                exits[entry_of(pair, uses_back)].add((pair.lsrp, or_unnamed(pair.back)))
        entries = sorted(exits)
        numbered = {entry: sorted(exits[entry]) for entry in entries}
        most = max(map(len, numbered.values()), default=0)
        #: What rows are moved at; None where the run's own strengths are meant.
        self.strengths: list[tuple[float, float] | None] = []
        self._entry_layer = np.array([0, *(entry.layer for entry in entries)], dtype=np.int64)
        self._entered_at = np.array([0, *(self._strengths(*entry[1:]) for entry in entries)], dtype=np.int64)
        self._left_at = np.zeros((1 + len(entries), most + 2), dtype=np.int64)
        #: ``[entry, layer]``: the first exit there or behind it, one past all for none.
        self._exit_from = np.ones((1 + len(entries), blocks + 2), dtype=np.int64)
        for number, entry in enumerate(entries, start=1):
            layers = [lsrp for lsrp, _ in numbered[entry]]
            self._exit_from[number] = 1 + np.searchsorted(layers, np.arange(blocks + 2))
            for at, (_, back) in enumerate(numbered[entry], start=1):
                self._left_at[number, at] = self._strengths(entry.strength, back)
        self._most_together = int(np.diff(self._exit_from, axis=1).max())
        places = [(0, 0) if pair is None else self._place(pair, uses_back, entries, numbered) for pair in settings]
        self._entry, self._exit = np.array(places, dtype=np.int64).reshape(-1, 2).T
        self._setting = np.full((1 + len(entries), most + 2), -1, dtype=np.int64)
        self._setting[self._entry, self._exit] = np.arange(len(settings))

    @staticmethod
    def _place(
        pair: LayerPair, uses_back: bool, entries: list[Entry], exits: Mapping[Entry, list[tuple[int, float]]]
    ) -> tuple[int, int]:
        entry = entry_of(pair, uses_back)
        return 1 + entries.index(entry), 1 + exits[entry].index((pair.lsrp, or_unnamed(pair.back)))

    def _strengths(self, strength: float, back: float) -> int:
        """Their number. An edit that does not look at the way back yet gets any."""
        found = None if strength == UNNAMED else (strength, strength if back == UNNAMED else back)
        if found not in self.strengths:
            self.strengths.append(found)
        return self.strengths.index(found)

    def __call__(
        self, wanted: npt.NDArray[np.bool_], lengths: Numbers, step_tokens: int, device: torch.device
    ) -> Schedule:
        """For the marked ``[query, setting]`` cells of queries of these ``lengths`` in tokens."""
        needed = np.zeros((len(wanted), *self._setting.shape), dtype=np.bool_)
        needed[:, self._entry, self._exit] = wanted
        entered: npt.NDArray[np.bool_] = np.any(needed, axis=2)
        # Whether any exit of an entry, or any entry, from a number on is wanted.
        leaves_from = np.logical_or.accumulate(needed[:, :, ::-1], axis=2)[:, :, ::-1]
        enters_from = np.logical_or.accumulate(entered[:, ::-1], axis=1)[:, ::-1]
        enters_from = np.pad(enters_from, ((0, 0), (0, 1)))
        order = np.argsort(-lengths, kind="stable")
        rank = np.empty_like(order)
        rank[order] = np.arange(len(order))
        query = order[np.any(wanted, axis=1)[order]]
        i, j = np.zeros_like(query), np.zeros_like(query)  # the entry and exit that a row has passed, 0 for none yet
        parts, passages = _Parts(), []
        for k in range(1, self._blocks):
            before, trunk, branch = query, i == 0, (i > 0) & (j == 0)
            stays = (j > 0) | (branch & leaves_from[query, i, self._exit_from[i, k + 1]])
            into = (self._entry_layer == k).nonzero()[0]
            later = int(np.searchsorted(self._entry_layer, k, side="right"))
            stays |= trunk & (needed[query, 0, 0] | enters_from[query, later])
            staying = stays.nonzero()[0]
            entering, entry = (trunk[:, None] & entered[query[:, None], into]).nonzero()
            leaving, exit_ = self._exits(k, needed, query, i, branch)
            source = np.concatenate([staying, entering, leaving])
            kind = np.repeat(np.arange(3), [len(staying), len(entering), len(leaving)])
            same = len(source) == len(query) and not kind.any()
            if not same:
                entries = np.concatenate([i[staying], into[entry], i[leaving]])
                exits = np.concatenate([j[staying], j[entering], exit_])
                place = np.argsort(rank[query[source]], kind="stable")
                source, kind, i, j = source[place], kind[place], entries[place], exits[place]
                query = query[source]
            between = (i > 0) & (self._entry_layer[i] < k) & (j == 0)
            passages.append(
                Passage(
                    steps=_steps(lengths[before], step_tokens),
                    tokens=int(lengths[before].sum()),
                    query=parts.add(before),
                    source=None if same else parts.add(source),
                    enters=parts.moves(kind == 1, self._entered_at[i]),
                    leaves=parts.moves(kind == 2, self._left_at[i, j]),
                    between=parts.moves(between, self._entered_at[i]),
                )
            )
        # Rows that LIRP has moved and LSRP has not are pairs whose LSRP follows the last block, one or several of them.
        leaving, exit_ = self._exits(self._blocks, needed, query, i, (i > 0) & (j == 0))
        staying = ((i == 0) | (j > 0)).nonzero()[0]
        source = np.concatenate([staying, leaving])
        place = np.argsort(source, kind="stable")
        source, exits = source[place], np.concatenate([j[staying], exit_])[place]
        left = np.repeat([False, True], [len(staying), len(leaving)])[place]
        same, i = len(source) == len(query), i[source]
        passages.append(
            Passage(
                steps=_steps(lengths[query], step_tokens),
                tokens=int(lengths[query].sum()),
                query=parts.add(query),
                source=None if same else parts.add(source),
                enters=(),
                leaves=parts.moves(left, self._left_at[i, exits]),
                between=(),
            )
        )
        ends = parts.add(query[source])
        setting = parts.add(self._setting[i, exits])
        return Schedule(passages, ends, setting, parts.sent(device))

    def _exits(
        self, k: int, needed: npt.NDArray[np.bool_], query: Numbers, entry: Numbers, branch: npt.NDArray[np.bool_]
    ) -> tuple[Numbers, Numbers]:
        """The rows of ``branch`` that leave behind block ``k``, and by which exit of theirs."""
        first, after = self._exit_from[entry, k], self._exit_from[entry, k + 1]
        number = first[:, None] + np.arange(self._most_together)
        there = branch[:, None] & (number < after[:, None])
        number = np.where(there, number, 0)
        row, which = (there & needed[query[:, None], entry[:, None], number]).nonzero()
        return row, number[row, which]


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

    def moves(self, rows: npt.NDArray[np.bool_], strengths: Numbers) -> Moves:
        """Of the marked ``rows``, those of each number of strengths."""
        return tuple(
            (number, self.add((rows & (strengths == number)).nonzero()[0])) for number in np.unique(strengths[rows])
        )

    def sent(self, device: torch.device) -> Int[Tensor, " index"]:
        return send(torch.from_numpy(np.concatenate(self._parts)), device)


def _size(part: slice) -> int:
    size: int = part.stop - part.start
    return size
