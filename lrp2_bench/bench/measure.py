"""One case of the benchmark: ours over the whole grid, the naive evaluators over a sample of it, in one run."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from lrp2_bench.bench.naive import Forward, NaiveHits, evaluate_naively
from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.settings import GridSettings, ProbingSettings
from lrp2_bench.core.types import HIT, Hits, LayerPair, Relation
from lrp2_bench.grid.cost import (
    floor,
    log_partition_flops,
    model_shape,
    naive_cost,
    partial_log_partition_flops,
)
from lrp2_bench.grid.engine import evaluate
from lrp2_bench.grid.limits import limits_for
from lrp2_bench.grid.plan import GridPlan
from lrp2_bench.interventions.projection import shifts
from lrp2_bench.models.devices import clock
from lrp2_bench.models.half import halve
from lrp2_bench.models.layered import LayeredModel
from lrp2_bench.probing.build import build_log_partition, build_probe
from lrp2_bench.probing.pools import Pool

#: Seconds a matrix-product peak is measured for.
_PEAK_SECONDS = 1.0


@dataclass(frozen=True)
class Ours:
    """What the engine did on one relation; ``q`` and ``r`` are the shares that decide what it saves.

    ``flops`` are those that are certain and the log-partitions computed: a masked model's other lengths come on top.
    """

    hits: Hits
    seconds: float
    setup_seconds: float
    q: float
    r: float
    exact_share: float
    rows: float  # log-partitions over the whole vocabulary for each cell, in any number format
    partial_rows: float  # over the tokens that lead
    floor_flops: float
    flops: float
    ceiling: float  # operations of one pass a setting, for each of ours


@dataclass(frozen=True)
class Naive:
    """What an evaluator without shared work did on ``sampled`` settings, and would have taken for all of them."""

    name: str
    seconds: float
    sampled: int
    differing: int
    not_close: int
    close: int
    cells: int


def matrix_peak(device: torch.device) -> float:
    """The best rate of float32 products of the sizes in play, in operations per second."""
    sizes = [(2048, 1024, 4096), (2048, 4096, 1024)] if device.type == "cpu" else [(16384, 4096, 4096)]
    best = 0.0
    for rows, inner, columns in sizes:
        a, b = torch.randn(rows, inner, device=device), torch.randn(inner, columns, device=device)
        start = clock(device)
        while clock(device) - start < _PEAK_SECONDS:
            once = clock(device)
            _ = a @ b
            best = max(best, 2.0 * rows * inner * columns / (clock(device) - once))
    return best


def run_ours(
    model: LayeredModel,
    relation: Relation,
    pool: Pool,
    plan: GridPlan,
    vectors: tuple[Tensor, Tensor],
    grid: GridSettings,
) -> Ours:
    """The engine over the whole plan, after a first fact by itself: like the others it is measured warm."""
    start = clock(model.device)
    log_partition = build_log_partition(model, grid)
    limits = limits_for(model, plan, grid)
    first = build_probe(
        model, _first(relation), _first_pool(pool), relation.name, ProbingSettings(), log_partition, DataWarnings()
    )
    evaluate(first, plan, shifts(*vectors), range(1), limits, lambda steps=1: None)
    setup = clock(model.device) - start
    start = clock(model.device)
    probe = build_probe(model, relation, pool, relation.name, ProbingSettings(), log_partition, DataWarnings())
    hits = evaluate(probe, plan, shifts(*vectors), range(len(relation.facts)), limits, lambda steps=1: None)
    seconds = clock(model.device) - start
    counts, shape = probe.counts, model_shape(model)
    work = probe.workload(limits.query_tokens)
    least = floor(shape, plan, work.certain)
    asked = max(1, counts.log_partitions)
    rows = counts.rough_log_partitions + counts.exact_log_partitions
    flops = least + log_partition_flops(shape, rows)
    flops += partial_log_partition_flops(shape, counts.partial_log_partitions)
    return Ours(
        hits=hits,
        seconds=seconds,
        setup_seconds=setup,
        q=counts.undecided_facts / max(1, counts.facts),
        r=max(counts.rough_log_partitions, counts.exact_log_partitions) / asked,
        exact_share=counts.exact_log_partitions / asked,
        rows=rows / max(1, counts.cells),
        partial_rows=counts.partial_log_partitions / max(1, counts.cells),
        floor_flops=least,
        flops=flops,
        ceiling=naive_cost(shape, plan, work.certain + work.possible).flops / flops,
    )


def run_naive(
    name: str,
    forward: Forward,
    model: LayeredModel,
    relation: Relation,
    pool: Pool,
    settings: Sequence[LayerPair | None],
    sample: Sequence[int],
    ours: Hits,
) -> Naive:
    """Time ``sample`` of the settings and compare their hits with ours; seconds are scaled to all settings."""
    chosen = [settings[number] for number in sample]
    evaluate_naively(model, _first(relation), _first_pool(pool), chosen[:1], forward, lambda done: None)  # warm up
    start = clock(model.device)
    theirs: NaiveHits = evaluate_naively(model, relation, pool, chosen, forward, lambda done: None)
    seconds = (clock(model.device) - start) * len(settings) / len(chosen)
    differing = theirs.hits != ours[list(sample)]
    return Naive(
        name=name,
        seconds=seconds,
        sampled=len(chosen),
        differing=int(differing.sum()),
        not_close=int((differing & ~theirs.close()).sum()),
        close=int(theirs.close().sum()),
        cells=int(differing.size),
    )


def in_bfloat16(model: LayeredModel) -> LayeredModel:
    """A copy of the model whose blocks multiply in bfloat16."""
    copied = copy.deepcopy(model.model)
    halve(copied, torch.bfloat16)
    return type(model)(copied, model.tokenizer)


def agreement(ours: Hits, theirs: Hits) -> float:
    """Of the cells that either hits, the share that both hit; 1 where neither hits any."""
    both, either = (ours == HIT) & (theirs == HIT), (ours == HIT) | (theirs == HIT)
    return float(both.sum() / either.sum()) if either.any() else 1.0


def spread_sample(settings: int, count: int) -> list[int]:
    """``count`` settings spread evenly over all, the baseline among them."""
    return sorted({round(number) for number in np.linspace(0, settings - 1, min(count, settings))})


def hit_rate(hits: Hits) -> float:
    return float((hits == HIT).mean())


def _first(relation: Relation) -> Relation:
    return replace(relation, facts=relation.facts[:1])


def _first_pool(pool: Pool) -> Pool:
    return Pool(pool.labels, pool.gold[:1], pool.allowed[:1])
