"""The contract of the encoder-decoder adapter, for every family: Hugging Face's own forward, and the naive hits."""

from __future__ import annotations

import itertools
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
from lrp2_bench.models.generic.check import layers_of, packed
from lrp2_bench.models.half import HalfMatrix
from lrp2_bench.models.layered import LayeredModel, take
from lrp2_bench.models.seq2seq.adapter import Seq2SeqModel
from lrp2_bench.probing.pools import pool_of
from tests.support import naive
from tests.support.loading import load_as
from tests.support.probing import hits_of, probe_of
from tests.support.seq2seq import SEQ2SEQ, build_seq2seq
from tests.support.vectors import random_vectors

SENTENCES = [
    "Die Hauptstadt von Frankreich ist <extra_id_0> .",
    "Japan liegt in Asien .",
    "法国的首都是巴黎。",
    "Paris",
]

TOLERANCE = 2e-5  # of the spread


@pytest.fixture(params=SEQ2SEQ)
def model(request: pytest.FixtureRequest, seq2seq_model: Callable[[str], Seq2SeqModel]) -> Seq2SeqModel:
    return seq2seq_model(request.param)


def _assert_equal(ours: torch.Tensor, own: torch.Tensor, where: str) -> None:
    difference = float((ours - own).abs().max() / own.std())
    assert difference <= TOLERANCE, f"{where}: {difference:.2g} of the spread"


@torch.inference_mode()
def test_every_encoder_block_equals_hugging_faces_encoder(model: Seq2SeqModel) -> None:
    batch = model.batch(model.tokenize(SENTENCES))
    own: list[torch.Tensor] = []
    keep = lambda module, inputs, output: own.append(output[0] if isinstance(output, tuple) else output)  # noqa: E731
    handles = [block.register_forward_hook(keep) for block in naive.blocks_of(model.model)]
    try:
        embedded = model.model.encoder(batch.ids, batch.keep.long(), output_hidden_states=True).hidden_states[0]
    finally:
        for handle in handles:
            handle.remove()
    own.insert(0, embedded)
    for together in (False, True):
        ours = layers_of(model, batch, together=together)
        assert len(ours) == len(own) == model.blocks + 1 == 5
        for row, length in enumerate(batch.keep.sum(dim=1).tolist()):
            for layer, states in enumerate(own):
                _assert_equal(ours[layer][row], states[row, :length], f"row {row}, layer {layer}")


@torch.inference_mode()
def test_a_packed_tree_of_targets_equals_hugging_faces_forward_over_each_of_them(model: Seq2SeqModel) -> None:
    (ids,) = model.tokenize(SENTENCES[:1])
    stem, branches = (
        [model.start, model.sentinels.opening],
        [[*range(first, first + count)] for first, count in ((60, 3), (70, 1), (80, 9), (90, 2))],
    )
    # Behind another sentence's row, so that padding must not be looked at.
    batch = model.batch([ids, [*ids, *ids]])
    last = torch.stack([torch.nn.functional.pad(states, (0, 0, 0, 2 * len(ids) - len(states)))
                        for states in layers_of(model, batch)[-1]])  # fmt: skip
    tree = packed(model, stem, branches)
    ours = model.logits(model.decode(last[:1], batch.keep[:1], tree))[0]
    start = len(stem)
    for branch in branches:
        own = model.model(
            input_ids=torch.tensor([ids]), decoder_input_ids=torch.tensor([stem + branch]), use_cache=False
        ).logits[0]
        mine = torch.cat([ours[: len(stem)], ours[start : start + len(branch)]])
        _assert_equal(mine, own, f"branch at {start}")
        start += len(branch)


@torch.inference_mode()
def test_a_block_at_some_positions_equals_the_whole_block_there(model: Seq2SeqModel) -> None:
    batch = model.batch(model.tokenize(SENTENCES))
    rows, positions = torch.tensor([2, 0, 0]), torch.tensor([[0, 4], [3, 1], [2, 2]])
    there = model.context(batch).select(rows, 8)
    hidden = model.embed(batch)[rows, :8]
    for k in (1, model.blocks):
        assert torch.equal(model.block_at(k, hidden, there, positions), take(model.block(k, hidden, there), positions))


def _naive_hits(
    model: LayeredModel, toy_mlama: Path, probing: ProbingSettings, pool_size: int | None
) -> tuple[np.ndarray, naive.NaiveResult]:
    relation = MLama(toy_mlama, relations=["P36"]).facts("de", "en", DataWarnings()).relations[0]
    language, pivot = random_vectors(model, 1, 3), random_vectors(model, 2, 3)
    plan, pool = plan_grid(4, all_pairs(4)), pool_of(relation, pool_size, 0)
    probe = probe_of(model, relation, probing=probing, pool=pool)
    ours = hits_of(probe, len(relation.facts), plan, shifts(language, pivot))
    candidates = [[pool.labels[index] for index in allowed.nonzero()[0]] for allowed in pool.allowed]
    theirs = naive.evaluate(
        model.model, model.tokenizer, relation, candidates, plan.settings, language, pivot,
        mean=probing.sentence_score is not SentenceScore.sum, closing=probing.closing_sentinel,
    )  # fmt: skip
    return ours, theirs


def _ways() -> list[object]:
    """Every family by default, one of them in the opposite way; all others are slow."""
    ways = itertools.product(SEQ2SEQ, (None, SentenceScore.sum), (False, True), (None, 4))
    default = (None, False, None), (SentenceScore.sum, True, 4)
    return [
        way if way[1:] == default[0] or (way[0] == "umt5" and way[1:] == default[1]) else
        pytest.param(*way, marks=pytest.mark.slow)
        for way in ways
    ]  # fmt: skip


@pytest.mark.parametrize(("family", "score", "closing", "pool_size"), _ways())
def test_hits_are_those_of_one_hooked_forward_per_pair(
    family: str, score: SentenceScore | None, closing: bool, pool_size: int | None,
    seq2seq_model: Callable[[str], Seq2SeqModel], toy_mlama: Path,
) -> None:  # fmt: skip
    model = seq2seq_model(family)
    probing = ProbingSettings(sentence_score=score, closing_sentinel=closing)
    ours, theirs = _naive_hits(model, toy_mlama, probing, pool_size)
    assert not ((ours != theirs.hits) & ~theirs.too_close_to_call()).any()
    assert len({tuple(row) for row in np.asarray(theirs.hits).tolist()}) > 1, "pairs that all hit alike prove nothing"


@pytest.mark.parametrize(
    ("family", "precision"), [("umt5", Precision.bfloat16), ("mt5", Precision.float16), ("t5", Precision.bfloat16)]
)
@torch.inference_mode()
def test_half_precision_stays_near_float32(family: str, precision: Precision, tmp_path: Path) -> None:
    build_seq2seq(tmp_path, family, spread=0.1)
    logits = []
    for asked in (Precision.float32, precision):
        model = load_as(tmp_path, precision=asked)
        assert isinstance(model, Seq2SeqModel)
        assert model.precision == asked.value
        batch = model.batch(model.tokenize(SENTENCES[:1]))
        last = layers_of(model, batch)[-1][0].unsqueeze(0)
        assert last.dtype is torch.float32
        tree = packed(model, [model.start, model.sentinels.opening], [[60, 61], [70]])
        logits.append(model.logits(model.decode(last, batch.keep, tree)))
    assert 0 < float((logits[1] - logits[0]).abs().max()) < 0.1 * float(logits[0].std())


def test_the_second_map_stays_in_float32_beside_float16(seq2seq_folder: Callable[[str], Path]) -> None:
    # T5's feed-forwards overflow float16; Hugging Face's own loader keeps them in float32, too.
    half = load_as(seq2seq_folder("t5"), precision=Precision.float16)
    feed_forward = half.model.encoder.block[0].layer[1].DenseReluDense
    assert [isinstance(each.weight, HalfMatrix) for each in (feed_forward.wi, feed_forward.wo)] == [True, False]
