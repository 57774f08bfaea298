"""Every wanted setting's final states from shared work, block by block over all settings at once.

The frontier of a block holds one row per (query, state that differs): the baseline trunk, one row per LIRP layer
passed, one per pair passed. A row lives as long as some wanted setting needs it, so any set of settings costs its
share. Rows stand by the length of their query, so that a block runs over all of them in large batches with next to no
padding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from lrp2_bench.grid.plan import GridPlan
from lrp2_bench.interventions.base import Edit
from lrp2_bench.interventions.projection import Shifts, as_edit
from lrp2_bench.models.layered import Context, LayeredModel
from lrp2_bench.probing.probe import FinalStates, Queries

#: A step holds no more padding than this, unless it is so small that the machine would not be busy with less.
_MOST_PADDING, _FEW_TOKENS = 0.05, 256


@dataclass
class Work:
    """Blocks run so far: ``rows`` counts (row, block), ``tokens`` the tokens of those, ``finals`` the rows of the last
    block, which runs at the scored positions alone; ``padding`` what passed beside them to fill batches up."""

    rows: int = 0
    tokens: int = 0
    finals: int = 0
    padding: int = 0


@dataclass
class _Frontier:
    """``i`` and ``j`` are the LIRP and LSRP layers a row has passed, 0 for none yet. Longest queries first."""

    hidden: Float[Tensor, "row token hidden"]
    query: Int[Tensor, " row"]
    i: Int[Tensor, " row"]
    j: Int[Tensor, " row"]


class FrontierRunner:
    """Runs queries through the settings of a plan; at most ``step_tokens`` padded tokens pass a block at a time."""

    def __init__(self, model: LayeredModel, plan: GridPlan, edit: Shifts | Edit | None, step_tokens: int) -> None:
        self.work = Work()
        self._model, self._plan, self._step_tokens = model, plan, step_tokens
        self._edit = as_edit(edit if edit is not None else torch.zeros(0))
        self._moved: Bool[Tensor, "query token"] | None = None  # the tokens whose states are edited; None: all
        layers = model.blocks + 1
        self._setting = torch.full((layers, layers), -1, device=model.device)
        for number, pair in enumerate(plan.settings):
            self._setting[(pair.lirp, pair.lsrp) if pair else (0, 0)] = number

    def __call__(self, queries: Queries, wanted: Bool[Tensor, "query setting"]) -> FinalStates:
        """Final states of the marked (query, setting) cells."""
        model = self._model
        needed = self._by_layers(wanted)
        self._moved = self._edit.tokens(queries.tokens)
        context, embedded = model.context(queries.tokens), model.embed(queries.tokens)
        lengths = queries.tokens.keep.sum(dim=1)
        order = lengths.argsort(descending=True, stable=True)
        rows = order[wanted.any(dim=1)[order]]
        none = torch.zeros_like(rows)
        frontier = _Frontier(embedded[rows], rows, none, none)
        for k in range(1, model.blocks):
            self._run_block(k, frontier, context, lengths)
            frontier = self._after_block(k, frontier, needed, order.argsort())
            if self._edit.acts_between:
                self._between(k, frontier)
        return self._last_block(frontier, context, queries.positions, lengths)

    def halve_steps(self) -> bool:
        """Let half as many tokens pass a block at once; False where they are down to one."""
        self._step_tokens //= 2
        return self._step_tokens >= 1

    def _by_layers(self, wanted: Bool[Tensor, "query setting"]) -> Bool[Tensor, "query lirp lsrp"]:
        layers = self._model.blocks + 1
        needed = torch.zeros(len(wanted), layers, layers, dtype=torch.bool, device=wanted.device)
        for number, pair in enumerate(self._plan.settings):
            needed[(slice(None), pair.lirp, pair.lsrp) if pair else (slice(None), 0, 0)] = wanted[:, number]
        return needed

    def _run_block(self, k: int, frontier: _Frontier, context: Context, lengths: Int[Tensor, " query"]) -> None:
        self.work.rows += len(frontier.query)
        self.work.tokens += int(lengths[frontier.query].sum())
        for span, tokens in self._steps(frontier, lengths):
            # Contiguous, or each of the block's linear maps copies it by itself.
            hidden = frontier.hidden[span, :tokens].contiguous()
            there = context.select(frontier.query[span], tokens)
            frontier.hidden[span, :tokens] = self._model.block(k, hidden, there)

    def _steps(self, frontier: _Frontier, lengths: Int[Tensor, " query"]) -> Iterator[tuple[slice, int]]:
        """Rows that pass a block together, and the tokens of the longest of them."""
        tokens = lengths[frontier.query].tolist()
        start = 0
        while start < len(tokens):
            width, most = tokens[start], start + max(1, self._step_tokens // tokens[start])
            stop, padding = start + 1, 0
            while stop < min(most, len(tokens)):
                padding += width - tokens[stop]
                padded = width * (stop + 1 - start)
                if padded > _FEW_TOKENS and padding > _MOST_PADDING * padded:
                    padding -= width - tokens[stop]
                    break
                stop += 1
            self.work.padding += padding
            yield slice(start, stop), width
            start = stop

    def _after_block(
        self,
        k: int,
        before: _Frontier,
        needed: Bool[Tensor, "query lirp lsrp"],
        rank: Int[Tensor, " query"],
    ) -> _Frontier:
        """Rows that go on as they are, rows that LIRP moves after block k, rows that LSRP moves back; a query's rows
        stand together, in the order of ``rank``."""
        query, i, j = before.query, before.i, before.j
        trunk, branch = i == 0, (i > 0) & (j == 0)
        stays = (
            (j > 0)
            | (branch & needed[query, i, k + 1 :].any(dim=1))
            | (trunk & (needed[query, 0, 0] | needed[query, k + 1 :].flatten(1).any(dim=1)))
        )
        enters = (trunk & needed[query, k].any(dim=1)).nonzero().flatten()
        leaves = (branch & needed[query, i, k]).nonzero().flatten()
        stays = stays.nonzero().flatten()
        if not len(enters) and not len(leaves) and len(stays) == len(query):
            return before
        source = torch.cat([stays, enters, leaves])
        order = rank[query[source]].argsort(stable=True)
        source = source[order]
        hidden = before.hidden[source]
        enters, leaves = (
            ((order >= start) & (order < start + len(rows))).nonzero().flatten()
            for start, rows in ((len(stays), enters), (len(stays) + len(enters), leaves))
        )
        query, i, j = query[source], i[source], j[source]
        if len(enters):
            self._change(self._edit.enter, k, hidden, enters, query)
            i[enters] = k
        if len(leaves):
            self._change(self._edit.leave, k, hidden, leaves, query)
            j[leaves] = k
        return _Frontier(hidden, query, i, j)

    def _between(self, k: int, frontier: _Frontier) -> None:
        """Edit the rows that entered before block k and have not left."""
        inside = ((frontier.i > 0) & (frontier.i < k) & (frontier.j == 0)).nonzero().flatten()
        if len(inside):
            self._change(self._edit.between, k, frontier.hidden, inside, frontier.query)

    def _change(
        self,
        edit: Callable[[int, Tensor], Tensor],
        k: int,
        hidden: Float[Tensor, "row place hidden"],
        rows: Int[Tensor, " changed"],
        query: Int[Tensor, " row"],
        positions: Int[Tensor, "query place"] | None = None,
    ) -> None:
        """Edit layer ``k``'s states of some rows, in place; ``positions``: their places are those of the queries."""
        before = hidden[rows]
        after = edit(k, before)
        if self._moved is not None:
            moved = self._moved if positions is None else self._moved.gather(1, positions)
            after = torch.where(moved[query[rows]].unsqueeze(-1), after, before)
        hidden[rows] = after

    def _last_block(
        self,
        frontier: _Frontier,
        context: Context,
        positions: Int[Tensor, "query scored"],
        lengths: Int[Tensor, " query"],
    ) -> FinalStates:
        model, last = self._model, self._model.blocks
        self.work.finals += len(frontier.query)
        parts = []
        for span, tokens in self._steps(frontier, lengths):
            query = frontier.query[span]
            there = context.select(query, tokens)
            parts.append(model.block_at(last, frontier.hidden[span, :tokens], there, positions[query]))
        hidden = torch.cat(parts)
        # A row that LIRP has moved and LSRP has not is the pair whose LSRP follows the last block.
        back = (frontier.i > 0) & (frontier.j == 0)
        if len(rows := back.nonzero().flatten()):
            self._change(self._edit.leave, last, hidden, rows, frontier.query, positions)
        j = torch.where(back, last, frontier.j)
        return FinalStates(hidden, frontier.query, self._setting[frontier.i, j], self._step_tokens)
