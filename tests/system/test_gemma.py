"""A real model, Gemma 3 270M: it is converted, passes the check, knows its facts, and is run as hooks run it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.types import LayerPair, Setting, all_pairs
from lrp2_bench.data.cldr.corpus import CldrCorpus
from lrp2_bench.data.mlama import MLama
from lrp2_bench.grid.plan import plan_grid
from lrp2_bench.interventions.projection import shifts
from lrp2_bench.models.generic.adapter import GenericModel
from lrp2_bench.models.loading import Checkpoint, find_checkpoint, load_model
from lrp2_bench.probing.pools import pool_of
from tests.support import naive
from tests.support.gemma import SHA256, gemma_settings, needs_gemma
from tests.support.paths import MLAMA_ZIP, needs_mlama
from tests.support.probing import baseline_hits, hits_of, probe_of, relation_of
from tests.support.vectors import vectors_of

pytestmark = [pytest.mark.system, needs_gemma, pytest.mark.timeout(3600)]

#: Early, late, near and far; the last block too.
DOZEN = [
    LayerPair(lirp=lirp, lsrp=lsrp)
    for lirp, lsrp in [(1, 2), (1, 18), (2, 9), (4, 8), (6, 12), (8, 10), (10, 18), (12, 17), (13, 15), (14, 16),
                       (16, 18), (17, 18)]
]  # fmt: skip


@pytest.fixture(scope="module")
def checkpoint() -> Checkpoint:
    return find_checkpoint(gemma_settings())


@pytest.fixture(scope="module")
def gemma(checkpoint: Checkpoint) -> GenericModel:
    model = load_model(checkpoint, gemma_settings())
    assert isinstance(model, GenericModel)
    return model


def test_its_file_is_named_and_how_it_was_quantised(checkpoint: Checkpoint) -> None:
    assert checkpoint.gguf is not None
    assert (checkpoint.gguf["sha256"], checkpoint.gguf["quantisation"]) == (SHA256, "Q4_K_M")
    assert "dequantised from Q8_0, Q5_0, Q4_K" in checkpoint.gguf["weights"]


def test_it_passes_the_check_and_runs_packed(gemma: GenericModel) -> None:
    """Decided causal by its architecture: its tokenizer has a mask token."""
    assert (gemma.blocks, gemma.hidden_size, gemma.vocab_size) == (18, 640, 262_144)
    assert gemma.tokenizer.mask_token == "<mask>"
    assert gemma.family == "causal"
    assert gemma.packs
    assert gemma.last_at_positions
    assert gemma.tokenize(["Paris"])[0][0] == gemma.tokenizer.bos_token_id


@pytest.mark.parametrize(
    ("template", "facts"),
    [
        (
            "The capital of [X] is [Y].",
            [("Russia", "Moscow"), ("Japan", "Tokyo"), ("France", "Paris"), ("Germany", "Berlin"), ("Egypt", "Cairo")],
        ),
        ("Die Hauptstadt von [X] ist [Y].", [("Russland", "Moskau"), ("Japan", "Tokio"), ("Frankreich", "Paris")]),
        ("[X]的首都是[Y]。", [("俄罗斯", "莫斯科"), ("日本", "东京"), ("法国", "巴黎")]),
    ],
)
def test_it_knows_its_capitals(template: str, facts: list[tuple[str, str]], gemma: GenericModel) -> None:
    others = ["Madrid", "Rome", "London", "Wien", "北京"]
    assert baseline_hits(gemma, relation_of(template, facts, others)).all()


def _vectors(gemma: GenericModel, language: str) -> torch.Tensor:
    """``[layer, hidden]``, of the sentences that ship."""
    return vectors_of(gemma, CldrCorpus(40).sentences(language, DataWarnings())).values


def _differ(gemma: GenericModel, language: str, relation: str, limit: int, pairs: Sequence[LayerPair]) -> np.ndarray:
    """Whether our hits differ from one hooked forward pass per pair, ``[configuration, fact]``; pools of ten."""
    asked = MLama(MLAMA_ZIP, relations=[relation], limit=limit).facts(language, "en", DataWarnings()).relations[0]
    source, pivot = (_vectors(gemma, code) for code in (language, "en"))
    plan, pool = plan_grid(gemma.blocks, pairs), pool_of(asked, 10, 0)
    ours = hits_of(probe_of(gemma, asked, pool=pool), len(asked.facts), plan, shifts(source, pivot))
    candidates = [[pool.labels[index] for index in allowed.nonzero()[0]] for allowed in pool.allowed]
    settings: Sequence[Setting] = plan.settings
    theirs = naive.evaluate(gemma.model, gemma.tokenizer, asked, candidates, settings, source, pivot)
    assert ours.shape == (len(pairs) + 1, limit)
    return (ours != theirs.hits) & ~theirs.too_close_to_call()


@needs_mlama
def test_a_fact_of_mlama_is_scored_as_by_one_hooked_forward_per_pair(gemma: GenericModel) -> None:
    assert not _differ(gemma, "de", "P36", 1, DOZEN).any()


@needs_mlama
@pytest.mark.slow
@pytest.mark.parametrize("language", ["de", "zh"])
@pytest.mark.parametrize("relation", ["P30", "P36"])
def test_every_pair_is_scored_as_by_one_hooked_forward(language: str, relation: str, gemma: GenericModel) -> None:
    assert not _differ(gemma, language, relation, 2, all_pairs(gemma.blocks)).any()
