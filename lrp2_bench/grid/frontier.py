"""Every wanted setting's final states from shared work, block by block over all settings at once.

The frontier of a block holds one row per (query, state that differs): the baseline trunk, one row per LIRP layer
passed, one per pair passed. A row lives as long as some wanted setting needs it, so any set of settings costs its
share. Rows stand by the length of their query, so that a block runs over all of them in large batches with next to no
padding.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from lrp2_bench.grid.plan import GridPlan
from lrp2_bench.grid.schedule import Schedule, Scheduler
from lrp2_bench.interventions.base import Edit
from lrp2_bench.interventions.projection import Shifts, as_edit
from lrp2_bench.models.devices import send
from lrp2_bench.models.layered import Context, LayeredModel
from lrp2_bench.probing.probe import FinalStates, Queries


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
    """Longest queries first."""

    hidden: Float[Tensor, "row token hidden"]


class FrontierRunner:
    """Runs queries through the settings of a plan; at most ``step_tokens`` padded tokens pass a block at a time."""

    def __init__(self, model: LayeredModel, plan: GridPlan, edit: Shifts | Edit | None, step_tokens: int) -> None:
        self.work = Work()
        self._model, self._step_tokens = model, step_tokens
        self._edit = as_edit(edit if edit is not None else torch.zeros(0))
        self._schedule = Scheduler(plan.settings, model.blocks, uses_back=self._edit.before_leaving_uses_back)
        self._edits = [
            self._edit if strengths is None else self._edit.at_strength(*strengths)
            for strengths in self._schedule.strengths
        ]
        self._moved: Bool[Tensor, "query token"] | None = None  # the tokens whose states are edited; None: all

    def __call__(self, queries: Queries, wanted: Bool[Tensor, "query setting"]) -> FinalStates:
        """Final states of the marked (query, setting) cells. Both are best given on the host, which has to know them;
        the device is not asked for anything then."""
        model, last = self._model, self._model.blocks
        lengths = queries.tokens.keep.cpu().sum(dim=1).numpy()
        schedule = self._schedule(wanted.cpu().numpy(), lengths, self._step_tokens, model.device)
        tokens, positions = queries.tokens.to(model.device), send(queries.positions, model.device)
        self._moved = self._edit.tokens(tokens)
        context, embedded = model.context(tokens), model.embed(tokens)
        frontier = _Frontier(embedded.index_select(0, schedule.at(schedule.passages[0].query)))
        for k in range(1, last):
            self._run_block(k, frontier, context, schedule)
            self._after_block(k, frontier, schedule)
        return self._last_block(frontier, context, positions, schedule)

    def halve_steps(self) -> bool:
        """Let half as many tokens pass a block at once; False where they are down to one."""
        self._step_tokens //= 2
        return self._step_tokens >= 1

    def _run_block(self, k: int, frontier: _Frontier, context: Context, schedule: Schedule) -> None:
        passage = schedule.passages[k - 1]
        self.work.rows += passage.rows
        self.work.tokens += passage.tokens
        self.work.padding += passage.padding
        query = schedule.at(passage.query)
        for step in passage.steps:
            # Contiguous, or each of the block's linear maps copies it by itself.
            hidden = frontier.hidden[step.rows, : step.tokens].contiguous()
            there = context.select(query[step.rows], step.tokens)
            frontier.hidden[step.rows, : step.tokens] = self._model.block(k, hidden, there)

    def _after_block(self, k: int, frontier: _Frontier, schedule: Schedule) -> None:
        """Rows go on as they are, as LIRP moves them after block k, or as LSRP moves them back."""
        passage, query = schedule.passages[k - 1], schedule.at(schedule.passages[k].query)
        if passage.source is not None:
            frontier.hidden = frontier.hidden.index_select(0, schedule.at(passage.source))
        for number, rows in passage.enters:
            self._change(self._edits[number].enter, k, frontier.hidden, schedule.at(rows), query)
        for number, rows in passage.leaves:
            self._change(self._edits[number].leave, k, frontier.hidden, schedule.at(rows), query)
        for number, rows in passage.between if self._edit.acts_between else ():
            self._change(self._edits[number].between, k, frontier.hidden, schedule.at(rows), query)

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
        before = hidden.index_select(0, rows)
        after = edit(k, before)
        if self._moved is not None:
            moved = self._moved if positions is None else self._moved.gather(1, positions)
            after = torch.where(moved.index_select(0, query.index_select(0, rows)).unsqueeze(-1), after, before)
        hidden.index_copy_(0, rows, after)

    def _last_block(
        self, frontier: _Frontier, context: Context, positions: Int[Tensor, "query scored"], schedule: Schedule
    ) -> FinalStates:
        model, last = self._model, self._model.blocks
        passage = schedule.passages[last - 1]
        self.work.finals += passage.rows
        self.work.padding += passage.padding
        query = schedule.at(passage.query)
        parts = []
        for step in passage.steps:
            some = query[step.rows]
            there = context.select(some, step.tokens)
            at = positions.index_select(0, some)
            parts.append(model.block_at(last, frontier.hidden[step.rows, : step.tokens], there, at))
        hidden = torch.cat(parts)
        if passage.source is not None:
            hidden, query = hidden.index_select(0, schedule.at(passage.source)), schedule.at(schedule.query)
        for number, rows in passage.leaves:
            self._change(self._edits[number].leave, last, hidden, schedule.at(rows), query, positions)
        return FinalStates(hidden, query, schedule.at(schedule.setting), self._step_tokens)
