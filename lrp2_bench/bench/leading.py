"""Facts picked by whether their right object leads its own length, which decides what a masked model's grid costs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from torch import Tensor

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.settings import GridSettings, ProbingSettings
from lrp2_bench.core.types import HIT, Relation
from lrp2_bench.grid.engine import evaluate
from lrp2_bench.grid.limits import limits_for
from lrp2_bench.grid.plan import GridPlan
from lrp2_bench.interventions.projection import shifts
from lrp2_bench.models.layered import LayeredModel
from lrp2_bench.probing.build import build_log_partition, build_probe
from lrp2_bench.probing.pools import Pool, pool_of

#: Facts looked at for each fact picked.
_LOOKED_AT = 6


def with_share_leading(
    model: LayeredModel,
    relation: Relation,
    plan: GridPlan,
    vectors: tuple[Tensor, Tensor],
    share: float,
    count: int,
    seed: int,
) -> Relation:
    """``count`` of the relation's facts, the ``share`` of which (or all there are) lead their own length in some
    setting of ``plan``: the first such ones among the first facts of the relation, then the first others."""
    some = replace(relation, facts=relation.facts[: _LOOKED_AT * count])
    pool = pool_of(some, None, seed)
    encoded = model.tokenizer(list(pool.labels), add_special_tokens=False)["input_ids"]
    lengths = np.array([len(ids) for ids in encoded])
    own = Pool(pool.labels, pool.gold, pool.allowed & (lengths == lengths[pool.gold][:, None]))
    grid = GridSettings()
    probe = build_probe(
        model, some, own, relation.name, ProbingSettings(), build_log_partition(model, grid), DataWarnings()
    )
    limits = limits_for(model, plan, grid)
    facts = range(len(some.facts))
    leads = (evaluate(probe, plan, shifts(*vectors), facts, limits, lambda steps=1: None) == HIT).any(axis=0)
    leading, others = leads.nonzero()[0].tolist(), (~leads).nonzero()[0].tolist()
    wanted = min(round(share * count), len(leading))
    picked = sorted([*leading[:wanted], *others[: count - wanted]])
    return replace(relation, facts=tuple(some.facts[fact] for fact in picked))
