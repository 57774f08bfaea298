"""The engine's hits of every ablation are those of one hooked forward pass per pair, moved as the ablation says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.settings import ProjectionKind
from lrp2_bench.core.types import NOT_EVALUATED, Hits, Relation, all_pairs
from lrp2_bench.data.mlama import MLama
from lrp2_bench.grid.plan import plan_grid
from lrp2_bench.interventions.ablations import distinct_pairs, spread
from lrp2_bench.interventions.moves import moves, random_shifts
from lrp2_bench.interventions.projection import Moves, shifts
from lrp2_bench.models.layered import LayeredModel
from lrp2_bench.probing.pools import pool_of
from tests.support import naive
from tests.support.probing import hits_of, load, probe_of
from tests.support.vectors import random_vectors

SIDES = {ProjectionKind.lirp_only: ("lirp",), ProjectionKind.lsrp_only: ("lsrp",)}


@pytest.mark.parametrize("kind", list(ProjectionKind), ids=lambda kind: kind.name)
@pytest.mark.parametrize("architecture", ["bert", "bloom"])
def test_an_ablations_hits_are_those_of_one_hooked_pass_per_pair(
    architecture: str, kind: ProjectionKind, model_folder: Callable[[str], Path], toy_mlama: Path
) -> None:
    model = load(model_folder(architecture))
    [relation] = MLama(toy_mlama, relations=["P36"]).facts("de", "en", DataWarnings()).relations
    # The third language's vectors, in whichever place the ablation puts them.
    language, pivot, other = (random_vectors(model, seed) for seed in (1, 2, 3))
    source = other if kind is ProjectionKind.shuffled else language
    target = other if kind is ProjectionKind.other_pivot else pivot
    moved = moves(kind, shifts(source, target), 7, "de")
    ours = _filled(model, relation, kind, moved)
    if kind is ProjectionKind.random:
        source, target = torch.zeros_like(language), random_shifts(shifts(language, pivot), 7, "de")

    settings = (None, *all_pairs(model.blocks))
    pool = pool_of(relation, None, 0)
    theirs = naive.evaluate(
        model.model, model.tokenizer, relation, [list(pool.labels)] * len(relation.facts), settings, source, target,
        sides=SIDES.get(kind, ("lirp", "lsrp")),
    )  # fmt: skip
    differing = ours != theirs.hits
    assert not (differing & ~theirs.too_close_to_call()).any()
    assert (ours[1:] != ours[0]).any(), "vectors that change no answer would show nothing"


def _filled(model: LayeredModel, relation: Relation, kind: ProjectionKind, moved: Moves) -> Hits:
    """``[setting, fact]`` of the baseline and every pair, from the evaluated ones alone."""
    plan = plan_grid(model.blocks, distinct_pairs(kind, model.blocks))
    found = hits_of(probe_of(model, relation), len(relation.facts), plan, moved)
    everything = (None, *all_pairs(model.blocks))
    hits = np.full((len(everything), len(relation.facts)), NOT_EVALUATED, dtype=np.int8)
    hits[[everything.index(setting) for setting in plan.settings]] = found
    filled = spread(kind, hits, model.blocks)
    assert NOT_EVALUATED not in filled
    return filled


def test_one_side_alone_costs_a_fraction_of_the_grid() -> None:
    cost = {kind: plan_grid(12, distinct_pairs(kind, 12)).block_runs for kind in ProjectionKind}
    assert cost[ProjectionKind.lrp2] == cost[ProjectionKind.random] == 298
    assert cost[ProjectionKind.lirp_only] == 12 + 66
    assert cost[ProjectionKind.lsrp_only] == 12 + 11 + 55
