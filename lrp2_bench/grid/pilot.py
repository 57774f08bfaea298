"""How long a search will take, from running a little of it.

Counting says what must run; how much of what may run does, and how fast, depends on scores and on the machine. So a
sample of the facts is run and timed: relations are drawn in proportion to what they certainly cost, a few facts of
each, and the seconds of a sample's certain operations stand for those of the whole. On a CPU they are seconds of
computing, not on the wall, so that a busy machine's plan is that of an idle one.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lrp2_bench.grid.cost import grid_cost, model_shape
from lrp2_bench.grid.engine import evaluate
from lrp2_bench.grid.limits import Limits
from lrp2_bench.grid.plan import GridPlan
from lrp2_bench.interventions.base import Edit
from lrp2_bench.interventions.projection import Shifts
from lrp2_bench.models.devices import clock
from lrp2_bench.probing.probe import Probe, ProbeCounts

#: Seconds a pilot aims at, and the share of the whole run it takes at most where that is less.
_SECONDS, _MOST_SHARE = 20.0, 0.25

#: Samples wanted, and facts in each: few samples show little of how relations differ, small ones of how fast whole
#: batches are. Where not even so many facts can be afforded, there are a few samples all the same.
_SAMPLES, _FACTS, _FEWEST = 8, 8, 3


@dataclass(frozen=True)
class Estimate:
    """Seconds of the whole, and one standard error of them (0 where a single sample was run)."""

    seconds: float
    error: float
    facts: int  # timed
    relations: int
    rows: float = 0.0  # log-partitions of the whole, over the vocabulary
    partial_rows: float = 0.0  # over the tokens that lead


def estimate(
    probes: Sequence[Probe],
    plan: GridPlan,
    edit: Shifts | Edit | None,
    limits: Limits,
    seed: int,
    most: float = _SECONDS,
) -> Estimate:
    """Time samples of the ``probes``' facts in every setting of ``plan``, for ``most`` seconds or a quarter of what all
    would take; nothing is kept of their hits."""
    costs = [_flops(probe, plan, limits, None) for probe in probes]
    total = sum(costs)
    if not total:
        return Estimate(0.0, 0.0, 0, 0)
    random = np.random.default_rng(seed)
    largest = probes[int(np.argmax(costs))]
    everything = _draw(largest, len(largest.relation.facts), random)
    facts = next([fact] for fact in everything if _flops(largest, plan, limits, [fact]))
    _time(largest, plan, edit, limits, facts)  # the first of anything is slow
    rate = _flops(largest, plan, limits, facts) / _time(largest, plan, edit, limits, facts)
    budget = min(most, _MOST_SHARE * total / rate) * rate
    affordable = int(budget / _flops(largest, plan, limits, facts))
    wanted = max(min(_FEWEST, affordable), affordable // _FACTS)
    samples = max(1, min(_SAMPLES, wanted, 2 * sum(cost > 0 for cost in costs)))
    places = (np.arange(samples) + random.random()) / samples * total
    chosen = np.minimum(np.searchsorted(np.cumsum(costs), places), len(costs) - 1)
    runs: list[_Sample] = []
    for number in chosen.tolist():
        probe = probes[number]
        known = len(probe.relation.facts)
        facts = _draw(probe, max(1, round(budget / samples / (costs[number] / known))), random)
        part, whole = facts[: len(facts) // 4], facts
        if flops := _flops(probe, plan, limits, whole):  # a fact that cannot be asked costs nothing and says nothing
            probe.counts = counts = ProbeCounts()
            runs.append(
                _Sample(
                    flops,
                    _time(probe, plan, edit, limits, whole),
                    _flops(probe, plan, limits, part),
                    _time(probe, plan, edit, limits, part),
                    len(facts),
                    counts,
                )
            )
    if not runs:
        return Estimate(total / rate, 0.0, 0, 0)
    asked = sum(cost > 0 for cost in costs)
    seconds = [_scaled(runs[:number] + runs[number + 1 :] or runs, total, asked) for number in range(len(runs))]
    spread = statistics.stdev(seconds) * (len(runs) - 1) / len(runs) ** 0.5 if len(runs) > 1 else 0.0  # jackknife
    share = total / sum(run.flops + run.part_flops for run in runs)
    return Estimate(
        seconds=_scaled(runs, total, asked),
        error=spread,
        facts=sum(run.facts for run in runs),
        relations=len(set(chosen.tolist())),
        rows=share * sum(run.counts.rough_log_partitions + run.counts.exact_log_partitions for run in runs),
        partial_rows=share * sum(run.counts.partial_log_partitions for run in runs),
    )


@dataclass(frozen=True)
class _Sample:
    """Operations and seconds of some facts of a relation, and those of a quarter of them."""

    flops: float
    seconds: float
    part_flops: float
    part_seconds: float
    facts: int
    counts: ProbeCounts  # of both runs


def _scaled(runs: Sequence[_Sample], total: float, relations: int) -> float:
    """Seconds of ``total`` operations in so many relations. What a sample takes beyond its share, by the rate at
    which its last three quarters went, every relation takes once: few facts fill no batch."""
    seconds = sum(run.seconds - run.part_seconds for run in runs)
    if seconds <= 0:  # too short to tell apart
        return total * sum(run.seconds for run in runs) / sum(run.flops for run in runs)
    rate = sum(run.flops - run.part_flops for run in runs) / seconds
    once = statistics.mean(run.seconds - run.flops / rate for run in runs)
    return total / rate + max(0.0, once) * relations


def _draw(probe: Probe, count: int, random: np.random.Generator) -> list[int]:
    known = len(probe.relation.facts)
    drawn: list[int] = random.choice(known, size=min(count, known), replace=False).tolist()
    return drawn


def _flops(probe: Probe, plan: GridPlan, limits: Limits, facts: Sequence[int] | None) -> float:
    """What is certain to run for ``facts``; None stands for all."""
    return grid_cost(model_shape(probe.model), plan, probe.workload(limits.query_tokens, facts).certain).flops


def _time(probe: Probe, plan: GridPlan, edit: Shifts | Edit | None, limits: Limits, facts: Sequence[int]) -> float:
    start = clock(probe.model.device)
    evaluate(probe, plan, edit, facts, limits, lambda steps=1: None)
    return clock(probe.model.device) - start
