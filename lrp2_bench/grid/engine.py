"""Hits of a relation in every setting of a plan."""

from __future__ import annotations

import numpy as np
import torch

from lrp2_bench.grid.frontier import FrontierRunner
from lrp2_bench.grid.limits import Limits
from lrp2_bench.grid.plan import GridPlan
from lrp2_bench.probing.probe import Probe
from lrp2_bench.progress import Advance
from lrp2_bench.projection import Shifts
from lrp2_bench.types import HIT, MISS, Hits


def evaluate(
    probe: Probe, plan: GridPlan, shifts: Shifts | None, facts: int, limits: Limits, advance: Advance
) -> Hits:
    """Hits of every setting of ``plan``, ``[setting, fact]``, over the relation's ``facts``.

    ``shifts`` is ``[layer, hidden]`` (None where the plan holds just the baseline). ``advance`` is called with the
    facts x settings finished, which add up to all there are.
    """
    settings = len(plan.settings)
    hits = np.full((settings, facts), MISS, dtype=np.int8)
    run = FrontierRunner(probe.model, plan, shifts, limits.step_tokens)
    done = 0
    with torch.inference_mode():
        for batch in probe.batches(limits.query_tokens):
            hit = probe.decide(batch, settings, run).cpu().numpy()
            hits[:, batch.facts.cpu().numpy()] = np.where(hit, HIT, MISS).T
            done += len(batch.facts)
            advance(len(batch.facts) * settings)
    advance((facts - done) * settings)
    return hits
