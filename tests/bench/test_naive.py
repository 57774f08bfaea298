"""The naive evaluator runs what users have: decoders whose tokenizers have no token to pad with."""

from __future__ import annotations

from pathlib import Path

from lrp2_bench.bench.naive import evaluate_naively, hooked_forward
from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.types import LayerPair
from lrp2_bench.data.mlama import MLama
from lrp2_bench.grid.plan import plan_grid
from lrp2_bench.interventions.projection import shifts
from lrp2_bench.probing.pools import pool_of
from tests.support.families import build_family
from tests.support.probing import hits_of, load, probe_of
from tests.support.tokenizers import DECODERS, with_tokenizer
from tests.support.vectors import random_vectors


def test_a_tokenizer_without_padding_gives_the_engines_hits(tmp_path: Path, toy_mlama: Path) -> None:
    model = with_tokenizer(load(build_family(tmp_path, "llama")), DECODERS["begin"])
    assert model.tokenizer.pad_token is None
    [relation] = MLama(toy_mlama, relations=["P36"]).facts("de", "en", DataWarnings()).relations
    language, pivot = random_vectors(model, 1), random_vectors(model, 2)
    plan, pool = plan_grid(model.blocks, [LayerPair(1, 3)]), pool_of(relation, None, 0)
    ours = hits_of(probe_of(model, relation, pool=pool), len(relation.facts), plan, shifts(language, pivot))
    forward = hooked_forward(model, language, pivot)
    theirs = evaluate_naively(model, relation, pool, plan.settings, forward, lambda done: None)
    assert not ((ours != theirs.hits) & ~theirs.close()).any() and (ours[0] != ours[1]).any()
