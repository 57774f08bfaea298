"""The engine's hits of the interventions that are more than a vector a layer are those of plain hooked formulas."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.settings import ProjectionTokens
from lrp2_bench.core.types import NOT_EVALUATED, LayerPair, all_pairs
from lrp2_bench.data.mlama import MLama
from lrp2_bench.grid.plan import plan_grid
from lrp2_bench.interventions.registry import INTERVENTIONS
from lrp2_bench.interventions.tokens import on_tokens
from lrp2_bench.models.layered import LayeredModel
from lrp2_bench.probing.pools import pool_of
from tests.support import naive
from tests.support.families import build_family
from tests.support.formulas import all_but, changes, formula, last_of
from tests.support.interventions import edit_of
from tests.support.probing import hits_of, load, probe_of
from tests.support.tokenizers import DECODERS, special_of, with_tokenizer
from tests.support.vectors import random_vectors

#: By the names of their formulas; settings beside the kind.
CASES: dict[str, dict[str, Any]] = {
    "every_layer": {},
    "recover": {},
    "recover_norm": {"keep_norm": True},
    "subspace": {},
    "subspace_removal": {},
    "affine": {},
    "sparse": {"dimensions": 0.25},
}
#: Removal from a single token turns no answer of these models at 1.
STRENGTHS = {("subspace_removal", "last"): 20.0}
#: All other combinations are slow.
BY_DEFAULT = {
    ("llama", "recover_norm", "text"), ("bert", "subspace", "all"), ("bloom", "affine", "all"),
    ("bert", "sparse", "last"), ("llama", "every_layer", "last"),
}  # fmt: skip


def _cases() -> Iterator[object]:
    for case in product(("bert", "bloom", "llama"), CASES, ("all", "text", "last")):
        yield pytest.param(*case, marks=[] if case in BY_DEFAULT else pytest.mark.slow)


@pytest.fixture(scope="module")
def model_of(
    model_folder: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], LayeredModel]:
    """Decoders have a begin token."""
    made: dict[str, LayeredModel] = {}

    def make(name: str) -> LayeredModel:
        if name not in made:
            folder = tmp_path_factory.mktemp("edited") / name
            model = load(build_family(folder, name) if name == "llama" else model_folder(name))
            made[name] = with_tokenizer(model, DECODERS["begin"]) if model.family == "causal" else model
        return made[name]

    return make


@pytest.mark.parametrize(("architecture", "case", "tokens"), _cases())
def test_hits_are_those_of_one_hooked_pass_per_pair_by_the_plain_formula(
    architecture: str, case: str, tokens: str, model_of: Callable[[str], LayeredModel], toy_mlama: Path
) -> None:
    model, name = model_of(architecture), case.removesuffix("_norm")
    [relation] = MLama(toy_mlama, relations=["P36"]).facts("de", "en", DataWarnings()).relations
    language, pivot, other = (random_vectors(model, seed) for seed in (1, 2, 3))
    strength = STRENGTHS.get((case, tokens), 1.0)
    edit = edit_of(name, language, pivot, other, **CASES[case]).at_strength(strength, strength)
    edit = on_tokens(edit, ProjectionTokens(tokens), model)
    kind, settings = INTERVENTIONS.get(name), (None, *all_pairs(model.blocks))
    plan = plan_grid(model.blocks, kind.distinct_pairs(model.blocks))
    ours = np.full((len(settings), len(relation.facts)), NOT_EVALUATED, dtype=np.int8)
    rows = [settings.index(setting) for setting in plan.settings]
    ours[rows] = hits_of(probe_of(model, relation), len(relation.facts), plan, edit)
    ours = kind.spread(ours, model.blocks)

    pool = pool_of(relation, None, 0)
    still = special_of(model.tokenizer) if tokens != "all" else []
    pools = [[relation.fill(fact, label).text for label in pool.labels] for fact in relation.facts]
    causal = model.family == "causal"
    chosen = last_of(model.tokenizer, pools if causal else [], still) if tokens == "last" else all_but(still)
    theirs = naive.evaluate(
        model.model, model.tokenizer, relation, [list(pool.labels)] * len(relation.facts), settings, language, pivot,
        changes=changes(formula(case, language, pivot, other, strength, strength), chosen),
    )  # fmt: skip
    differing = ours != theirs.hits
    assert not (differing & ~theirs.too_close_to_call()).any()
    assert (ours[1:] != ours[0]).any(), "an edit that changes no answer would show nothing"


@pytest.mark.parametrize("case", CASES)
def test_strengths_there_and_back_are_those_of_the_formula(case: str) -> None:
    language, pivot, other = (torch.randn(5, 12, generator=torch.Generator().manual_seed(seed)) for seed in (1, 2, 3))
    edit = edit_of(case.removesuffix("_norm"), language, pivot, other, **CASES[case]).at_strength(0.5, 0.25)
    of, pair = formula(case, language, pivot, other, 0.5, 0.25), LayerPair(1, 3)
    hidden = torch.randn(2, 4, 12, generator=torch.Generator().manual_seed(4))
    for layer, act in ((1, edit.enter), (2, edit.between), (3, edit.leave)):
        # The first token is for the engine to spare.
        torch.testing.assert_close(act(layer, hidden)[:, 1:], of(hidden, layer, pair)[:, 1:], atol=1e-4, rtol=1e-4)
