"""The contract of every adapter: Hugging Face's own forward, block by block and at the logits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from lrp2_bench.core.settings import ModelSettings, Precision
from lrp2_bench.models import token_embeddings
from lrp2_bench.models.layered import LayeredModel
from lrp2_bench.models.loading import find_checkpoint, load_model
from lrp2_bench.models.neurons import neuron_count
from lrp2_bench.models.registry import ARCHITECTURES as REGISTRY
from tests.support.families import blocks_of
from tests.support.models import ARCHITECTURES
from tests.support.probing import load

SENTENCES = ["Die Hauptstadt von Frankreich ist Paris .", "Japan liegt in Asien .", "法国的首都是巴黎。", "Paris"]


@pytest.fixture(params=ARCHITECTURES)
def adapter(request: pytest.FixtureRequest, model_folder: Callable[[str], Path]) -> LayeredModel:
    settings = ModelSettings(path=str(model_folder(request.param)), device="cpu")
    return load_model(find_checkpoint(settings), settings)


@pytest.mark.parametrize("name", REGISTRY.names())
def test_a_record_is_true_of_the_model(
    name: str, model_folder: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    record, model = REGISTRY.get(name), load(model_folder(name))
    assert record.name == name and type(model) is record.adapter and model.family == record.family()
    blocks = model.model.get_submodule(record.blocks)
    assert len(blocks) == model.blocks == 4
    widths = {block.get_submodule(record.second_map).in_features for block in blocks}
    assert widths == {neuron_count(model)}
    monkeypatch.setattr(token_embeddings, "_NAMES", ())  # the record's name suffices
    embeddings = model.model.get_input_embeddings().weight
    assert torch.equal(token_embeddings.read_embeddings(model_folder(name)), embeddings)


def _sequences(adapter: LayeredModel) -> list[list[int]]:
    return [adapter.tokenizer(text)["input_ids"] for text in SENTENCES]


def _layers(adapter: LayeredModel, sequences: list[list[int]]) -> tuple[list[torch.Tensor], torch.Tensor]:
    batch = adapter.batch(sequences)
    context, hidden = adapter.context(batch), adapter.embed(batch)
    layers = [hidden]
    for k in range(1, adapter.blocks + 1):
        hidden = adapter.block(k, hidden, context)
        layers.append(hidden)
    return layers, adapter.logits(hidden)


def test_every_block_and_the_logits_equal_hugging_faces_forward(adapter: LayeredModel) -> None:
    batch = adapter.batch(_sequences(adapter))
    with torch.inference_mode():
        layers, logits = _layers(adapter, _sequences(adapter))
        own = adapter.model(batch.ids, attention_mask=batch.keep.long(), output_hidden_states=True)
    keep = batch.keep
    # The last entry of hidden_states has the final norm applied where there is one, so the logits stand for it.
    for layer, hidden in enumerate(own.hidden_states[:-1]):
        torch.testing.assert_close(layers[layer][keep], hidden[keep], atol=1e-5, rtol=1e-5, msg=f"layer {layer}")
    torch.testing.assert_close(logits[keep], own.logits[keep], atol=1e-4, rtol=1e-5)


def test_the_last_layer_is_taken_before_the_final_norm(adapter: LayeredModel) -> None:
    with torch.inference_mode():
        layers, _ = _layers(adapter, _sequences(adapter))
        batch = adapter.batch(_sequences(adapter))
        given: list[torch.Tensor] = []

        def keep(module: object, inputs: object, output: torch.Tensor | tuple[torch.Tensor, ...]) -> None:
            given.append(output[0] if isinstance(output, tuple) else output)

        handle = blocks_of(adapter.model)[-1].register_forward_hook(keep)
        adapter.model(batch.ids, attention_mask=batch.keep.long())
        handle.remove()
    torch.testing.assert_close(layers[-1][batch.keep], given[0][batch.keep], atol=1e-5, rtol=1e-5)


def test_a_padded_row_equals_the_sentence_by_itself(adapter: LayeredModel) -> None:
    sequences = _sequences(adapter)
    with torch.inference_mode():
        together, _ = _layers(adapter, sequences)
        for row, sequence in enumerate(sequences):
            alone, _ = _layers(adapter, [sequence])
            for layer in range(adapter.blocks + 1):
                torch.testing.assert_close(together[layer][row, : len(sequence)], alone[layer][0], atol=1e-5, rtol=1e-5)


def test_a_block_at_some_positions_equals_the_whole_block_there(adapter: LayeredModel) -> None:
    batch = adapter.batch(_sequences(adapter))
    positions = torch.tensor([[0, 2], [1, 1], [2, 0], [0, 0]])
    with torch.inference_mode():
        context, hidden = adapter.context(batch), adapter.embed(batch)
        for k in range(1, adapter.blocks + 1):
            there = adapter.block_at(k, hidden, context, positions)
            hidden = adapter.block(k, hidden, context)
            expected = torch.stack([hidden[row, places] for row, places in enumerate(positions)])
            torch.testing.assert_close(there, expected, atol=1e-5, rtol=1e-5)


def test_the_longest_sequence_the_model_holds_runs_and_equals_its_forward(adapter: LayeredModel) -> None:
    length = adapter.max_tokens or 200
    sequence = [5 + number % 50 for number in range(length)]
    batch = adapter.batch([sequence])
    with torch.inference_mode():
        _, logits = _layers(adapter, [sequence])
        own = adapter.model(batch.ids, attention_mask=batch.keep.long()).logits
    torch.testing.assert_close(logits, own, atol=1e-4, rtol=1e-5)


@pytest.mark.parametrize("precision", [Precision.bfloat16, Precision.float16])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_half_precision_stays_near_float32(
    architecture: str, precision: Precision, model_folder: Callable[[str], Path]
) -> None:
    path = str(model_folder(architecture))
    logits = {}
    for kind in (Precision.float32, precision):
        settings = ModelSettings(path=path, device="cpu", precision=kind)
        model = load_model(find_checkpoint(settings), settings)
        batch = model.batch(_sequences(model))
        positions = torch.zeros(len(SENTENCES), 1, dtype=torch.long)
        with torch.inference_mode():
            context, hidden = model.context(batch), model.embed(batch)
            for k in range(1, model.blocks):
                hidden = model.block(k, hidden, context)
            logits[kind] = model.logits(model.block_at(model.blocks, hidden, context, positions)).float()
    spread = logits[Precision.float32].std()
    difference = (logits[precision] - logits[Precision.float32]).abs().max()
    assert 0 < difference < 0.1 * spread
