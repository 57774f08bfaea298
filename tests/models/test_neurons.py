"""Feed-forward neurons are found in every architecture, and what is not known is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from lrp2_bench.core.errors import BenchError
from lrp2_bench.models.neurons import changed_neurons, frozen, neuron_count
from tests.support.models import ARCHITECTURES
from tests.support.probing import load


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_block_without_its_neurons_gives_another_state_and_only_inside(
    architecture: str, model_folder: Callable[[str], Path]
) -> None:
    model = load(model_folder(architecture))
    assert neuron_count(model) == 4 * model.hidden_size
    batch = model.batch([[5, 6, 7]])
    with torch.no_grad():
        context, hidden = model.context(batch), model.embed(batch)
        before = model.block(2, hidden, context)
        with changed_neurons(model, 2, lambda activations: activations):
            assert torch.equal(model.block(2, hidden, context), before)
        shapes: list[torch.Size] = []
        with changed_neurons(model, 2, lambda activations: shapes.append(activations.shape) or activations):
            model.block(2, hidden, context)
        assert shapes == [(1, 3, 4 * model.hidden_size)], "rows, tokens, neurons"
        with changed_neurons(model, 2, torch.zeros_like):
            assert not torch.allclose(model.block(2, hidden, context), before, atol=1e-3)
            first = model.block(1, hidden, context)
        assert torch.equal(model.block(2, hidden, context), before)
        assert torch.equal(model.block(1, hidden, context), first)


def test_weights_ask_for_gradients_again_even_after_an_error(model_folder: Callable[[str], Path]) -> None:
    model = load(model_folder("bert"))
    first, *others = model.model.parameters()
    first.requires_grad_(False)
    with pytest.raises(RuntimeError, match="stop"), frozen(model):
        assert not any(parameter.requires_grad for parameter in model.model.parameters())
        raise RuntimeError("stop")
    assert not first.requires_grad and all(parameter.requires_grad for parameter in others)


def test_models_without_the_expected_feed_forward_are_refused(model_folder: Callable[[str], Path]) -> None:
    model = load(model_folder("bert"))
    model.model.bert.encoder.layer[2].output.dense = nn.Identity()
    with pytest.raises(BenchError, match=r"Block 3 of this 'bert' model has no linear map.*Identity(.|\n)*extending"):
        neuron_count(model)
    model.model.config.model_type = "mixture"
    with pytest.raises(BenchError, match=r"'mixture' keeps its feed-forward neurons is not known"):
        neuron_count(model)


def test_blocks_of_different_widths_are_refused(model_folder: Callable[[str], Path]) -> None:
    model = load(model_folder("bert"))
    model.model.bert.encoder.layer[1].output.dense = nn.Linear(3, model.hidden_size)
    with pytest.raises(BenchError, match=r"\[3, 128\]"):
        neuron_count(model)


def test_blocks_that_run_the_tokens_of_all_rows_as_one_list_are_refused(model_folder: Callable[[str], Path]) -> None:
    model = load(model_folder("bert"))
    second = model.model.bert.encoder.layer[1].output.dense
    with changed_neurons(model, 2, torch.zeros_like), pytest.raises(BenchError, match="Block 2(.|\n)*rows apart"):
        second(torch.zeros(3, 128))
