"""Every wanted setting's final states from shared work, block by block over all settings at once.

The frontier of a block holds one row per (query, state that differs): the untouched trunk, one row per LIRP layer
passed, one per pair passed. A row lives as long as some wanted setting needs it, so any set of settings costs its
share, and a block runs over all of its rows in large batches.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from lrp2_bench.grid.plan import GridPlan
from lrp2_bench.models.layered import BlockContext, LayeredModel
from lrp2_bench.probing.probe import FinalStates, Queries
from lrp2_bench.projection import Moves, Shifts, lirp, lsrp, moves_of


@dataclass
class Work:
    """Blocks run so far: ``rows`` counts (row, block), ``tokens`` the padded tokens of those, ``finals`` the rows of
    the last block, which runs at the scored positions alone."""

    rows: int = 0
    tokens: int = 0
    finals: int = 0
    final_tokens: int = 0


@dataclass
class _Frontier:
    """``i`` and ``j`` are the LIRP and LSRP layers a row has passed, 0 for none yet."""

    hidden: Float[Tensor, "row token hidden"]
    query: Int[Tensor, " row"]
    i: Int[Tensor, " row"]
    j: Int[Tensor, " row"]


class FrontierRunner:
    """Runs queries through the settings of a plan; at most ``step_tokens`` padded tokens pass a block at a time."""

    def __init__(self, model: LayeredModel, plan: GridPlan, shifts: Shifts | Moves | None, step_tokens: int) -> None:
        self.work = Work()
        self._model, self._plan, self._step_tokens = model, plan, step_tokens
        self._moves = moves_of(shifts if shifts is not None else torch.zeros(0))
        layers = model.blocks + 1
        self._setting = torch.full((layers, layers), -1, device=model.device)
        for number, pair in enumerate(plan.settings):
            self._setting[(pair.lirp, pair.lsrp) if pair else (0, 0)] = number

    def __call__(self, queries: Queries, wanted: Bool[Tensor, "query setting"]) -> FinalStates:
        """Final states of the marked (query, setting) cells."""
        model = self._model
        needed = self._by_layers(wanted)
        context, embedded = model.context(queries.tokens), model.embed(queries.tokens)
        rows = wanted.any(dim=1).nonzero().flatten()
        none = torch.zeros_like(rows)
        frontier = _Frontier(embedded[rows], rows, none, none)
        for k in range(1, model.blocks):
            self._run_block(k, frontier, context)
            frontier = self._after_block(k, frontier, needed)
        return self._last_block(frontier, context, queries.positions)

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

    def _run_block(self, k: int, frontier: _Frontier, context: BlockContext) -> None:
        rows, tokens = frontier.hidden.shape[:2]
        self.work.rows += rows
        self.work.tokens += rows * tokens
        for span in self._steps(rows, tokens):
            frontier.hidden[span] = self._model.block(k, frontier.hidden[span], context.select(frontier.query[span]))

    def _steps(self, rows: int, tokens: int) -> Iterator[slice]:
        """Rows that pass a block together."""
        step = max(1, self._step_tokens // tokens)
        return (slice(start, start + step) for start in range(0, rows, step))

    def _after_block(self, k: int, before: _Frontier, needed: Bool[Tensor, "query lirp lsrp"]) -> _Frontier:
        """Rows that go on as they are, rows that LIRP moves after block k, rows that LSRP moves back."""
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
        parts = [before.hidden[stays]]
        if len(enters):
            parts.append(lirp(before.hidden[enters], self._moves.enter[k]))
        if len(leaves):
            parts.append(lsrp(before.hidden[leaves], self._moves.leave[k]))
        return _Frontier(
            torch.cat(parts),
            torch.cat([query[stays], query[enters], query[leaves]]),
            torch.cat([i[stays], torch.full_like(enters, k), i[leaves]]),
            torch.cat([j[stays], torch.zeros_like(enters), torch.full_like(leaves, k)]),
        )

    def _last_block(
        self, frontier: _Frontier, context: BlockContext, positions: Int[Tensor, "query scored"]
    ) -> FinalStates:
        model, last = self._model, self._model.blocks
        rows, tokens = frontier.hidden.shape[:2]
        self.work.finals += rows
        self.work.final_tokens += rows * tokens
        parts = []
        for span in self._steps(rows, tokens):
            query = frontier.query[span]
            parts.append(model.block_at(last, frontier.hidden[span], context.select(query), positions[query]))
        hidden = torch.cat(parts)
        # A row that LIRP has moved and LSRP has not is the pair whose LSRP follows the last block.
        back = (frontier.i > 0) & (frontier.j == 0)
        if back.any():
            hidden[back] = lsrp(hidden[back], self._moves.leave[last])
        j = torch.where(back, last, frontier.j)
        return FinalStates(hidden, frontier.query, self._setting[frontier.i, j])
