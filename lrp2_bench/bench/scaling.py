"""How the engine's cost grows with facts, pairs, blocks and candidates: as a plan predicts it, and measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from lrp2_bench.bench.models import RandomModel, random_model, random_vectors
from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.settings import GridSettings, ProbingSettings
from lrp2_bench.core.types import Relation, all_pairs
from lrp2_bench.grid.cost import grid_cost, model_shape
from lrp2_bench.grid.engine import evaluate
from lrp2_bench.grid.limits import limits_for
from lrp2_bench.grid.pilot import estimate
from lrp2_bench.grid.plan import plan_grid
from lrp2_bench.interventions.projection import shifts
from lrp2_bench.models.devices import clock
from lrp2_bench.models.layered import LayeredModel
from lrp2_bench.probing.build import build_log_partition, build_probe
from lrp2_bench.probing.pools import pool_of

#: Sizes between the testbed's and the paper's, so that a curve takes a minute; the heads are as wide as the paper's.
SIZES = {
    "masked": RandomModel("scaled mbert", "bert", 12, 384, 6, 119_547, 0.05),
    "causal": RandomModel("scaled bloom", "bloom", 12, 512, 8, 250_880, 0.03),
}
#: What is varied; the middle of each stands while another varies.
FACTS = {"masked": (8, 16, 32, 64, 128), "causal": (1, 2, 4, 8, 16)}
STANDING = {"masked": (32, 66, 12, None), "causal": (4, 66, 12, 10)}
PAIRS, BLOCKS = (1, 4, 16, 66), (4, 8, 12, 16, 24)
CANDIDATES = {"masked": (2, 8, 32, 128, None), "causal": (2, 5, 10, 20, 40)}


@dataclass(frozen=True)
class Point:
    """One run. ``candidates`` None: the relation's full pool."""

    family: str
    varied: str
    facts: int
    pairs: int
    blocks: int
    candidates: int | None
    predicted: float  # seconds
    measured: float
    tflop: float  # certain


def scaling(relation: Relation, texts: Sequence[str], device: torch.device, seed: int) -> Iterator[Point]:
    """The points of both families, one after the other; ``relation`` should have facts and a pool enough."""
    for family, size in SIZES.items():
        facts, pairs, blocks, candidates = STANDING[family]
        standing = random_model(size, texts, device, seed)
        for varied, values in (
            ("facts", FACTS[family]),
            ("pairs", PAIRS),
            ("candidates", CANDIDATES[family]),
            ("blocks", BLOCKS),
        ):
            for value in values:
                now = {"facts": facts, "pairs": pairs, "blocks": blocks, "candidates": candidates, varied: value}
                depth = now["blocks"] or 0
                alike = depth == blocks
                model = standing if alike else random_model(replace(size, blocks=depth), texts, device, seed)
                # All pairs of another depth are another number of pairs.
                count = depth * (depth - 1) // 2 if varied == "blocks" else now["pairs"] or 0
                yield _point(model, relation, varied, now["facts"] or 0, count, now["candidates"], seed)


def _point(
    model: LayeredModel, relation: Relation, varied: str, facts: int, pairs: int, candidates: int | None, seed: int
) -> Point:
    everything = all_pairs(model.blocks)
    places = np.linspace(0, len(everything) - 1, pairs).round().astype(int)
    plan = plan_grid(model.blocks, [everything[place] for place in places])
    grid = GridSettings()
    some = replace(relation, facts=relation.facts[:facts])
    probe = build_probe(
        model, some, pool_of(some, candidates, seed), some.name, ProbingSettings(), build_log_partition(model, grid),
        DataWarnings(),
    )  # fmt: skip
    limits = limits_for(model, plan, grid)
    moved = shifts(*random_vectors(model, seed))
    predicted = estimate([probe], plan, moved, limits, seed)
    start = clock(model.device)
    evaluate(probe, plan, moved, range(len(some.facts)), limits, lambda steps=1: None)
    return Point(
        family=model.family,
        varied=varied,
        facts=len(some.facts),
        pairs=pairs,
        blocks=model.blocks,
        candidates=candidates,
        predicted=predicted.seconds,
        measured=clock(model.device) - start,
        tflop=grid_cost(model_shape(model), plan, probe.workload(limits.query_tokens).certain).flops / 1e12,
    )
