"""Hits of a relation in every setting of a plan."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from lrp2_bench.core.progress import Advance
from lrp2_bench.core.types import HIT, MISS, Hits
from lrp2_bench.grid.frontier import FrontierRunner
from lrp2_bench.grid.limits import Limits
from lrp2_bench.grid.plan import GridPlan
from lrp2_bench.interventions.base import Edit
from lrp2_bench.interventions.projection import Shifts
from lrp2_bench.probing.probe import FactBatch, Probe

log = logging.getLogger(__name__)

#: ``[setting, fact, candidate]``.
Scores = npt.NDArray[np.float32]


def evaluate(
    probe: Probe, plan: GridPlan, edit: Shifts | Edit | None, facts: Sequence[int], limits: Limits, advance: Advance
) -> Hits:
    """Hits of every setting of ``plan``, ``[setting, fact]``, over ``facts``: places of some of the relation's facts.

    ``edit`` is what happens to states, shifts ``[layer, hidden]`` being LRP2's (None where the plan holds just the
    baseline). ``advance``
    is called with the facts x settings finished, which add up to all there are.
    """
    settings = plan.settings
    limits.require(probe.workload(limits.query_tokens, facts), len(settings))
    hits = np.full((len(settings), len(facts)), MISS, dtype=np.int8)
    column = {fact: number for number, fact in enumerate(facts)}
    run = FrontierRunner(probe.model, plan, edit, limits.step_tokens)
    done = 0
    with torch.inference_mode():
        for batch in probe.batches(limits.query_tokens, facts):
            for part, hit in _answers(probe, batch, run, lambda some: probe.decide(some, settings, run)):
                hits[:, [column[fact] for fact in part.facts.tolist()]] = np.where(hit.cpu().numpy(), HIT, MISS).T
            done += len(batch.facts)
            advance(len(batch.facts) * len(settings))
    advance((len(facts) - done) * len(settings))
    return hits


def evaluate_scores(
    probe: Probe, plan: GridPlan, edit: Shifts | Edit | None, limits: Limits, advance: Advance
) -> Scores:
    """The scores of every candidate in every setting of ``plan``, over all facts of a probe that is built for them.

    NaN for candidates that do not compete for a fact, minus infinity for those that can never be its answer.
    ``advance`` gets the facts x settings finished.
    """
    settings, facts, pool = plan.settings, len(probe.relation.facts), probe.candidates
    limits.require(probe.workload(limits.query_tokens), len(settings))
    scores = np.full((len(settings), *pool.shape), -np.inf, dtype=np.float32)
    scores[:, ~pool] = np.nan
    run = FrontierRunner(probe.model, plan, edit, limits.step_tokens)
    done = 0
    with torch.inference_mode():
        for batch in probe.scored_batches(limits.query_tokens):
            for part, found in _answers(probe, batch, run, lambda some: probe.scores(some, settings, run)):
                scores[:, part.facts.numpy()] = found.cpu().numpy().swapaxes(0, 1)
            done += len(batch.facts)
            advance(len(batch.facts) * len(settings))
    advance((facts - done) * len(settings))
    return scores


def _answers(
    probe: Probe, batch: FactBatch, run: FrontierRunner, answer: Callable[[FactBatch], Tensor]
) -> Iterator[tuple[FactBatch, Tensor]]:
    """A batch's; where the device runs out of memory, those of its halves, down to single facts."""
    before = replace(probe.counts)
    try:
        yield batch, answer(batch)
        return
    except torch.OutOfMemoryError:
        probe.counts = before
        if len(batch.facts) == 1 and not run.halve_steps():
            raise
    _say_once()
    torch.cuda.empty_cache()
    for half in batch.halves() if len(batch.facts) > 1 else (batch,):
        yield from _answers(probe, half, run, answer)


@cache
def _say_once() -> None:
    log.warning("The device ran out of memory; batches are halved. Set grid.memory_gb to avoid the detour.")
