"""The engine's hits of every ablation are those of one hooked forward pass per pair, moved as the ablation says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.types import NOT_EVALUATED, Hits, Relation, Setting, all_pairs
from lrp2_bench.data.mlama import MLama
from lrp2_bench.grid.frontier import FrontierRunner
from lrp2_bench.grid.plan import plan_grid
from lrp2_bench.interventions.base import Edit
from lrp2_bench.interventions.projection import shifts
from lrp2_bench.interventions.random import random_shifts
from lrp2_bench.interventions.registry import INTERVENTIONS
from lrp2_bench.models.layered import LayeredModel, TokenBatch
from lrp2_bench.probing.pools import pool_of
from lrp2_bench.probing.probe import Queries
from tests.support import naive
from tests.support.interventions import edit_of
from tests.support.probing import hits_of, load, probe_of
from tests.support.vectors import random_vectors

SIDES = {"lirp_only": ("lirp",), "lsrp_only": ("lsrp",)}
#: Ours that add and subtract a vector a layer, which the naive form does too.
VECTORS = ("lrp2", "lirp_only", "lsrp_only", "random", "shuffled", "other_pivot")


@pytest.mark.parametrize("name", VECTORS)
@pytest.mark.parametrize("architecture", ["bert", "bloom"])
def test_an_ablations_hits_are_those_of_one_hooked_pass_per_pair(
    architecture: str, name: str, model_folder: Callable[[str], Path], toy_mlama: Path
) -> None:
    model = load(model_folder(architecture))
    [relation] = MLama(toy_mlama, relations=["P36"]).facts("de", "en", DataWarnings()).relations
    # The third language's vectors, in whichever place the ablation puts them.
    language, pivot, other = (random_vectors(model, seed) for seed in (1, 2, 3))
    source = other if name == "shuffled" else language
    target = other if name == "other_pivot" else pivot
    ours = _filled(model, relation, name, edit_of(name, language, pivot, other, seed=7))
    if name == "random":
        source, target = torch.zeros_like(language), random_shifts(shifts(language, pivot), 7, "de")

    settings = (None, *all_pairs(model.blocks))
    pool = pool_of(relation, None, 0)
    theirs = naive.evaluate(
        model.model, model.tokenizer, relation, [list(pool.labels)] * len(relation.facts), settings, source, target,
        sides=SIDES.get(name, ("lirp", "lsrp")),
    )  # fmt: skip
    differing = ours != theirs.hits
    assert not (differing & ~theirs.too_close_to_call()).any()
    assert (ours[1:] != ours[0]).any(), "vectors that change no answer would show nothing"


class _EveryLayer(Edit):
    """Not a constant vector at two layers: scales states on entry, shifts them behind it, and scales them back."""

    acts_between = True

    def __init__(self, shift: Tensor) -> None:
        self.shift = shift

    def enter(self, layer: int, hidden: Tensor) -> Tensor:
        return 1.5 * hidden

    def between(self, layer: int, hidden: Tensor) -> Tensor:
        return hidden + self.shift[layer]

    def leave(self, layer: int, hidden: Tensor) -> Tensor:
        return hidden / 1.5 - self.shift[layer]


@pytest.mark.parametrize("architecture", ["bert", "bloom"])
def test_an_edit_at_every_layer_gives_the_final_states_of_one_pass_per_pair(
    architecture: str, model_folder: Callable[[str], Path]
) -> None:
    model = load(model_folder(architecture))
    edit = _EveryLayer(random_vectors(model, 5, 1.0))
    settings = (None, *all_pairs(model.blocks))
    tokens = model.batch([[5, 6, 7, 8], [9, 8, 7]])
    last = torch.tensor([[3], [2]])
    runner = FrontierRunner(model, plan_grid(model.blocks, settings[1:]), edit, 64)
    with torch.inference_mode():
        final = runner(Queries(tokens, last), torch.ones(2, len(settings), dtype=torch.bool))
        for hidden, query, setting in zip(final.hidden, final.query.tolist(), final.setting.tolist(), strict=True):
            want = _one_pass(model, edit, settings[setting], tokens)[query, int(last[query])]
            torch.testing.assert_close(hidden.flatten(), want, atol=1e-4, rtol=1e-4)


def _one_pass(model: LayeredModel, edit: Edit, pair: Setting, tokens: TokenBatch) -> Tensor:
    context, hidden = model.context(tokens), model.embed(tokens)
    for k in range(1, model.blocks + 1):
        hidden = model.block(k, hidden, context)
        if pair is None or not pair.lirp <= k <= pair.lsrp:
            continue
        act = edit.enter if k == pair.lirp else edit.leave if k == pair.lsrp else edit.between
        hidden = act(k, hidden)
    return hidden


def _filled(model: LayeredModel, relation: Relation, name: str, edit: Edit) -> Hits:
    """``[setting, fact]`` of the baseline and every pair, from the evaluated ones alone."""
    kind = INTERVENTIONS.get(name)
    plan = plan_grid(model.blocks, kind.distinct_pairs(model.blocks))
    found = hits_of(probe_of(model, relation), len(relation.facts), plan, edit)
    everything = (None, *all_pairs(model.blocks))
    hits = np.full((len(everything), len(relation.facts)), NOT_EVALUATED, dtype=np.int8)
    hits[[everything.index(setting) for setting in plan.settings]] = found
    filled = kind.spread(hits, model.blocks)
    assert NOT_EVALUATED not in filled
    return filled


def test_one_side_alone_costs_a_fraction_of_the_grid() -> None:
    cost = {name: plan_grid(12, INTERVENTIONS.get(name).distinct_pairs(12)).block_runs for name in VECTORS}
    assert cost["lrp2"] == cost["random"] == 298
    assert cost["lirp_only"] == 12 + 66
    assert cost["lsrp_only"] == 12 + 11 + 55
