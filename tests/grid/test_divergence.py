"""The KL on neutral sentences is that of two plain forward passes, one of them hooked."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from lrp2_bench.core.types import LayerPair
from lrp2_bench.grid.divergence import NeutralSentences
from lrp2_bench.models.layered import LayeredModel
from lrp2_bench.models.seq2seq.layers import EncoderDecoder
from tests.support import toy
from tests.support.interventions import edit_of
from tests.support.naive import moved
from tests.support.probing import load
from tests.support.tokenizers import special_of
from tests.support.vectors import two_random_vectors

PAIR = LayerPair(1, 3)
SENTENCES = toy.sentences("de")[:7]


@pytest.mark.parametrize("architecture", ["bert", "bloom"])
def test_it_is_that_of_two_plain_forward_passes(architecture: str, model_folder: Callable[[str], Path]) -> None:
    model = load(model_folder(architecture))
    language, pivot = two_random_vectors(model, 0.3)
    special, found = set(special_of(model.tokenizer)), []
    for sentence in SENTENCES:
        ids = model.tokenizer(sentence)["input_ids"]
        text = [place for place, token in enumerate(ids) if token not in special]
        middle = text[len(text) // 2]
        if model.family == "masked":
            asked, read = [*ids[:middle], model.tokenizer.mask_token_id, *ids[middle + 1 :]], middle
        else:
            asked, read = ids[:middle], -1
        with torch.no_grad():
            p = model.model(torch.tensor([asked])).logits[0, read].double().softmax(0)
            with moved(model.model, PAIR, language, pivot):
                q = model.model(torch.tensor([asked])).logits[0, read].double().softmax(0)
        found.append(float((p * (p / q).log()).sum()))
    neutral = NeutralSentences(model, SENTENCES)
    kl = neutral.divergence(edit_of("lrp2", language, pivot), PAIR)
    assert len(neutral) == len(SENTENCES)
    assert kl == pytest.approx(sum(found) / len(found), rel=1e-3) and kl > 1e-3


def test_an_encoder_decoders_is_of_the_token_after_the_sentinel(seq2seq_model: Callable[[str], EncoderDecoder]) -> None:
    model = seq2seq_model("mt5")
    language, pivot = two_random_vectors(model, 0.3)
    [neutral, sentence] = NeutralSentences(model, SENTENCES[:1]), SENTENCES[0]
    ids = model.tokenizer(sentence)["input_ids"]
    text = [place for place, token in enumerate(ids) if token != model.tokenizer.eos_token_id]
    ids[text[len(text) // 2]] = model.tokenizer.convert_tokens_to_ids("<extra_id_0>")
    asked = {
        "input_ids": torch.tensor([ids]),
        "decoder_input_ids": torch.tensor([[model.start, model.tokenizer.convert_tokens_to_ids("<extra_id_0>")]]),
    }
    with torch.no_grad():
        p = model.model(**asked).logits[0, -1].double().softmax(0)
        with moved(model.model, PAIR, language, pivot):
            q = model.model(**asked).logits[0, -1].double().softmax(0)
    found = neutral.divergence(edit_of("lrp2", language, pivot), PAIR)
    assert found == pytest.approx(float((p * (p / q).log()).sum()), rel=1e-3) and found > 1e-4


def test_moving_nothing_costs_nothing_and_no_sentences_give_no_number(bert: LayeredModel) -> None:
    language, pivot = two_random_vectors(bert)
    still = edit_of("lrp2", language, language)
    assert NeutralSentences(bert, SENTENCES).divergence(still, PAIR) == 0.0
    assert math.isnan(NeutralSentences(bert, ["", "."]).divergence(edit_of("lrp2", language, pivot), PAIR))


def test_a_state_that_is_not_finite_gives_no_number(bert: LayeredModel) -> None:
    broken = torch.full((bert.blocks + 1, bert.hidden_size), math.nan)
    assert math.isnan(NeutralSentences(bert, SENTENCES).divergence(edit_of("lrp2", broken, broken), PAIR))


def test_of_many_sentences_some_are_asked_at_even_distances(bert: LayeredModel) -> None:
    language, pivot = two_random_vectors(bert)
    edit = edit_of("lrp2", language, pivot)
    assert len(NeutralSentences(bert, SENTENCES * 10, most=35)) == 35
    assert NeutralSentences(bert, SENTENCES, most=1).divergence(edit, PAIR) == pytest.approx(
        NeutralSentences(bert, SENTENCES[:1]).divergence(edit, PAIR), rel=1e-4
    )
