"""Scores that are no numbers are found before the work, with the fact, the part of the model and the way out."""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.settings import Precision
from lrp2_bench.core.types import ParallelFacts
from lrp2_bench.data.mlama import MLama
from lrp2_bench.models.layered import LayeredModel
from lrp2_bench.probing.scores import require_scores
from tests.support.probing import baseline_hits, load

Folder = Callable[[str], Path]
COUNTED = "Scores that are no finite numbers can never win"

# architecture, weight, place in it (None: the row of a token that no fact has), what is named as broken
PLACES = [
    ("bert", "bert.encoder.layer.0.output.dense.weight", (0, 0), "block 1"),
    ("bert", "bert.encoder.layer.3.attention.self.value.bias", (0,), "block 4"),
    ("bert", "bert.embeddings.LayerNorm.weight", (0,), "the embedding"),
    ("bert", "cls.predictions.transform.dense.weight", (0, 0), "the head"),
    ("bert", "cls.predictions.bias", (7,), r"the head, for 1 of \d+ tokens \('.+'\)"),
    ("bert", "bert.embeddings.word_embeddings.weight", None, r"the head, for 1 of \d+ tokens \('.+'\)"),
    ("distilbert", "distilbert.transformer.layer.1.ffn.lin1.weight", (0, 0), "block 2"),
    ("xlm-roberta", "roberta.encoder.layer.2.output.dense.bias", (0,), "block 3"),
    ("bloom", "transformer.h.0.mlp.dense_h_to_4h.weight", (0, 0), "block 1"),
    ("bloom", "transformer.h.3.mlp.dense_4h_to_h.bias", (0,), "block 4"),
    ("bloom", "transformer.word_embeddings_layernorm.bias", (0,), "the embedding"),
    ("bloom", "transformer.ln_f.weight", (0,), "the head"),
    ("bloom", "transformer.word_embeddings.weight", None, r"the head, for 1 of \d+ tokens \('.+'\)"),
]


#: Of an encoder-decoder, the same; token 0 is what its decoder starts with.
SEQ2SEQ_PLACES = [
    ("shared.weight", (0, 0), "the decoder"),
    ("encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight", (0, 0), "block 1"),
    ("encoder.block.2.layer.1.DenseReluDense.wo.weight", (0, 0), "block 3"),
    ("encoder.final_layer_norm.weight", (0,), "the decoder"),
    ("decoder.block.1.layer.1.EncDecAttention.v.weight", (0, 0), "the decoder"),
    ("decoder.final_layer_norm.weight", (0,), "the head"),
]


def _facts(mlama: Path, **cut: int) -> ParallelFacts:
    return MLama(mlama, **cut).facts("de", "en", DataWarnings())


def _break(model: LayeredModel, name: str, place: tuple[int, ...] | None, value: float) -> None:
    weight = model.model.get_parameter(name).data
    weight[place if place is not None else _unused(model)] = value


def _unused(model: LayeredModel) -> int:
    """A token of Chinese, which German and English facts do not have."""
    return int(model.tokenizer("国", add_special_tokens=False)["input_ids"][-1])


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize(("architecture", "name", "place", "part"), PLACES)
def test_a_broken_weight_is_found_by_name_and_so_is_what_it_breaks(
    architecture: str,
    name: str,
    place: tuple[int, ...] | None,
    part: str,
    value: float,
    model_folder: Folder,
    toy_mlama: Path,
) -> None:
    model, facts = load(model_folder(architecture)), _facts(toy_mlama)
    require_scores(model, facts)
    _break(model, name, place, value)
    with pytest.raises(BenchError) as told:
        require_scores(model, facts)
    text = str(told.value)
    assert "not finite numbers in model.precision=float32" in text and "no precision helps" in text
    assert name in text.split("themselves: ")[1]
    assert re.search(f"begins in {part}, at the baseline of de P17 ", text)


@pytest.mark.parametrize(("name", "place", "part"), SEQ2SEQ_PLACES)
def test_a_broken_weight_of_an_encoder_decoder_is_found_in_either_half(
    name: str, place: tuple[int, ...], part: str, seq2seq_folder: Folder, toy_mlama: Path
) -> None:
    model, facts = load(seq2seq_folder("mt5")), _facts(toy_mlama)
    require_scores(model, facts)
    _break(model, name, place, math.nan)
    with pytest.raises(BenchError, match=f"(?s)begins in {part}, at the baseline of de P17 .*themselves: {name} "):
        require_scores(model, facts)


@pytest.mark.parametrize(
    ("architecture", "name"),
    [("bert", "bert.encoder.layer.2.intermediate.dense.weight"), ("bloom", "transformer.h.2.mlp.dense_h_to_4h.weight")],
)
def test_an_overflow_in_half_precision_names_a_precision_that_works(
    architecture: str, name: str, model_folder: Folder, toy_mlama: Path
) -> None:
    def scaled(precision: Precision) -> LayeredModel:
        model = load(model_folder(architecture), precision)
        weight = model.model.get_parameter(name).data
        weight.copy_(weight.sign() * 6e4)
        return model

    facts = _facts(toy_mlama)
    with pytest.raises(
        BenchError, match=r"(?s)precision=float16.* block 3, .*set model.precision=bfloat16, or float32"
    ):
        require_scores(scaled(Precision.float16), facts)
    require_scores(scaled(Precision.bfloat16), facts)
    require_scores(scaled(Precision.float32), facts)


@pytest.mark.parametrize("architecture", ["bert", "bloom"])
def test_where_only_some_facts_are_broken_it_is_said_and_the_work_goes_on(
    architecture: str, model_folder: Folder, toy_mlama: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model, facts = load(model_folder(architecture)), _facts(toy_mlama)
    if architecture == "bert":  # long sentences alone have this position
        model.model.get_parameter("bert.embeddings.position_embeddings.weight").data[8:] = math.nan
    else:
        model.model.lm_head.weight = torch.nn.Parameter(model.model.lm_head.weight.detach().clone())
        token = model.tokenizer(facts.relations[-1].template)["input_ids"][0]  # that the other relations lack
        model.model.get_parameter("transformer.word_embeddings.weight").data[token] = math.nan
    with caplog.at_level(logging.WARNING):
        require_scores(model, facts)
    assert "not finite numbers in model.precision=float32, for " in caplog.text
    data_warnings = DataWarnings()
    for relation in facts.relations:
        baseline_hits(model, relation, data_warnings)
    assert data_warnings.as_dict()[COUNTED]


def test_a_fact_that_cannot_be_asked_is_none_of_those_tried(
    model_folder: Folder, toy_mlama: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model = load(model_folder("bert"))
    empty = ParallelFacts("de", "en", (), (), "")
    require_scores(model, empty)
    model.model.get_parameter("bert.embeddings.LayerNorm.weight").data[0] = math.nan
    require_scores(model, empty)
    assert not caplog.text


def test_a_logit_of_minus_infinity_for_a_token_nobody_asks_for_is_fine(model_folder: Folder, toy_mlama: Path) -> None:
    model = load(model_folder("bert"))
    model.model.get_parameter("cls.predictions.bias").data[_unused(model)] = -math.inf
    require_scores(model, _facts(toy_mlama))
