"""The contract of the generic adapter, for every family: Hugging Face's own forward, and the naive evaluator's hits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.settings import Precision, ProbingSettings, SentenceScore
from lrp2_bench.core.types import all_pairs
from lrp2_bench.data.mlama import MLama
from lrp2_bench.grid.plan import plan_grid
from lrp2_bench.interventions.projection import shifts
from lrp2_bench.models.generic.adapter import GenericModel
from lrp2_bench.models.generic.check import layers_of, packed
from lrp2_bench.models.layered import take
from lrp2_bench.probing.pools import pool_of
from tests.support import naive
from tests.support.families import EVERY, REGISTERED, blocks_of, load_generic
from tests.support.probing import hits_of, probe_of
from tests.support.vectors import random_vectors

#: One of each kind: rotary, windows in a dict, soft caps, several rotaries, absolute places, ALiBi, scales, experts, a
#: head entered again, recurrence, masks by index, and encoders with windows, relative places and shared blocks.
REPRESENTATIVE = {"llama", "gemma2", "gemma3-multimodal", "gpt2", "falcon-alibi", "cohere2", "minicpm3", "mixtral",
                  "gpt_neo", "lfm2", "modernbert", "mdeberta", "albert", "mpnet"}  # fmt: skip

SENTENCES = ["Die Hauptstadt von Frankreich ist Paris .", "Japan liegt in Asien .", "法国的首都是巴黎。", "Paris"]

TOLERANCE = 2e-5  # of the spread


def _marked(names: set[str], kind: str | None = None) -> list[object]:
    """Every family (of a ``kind``), those that are neither in ``names`` nor a new architecture's marked slow."""
    families = [name for name, family in EVERY.items() if kind in (None, family.family)]
    return [
        name if name in names | REGISTERED.keys() else pytest.param(name, marks=pytest.mark.slow) for name in families
    ]


@pytest.fixture(params=_marked(REPRESENTATIVE))
def model(request: pytest.FixtureRequest, family_model: Callable[[str], GenericModel]) -> GenericModel:
    return family_model(request.param)


@pytest.fixture(params=_marked(REPRESENTATIVE, "causal"))
def causal(request: pytest.FixtureRequest, family_model: Callable[[str], GenericModel]) -> GenericModel:
    model = family_model(request.param)
    assert model.packs == EVERY[request.param].packs
    return model


def _assert_equal(ours: torch.Tensor, own: torch.Tensor, where: str) -> None:
    difference = float((ours - own).abs().max() / own.std())
    assert difference <= TOLERANCE, f"{where}: {difference:.2g} of the spread"


@torch.inference_mode()
def test_every_block_and_the_logits_equal_hugging_faces_forward(model: GenericModel) -> None:
    batch = model.batch([model.tokenizer(text)["input_ids"] for text in SENTENCES])
    given: list[torch.Tensor] = []
    states: list[torch.Tensor] = []

    def before(module: object, args: tuple[torch.Tensor, ...], named: dict[str, torch.Tensor]) -> None:
        given.append(args[0] if args else named["hidden_states"])

    def after(module: object, args: object, output: torch.Tensor | tuple[torch.Tensor, ...]) -> None:
        states.append(output[0] if isinstance(output, tuple) else output)

    blocks = list(blocks_of(model.model))
    handles = [block.register_forward_hook(after) for block in blocks]
    handles.append(blocks[0].register_forward_pre_hook(before, with_kwargs=True))
    try:
        own = model.model(batch.ids, attention_mask=batch.keep.long(), use_cache=False).logits
    finally:
        for handle in handles:
            handle.remove()
    assert len(states) == model.blocks == 4
    for together in (False, True):
        ours = layers_of(model, batch, together=together)
        for row, length in enumerate(batch.keep.sum(dim=1).tolist()):
            for layer, expected in enumerate([given[0], *states]):
                _assert_equal(ours[layer][row], expected[row, :length], f"row {row}, layer {layer}")
            _assert_equal(model.logits(ours[-1][row]), own[row, :length], f"row {row}, logits")


@torch.inference_mode()
def test_a_packed_tree_equals_its_sentences_by_themselves_or_is_known_not_to(causal: GenericModel) -> None:
    model, differing = causal, 0
    stem, *branches = ([*range(first, first + count)] for first, count in ((40, 7), (60, 3), (70, 1), (80, 6), (90, 2)))
    tree = packed(model, stem, branches)
    ours = model.logits(layers_of(model, tree)[-1][0])
    start = len(stem)
    for branch in branches:
        own = model.own(model.batch([stem + branch])).logits[0]
        mine = torch.cat([ours[: len(stem)], ours[start : start + len(branch)]])
        if model.packs:
            _assert_equal(mine, own, f"branch at {start}")
        differing += not torch.allclose(mine, own, atol=1e-2)
        start += len(branch)
    assert model.packs or differing


@torch.inference_mode()
def test_a_block_at_some_positions_equals_the_whole_block_there(model: GenericModel) -> None:
    batch = model.batch([model.tokenizer(text)["input_ids"] for text in SENTENCES])
    positions = torch.tensor([[0, 7], [4, 1], [2, 2], [0, 0]])
    context, hidden = model.context(batch), model.embed(batch)
    rows, positions = torch.tensor([2, 0, 1, 0]), positions[[2, 0, 1, 0]]
    for k in range(1, model.blocks):
        hidden = model.block(k, hidden, context)
    there = context.select(rows, 9)
    hidden = hidden[rows, :9]
    _assert_equal(
        model.block_at(model.blocks, hidden, there, positions),
        take(model.block(model.blocks, hidden, there), positions),
        "last block",
    )


@torch.inference_mode()
def test_the_longest_sequence_the_model_holds_runs_and_equals_its_forward(model: GenericModel) -> None:
    batch = model.batch([[5 + number % 50 for number in range(min(model.max_tokens or 100, 100))]])
    ours = model.logits(layers_of(model, batch)[-1][0])
    _assert_equal(ours, model.own(batch).logits[0], "logits")


def test_hits_are_those_of_one_hooked_forward_per_pair(model: GenericModel, toy_mlama: Path) -> None:
    _assert_naive_hits(model, toy_mlama, SentenceScore.sum)


@pytest.mark.parametrize("family", _marked({"gemma2", "lfm2"}, "causal"))
def test_hits_by_mean_scores_are_those_of_one_hooked_forward_per_pair(
    family: str, family_model: Callable[[str], GenericModel], toy_mlama: Path
) -> None:
    _assert_naive_hits(family_model(family), toy_mlama, SentenceScore.mean)


def _assert_naive_hits(model: GenericModel, toy_mlama: Path, score: SentenceScore) -> None:
    relation = MLama(toy_mlama, relations=["P36"]).facts("de", "en", DataWarnings()).relations[0]
    language, pivot = random_vectors(model, 1), random_vectors(model, 2)
    plan, pool = plan_grid(4, all_pairs(4)), pool_of(relation, None, 0)
    probe = probe_of(model, relation, probing=ProbingSettings(sentence_score=score), pool=pool)
    ours = hits_of(probe, len(relation.facts), plan, shifts(language, pivot))
    candidates = [[pool.labels[index] for index in allowed.nonzero()[0]] for allowed in pool.allowed]
    theirs = naive.evaluate(
        model.model, model.tokenizer, relation, candidates, plan.settings, language, pivot,
        mean=score is SentenceScore.mean,
    )  # fmt: skip
    differing = ours != theirs.hits
    assert not (differing & ~theirs.too_close_to_call()).any()
    assert len({tuple(row) for row in np.asarray(theirs.hits).tolist()}) > 1, "pairs that all hit alike prove nothing"


@pytest.mark.parametrize("family", ["llama", "gemma2", "modernbert"])
def test_half_precision_stays_near_float32(
    family: str, family_model: Callable[[str], GenericModel], family_folder: Callable[[str], Path]
) -> None:
    whole, half = family_model(family), load_generic(family_folder(family), precision=Precision.bfloat16)
    assert (whole.precision, half.precision) == ("float32", "bfloat16")
    sentences = [whole.tokenizer(text)["input_ids"] for text in SENTENCES]
    with torch.inference_mode():
        ours, theirs = (model.logits(layers_of(model, model.batch(sentences))[-1][0]) for model in (half, whole))
    assert 0 < float((ours - theirs).abs().max()) < 0.1 * float(theirs.std())
