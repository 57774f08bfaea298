"""Runs a plan: every setting's final states from shared work, and hits from the probe's scores."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from lrp2_bench.grid.plan import GridPlan
from lrp2_bench.models.layered import BlockContext, LayeredModel
from lrp2_bench.notices import Notices
from lrp2_bench.probing.probe import Probe, QueryBatch
from lrp2_bench.progress import Advance
from lrp2_bench.projection import Shifts, lirp, lsrp
from lrp2_bench.types import HIT, MISS, Hits, LayerPair


def evaluate(
    probe: Probe,
    plan: GridPlan,
    shifts: Shifts | None,
    gold: Int[np.ndarray, " fact"],
    notices: Notices,
    advance: Advance,
) -> Hits:
    """Hits of every setting of ``plan``, ``[setting, fact]``.

    ``shifts`` is ``[layer, hidden]`` (None where the plan holds just the baseline); ``gold`` the pool index of each
    fact's own object. ``advance`` is called with the facts x settings finished, which add up to all there are.
    Ties go to the lowest pool index.
    """
    best = _Best(len(plan.settings), len(gold), probe.model.device)
    rows = {setting: row for row, setting in enumerate(plan.settings)}
    queries, done, told = sum(len(batch.facts) for batch in probe.batches), 0, 0
    with torch.inference_mode():
        for batch in probe.batches:
            for setting, hidden in final_states(probe.model, batch, plan, shifts):
                best.update(rows[setting], batch, probe.scores(batch, hidden))
            done += len(batch.facts)
            share = len(gold) * len(rows) * done // queries
            advance(share - told)
            told = share
    if best.not_numbers:
        notices.add("Scores that are not numbers were taken as minus infinity", probe.where, best.not_numbers)
    answers = best.index.cpu().numpy()
    return np.where(answers == gold[None, :], HIT, MISS).astype(np.int8)


def final_states(
    model: LayeredModel, batch: QueryBatch, plan: GridPlan, shifts: Shifts | None
) -> Iterator[tuple[LayerPair | None, Float[Tensor, "row scored hidden"]]]:
    """Layer L's states at the batch's positions, setting by setting; the last block runs at the positions alone.

    Depth first, so that three hidden states are held at once: the trunk's, the one after LIRP, the one after LSRP.
    """
    context, hidden = model.context(batch.tokens), model.embed(batch.tokens)
    branches = plan.branches
    last = model.blocks if plan.baseline else max(branches)
    for k in range(1, min(last, model.blocks - 1) + 1):
        hidden = model.block(k, hidden, context)
        if k in branches:
            assert shifts is not None
            moved = lirp(hidden, shifts[k])
            yield from _after_lirp(model, batch, context, moved, k, branches[k], shifts)
    if plan.baseline:
        yield None, model.block_at(model.blocks, hidden, context, batch.positions)


def _after_lirp(
    model: LayeredModel,
    batch: QueryBatch,
    context: BlockContext,
    hidden: Float[Tensor, "row token hidden"],
    i: int,
    lsrps: tuple[int, ...],
    shifts: Shifts,
) -> Iterator[tuple[LayerPair, Float[Tensor, "row scored hidden"]]]:
    for j in range(i + 1, lsrps[-1] + 1):
        if j == model.blocks:
            final = model.block_at(j, hidden, context, batch.positions)
            yield LayerPair(i, j), lsrp(final, shifts[j])
            return
        hidden = model.block(j, hidden, context)
        if j in lsrps:
            back = lsrp(hidden, shifts[j])
            for k in range(j + 1, model.blocks):
                back = model.block(k, back, context)
            yield LayerPair(i, j), model.block_at(model.blocks, back, context, batch.positions)


class _Best:
    """The leading candidate of every (setting, fact) over the batches seen so far."""

    def __init__(self, settings: int, facts: int, device: torch.device) -> None:
        self.score = torch.full((settings, facts), -torch.inf, device=device)
        self.index = torch.full((settings, facts), -1, dtype=torch.long, device=device)
        self.not_numbers = 0

    def update(self, setting: int, batch: QueryBatch, scores: Float[Tensor, "fact candidate"]) -> None:
        broken = torch.isnan(scores)
        self.not_numbers += int(broken.sum())
        scores = scores.masked_fill(broken, -torch.inf)
        top = scores.max(dim=1).values
        # torch leaves open which of several equal maxima it names; the protocol takes the lowest pool index.
        leading = (scores == top.unsqueeze(1)) & (scores > -torch.inf)
        none = torch.iinfo(torch.long).max
        index = torch.where(leading, batch.candidates, none).min(dim=1).values
        old_score, old_index = self.score[setting, batch.facts], self.index[setting, batch.facts]
        better = (index != none) & ((top > old_score) | ((top == old_score) & (index < old_index)))
        self.score[setting, batch.facts] = torch.where(better, top, old_score)
        self.index[setting, batch.facts] = torch.where(better, index, old_index)
