"""Hits of a relation in every setting of a plan."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache

import numpy as np
import torch
from jaxtyping import Bool
from torch import Tensor

from lrp2_bench.core.progress import Advance
from lrp2_bench.core.types import HIT, MISS, Hits, Setting
from lrp2_bench.grid.frontier import FrontierRunner
from lrp2_bench.grid.limits import Limits
from lrp2_bench.grid.plan import GridPlan
from lrp2_bench.interventions.base import Edit
from lrp2_bench.interventions.projection import Shifts
from lrp2_bench.probing.probe import FactBatch, Probe

log = logging.getLogger(__name__)


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
            for part, hit in _decide(probe, batch, settings, run):
                hits[:, [column[fact] for fact in part.facts.tolist()]] = np.where(hit.cpu().numpy(), HIT, MISS).T
            done += len(batch.facts)
            advance(len(batch.facts) * len(settings))
    advance((len(facts) - done) * len(settings))
    return hits


def _decide(
    probe: Probe, batch: FactBatch, settings: Sequence[Setting], run: FrontierRunner
) -> Iterator[tuple[FactBatch, Bool[Tensor, "fact setting"]]]:
    """A batch's hits; where the device runs out of memory, those of its halves, down to single facts."""
    before = replace(probe.counts)
    try:
        yield batch, probe.decide(batch, settings, run)
        return
    except torch.OutOfMemoryError:
        probe.counts = before
        if len(batch.facts) == 1 and not run.halve_steps():
            raise
    _say_once()
    torch.cuda.empty_cache()
    for half in batch.halves() if len(batch.facts) > 1 else (batch,):
        yield from _decide(probe, half, settings, run)


@cache
def _say_once() -> None:
    log.warning("The device ran out of memory; batches are halved. Set grid.memory_gb to avoid the detour.")
