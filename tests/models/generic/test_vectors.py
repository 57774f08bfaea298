"""Language vectors of every family equal one plain forward a sentence, whatever its tokenizer adds and pads with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import torch

from lrp2_bench.core.settings import ProjectionTokens
from lrp2_bench.models.generic.adapter import GenericModel
from tests.support.families import EVERY, blocks_of
from tests.support.tokenizers import DECODERS, special_of, with_tokenizer
from tests.support.vectors import vectors_of

SENTENCES = ["Die Hauptstadt von Frankreich ist Paris .", "Paris", "法国的首都是巴黎。", "Japan liegt in Asien ."]

#: Recurrence, and an encoder that counts places from its padding.
REPRESENTATIVE = {"lfm2", "mpnet"}


@contextmanager
def _kept_layers(model: GenericModel) -> Iterator[list[torch.Tensor]]:
    """What the first block is given, and what each gives back, of one forward pass."""
    layers: list[torch.Tensor] = []

    def before(module: object, args: tuple[torch.Tensor, ...], named: dict[str, torch.Tensor]) -> None:
        if not layers:
            layers.append(args[0] if args else named["hidden_states"])

    def after(module: object, args: object, output: torch.Tensor | tuple[torch.Tensor, ...]) -> None:
        layers.append(output[0] if isinstance(output, tuple) else output)

    blocks = list(blocks_of(model.model))
    handles = [block.register_forward_hook(after) for block in blocks]
    handles.append(blocks[0].register_forward_pre_hook(before, with_kwargs=True))
    try:
        yield layers
    finally:
        for handle in handles:
            handle.remove()


@torch.no_grad()
def _one_by_one(model: GenericModel, left_out: list[int]) -> torch.Tensor:
    means = []
    for sentence in SENTENCES:
        ids = model.tokenizer(sentence)["input_ids"]
        kept = [place for place, token in enumerate(ids) if token not in left_out]
        with _kept_layers(model) as layers:
            model.model(input_ids=torch.tensor([ids]))
        means.append(torch.stack([layer[0, kept].double().mean(dim=0) for layer in layers]))
    return torch.stack(means).mean(dim=0).float()


@pytest.mark.parametrize(
    "family", [name if name in REPRESENTATIVE else pytest.param(name, marks=pytest.mark.slow) for name in EVERY]
)
def test_vectors_are_the_mean_of_one_plain_forward_a_sentence(
    family: str, family_model: Callable[[str], GenericModel]
) -> None:
    whole = family_model(family)
    decoders = EVERY[family].family == "causal"
    for model in [with_tokenizer(whole, around) for around in DECODERS.values()] if decoders else [whole]:
        special = special_of(model.tokenizer)
        plain = _one_by_one(model, [])
        assert len(plain) == model.blocks + 1
        added = set(special) & set(model.tokenizer("Paris")["input_ids"])
        for tokens, left_out in ((ProjectionTokens.all, []), (ProjectionTokens.text, special)):
            ours = vectors_of(model, SENTENCES, tokens=tokens).values
            expected = _one_by_one(model, left_out)
            assert ((ours - expected).abs().amax(dim=1) <= 2e-5 * expected.std(dim=1)).all()
            assert (tokens is ProjectionTokens.all or not added) == bool(torch.equal(expected, plain))
