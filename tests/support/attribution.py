"""Knowledge attribution the plain way: one prompt, one block and one step at a time, Hugging Face's own forward."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from lrp2_bench.core.types import Fact, LayerPair, Relation
from lrp2_bench.models.layered import BlockContext, Family, LayeredModel, TokenBatch, Vocabulary, take
from lrp2_bench.models.registry import ARCHITECTURES
from tests.support.naive import moved

_SECOND_MAPS = {
    "bert": "bert.encoder.layer.{}.output.dense",
    "xlm-roberta": "roberta.encoder.layer.{}.output.dense",
    "distilbert": "distilbert.transformer.layer.{}.ffn.lin2",
    "bloom": "transformer.h.{}.mlp.dense_4h_to_h",
    "llama": "model.layers.{}.mlp.down_proj",
    "gemma3_text": "model.layers.{}.mlp.down_proj",
    "gemma4_text": "model.layers.{}.mlp.down_proj",
    "gpt2": "transformer.h.{}.mlp.c_proj",
    "gpt_neox": "gpt_neox.layers.{}.mlp.dense_4h_to_h",
    "opt": "model.decoder.layers.{}.fc2",
    "lfm2": "model.layers.{}.feed_forward.w2",
    "modernbert": "model.layers.{}.mlp.Wo",
    "roberta": "roberta.encoder.layer.{}.output.dense",
    "deberta-v2": "deberta.encoder.layer.{}.output.dense",
}


def _second_map(model: Any) -> str:
    kind = model.config.model_type
    if kind in _SECOND_MAPS:
        return _SECOND_MAPS[kind]
    record = ARCHITECTURES.get(kind)
    return f"{record.blocks}.{{}}.{record.second_map}"


@dataclass
class Loop:
    """A fact's attributions, ``[block, neuron]``; its probability as it is, and by block without its neurons."""

    values: torch.Tensor
    full: float
    zeroed: list[float]


def loop(
    model: Any, tokenizer: Any, relation: Relation, fact: Fact, shares: Sequence[float],
    pair: LayerPair | None = None, language: Any = None, pivot: Any = None, still: Sequence[int] = (),
) -> Loop:  # fmt: skip
    """``shares`` are the steps' shares of the activations; ``language`` and ``pivot`` are language vectors; tokens of
    the ids ``still`` are not moved."""
    ids, places, targets = _prompt(model, tokenizer, relation, fact)
    values, zeroed = [], []
    with moved(model, pair, language, pivot, still=still):
        full = _probability(model, ids, places, targets).item()
        for block in range(model.config.num_hidden_layers):
            second = model.get_submodule(_second_map(model).format(block))
            with _scaled(second, places, 1.0) as kept:
                _probability(model, ids, places, targets)
            own = kept[0].detach()
            total = torch.zeros_like(own)
            for share in shares:
                with _scaled(second, places, share) as kept:
                    probability = _probability(model, ids, places, targets)
                total += torch.autograd.grad(probability, kept[0])[0]
            values.append((own * total).sum(dim=0) / len(shares))
            with _scaled(second, places, 0.0):
                zeroed.append(_probability(model, ids, places, targets).item())
    return Loop(torch.stack(values), full, zeroed)


@contextmanager
def _scaled(second: Any, places: list[int], share: float) -> Iterator[list[torch.Tensor]]:
    kept: list[torch.Tensor] = []

    def hook(module: Any, inputs: Any) -> Any:
        whole = inputs[0].detach().clone().flatten(0, -2)  # one row; some blocks flatten rows and tokens themselves
        leaf = (whole[places] * share).requires_grad_()
        kept.append(leaf)
        return (whole.index_put((torch.tensor(places),), leaf).view(inputs[0].shape),)

    handle = second.register_forward_pre_hook(hook)
    try:
        yield kept
    finally:
        handle.remove()


def _probability(model: Any, ids: torch.Tensor, places: list[int], targets: list[int]) -> torch.Tensor:
    logs = model(input_ids=ids).logits[0].log_softmax(-1)
    return torch.stack([logs[place, token] for place, token in zip(places, targets, strict=True)]).mean().exp()


def _prompt(model: Any, tokenizer: Any, relation: Relation, fact: Fact) -> tuple[torch.Tensor, list[int], list[int]]:
    before, after = relation.template.replace("[X]", fact.subject).split("[Y]")
    if tokenizer.mask_token is None:
        encoded = tokenizer(before + fact.object + after)
        letters = range(len(before), len(before) + len(fact.object))
        places = sorted({encoded.char_to_token(letter) for letter in letters})
        # A letter of several bytes may be several tokens, of which char_to_token names the first.
        places = [p for p in range(places[0], (encoded.char_to_token(letters[-1] + 1) or 10**6)) if p < len(encoded[0])]
        ids = encoded["input_ids"]
        places = [place for place in places if place > 0]
        return torch.tensor([ids]), [place - 1 for place in places], [ids[place] for place in places]
    targets = tokenizer.encode(fact.object, add_special_tokens=False)
    ids = tokenizer(before + " ".join([tokenizer.mask_token] * len(targets)) + after)["input_ids"]
    return torch.tensor([ids]), [n for n, token in enumerate(ids) if token == tokenizer.mask_token_id], targets


class LinearModel(LayeredModel):
    """Two linear blocks without attention, and a vocabulary of two: p(token 0) is the sigmoid of a linear map.

    ``ids`` are rows of the embedding; a prompt has one token, which is scored.
    """

    family: Family = "masked"

    def __init__(self, hidden: int = 5, width: int = 7, seed: int = 0) -> None:
        torch.manual_seed(seed)
        self.model = _Blocks(hidden, width)
        self.tokenizer = type("NoTokenizer", (), {"pad_token_id": 0})()
        self.blocks, self.hidden_size, self.vocab_size = 2, hidden, 2

    @property
    def device(self) -> torch.device:
        return torch.device("cpu")

    @property
    def dtype(self) -> torch.dtype:
        return torch.float32

    @property
    def max_tokens(self) -> int | None:
        return None

    def context(self, batch: TokenBatch) -> BlockContext:
        return BlockContext(mask=self.additive(batch.keep.unsqueeze(1)))

    def embed(self, batch: TokenBatch) -> torch.Tensor:
        return self.model.embedding(batch.ids)

    def block(self, k: int, hidden: torch.Tensor, context: BlockContext) -> torch.Tensor:
        block = self.model.blocks[k - 1]
        return block.second(block.first(hidden))

    def block_at(self, k: int, hidden: torch.Tensor, context: BlockContext, positions: torch.Tensor) -> torch.Tensor:
        return self.block(k, take(hidden, positions), context)

    def readout(self, hidden: torch.Tensor) -> torch.Tensor:
        return hidden

    @property
    def vocabulary(self) -> Vocabulary:
        weight = self.model.head.weight
        return Vocabulary(torch.cat([weight, torch.zeros_like(weight)]), None)


class _Blocks(torch.nn.Module):
    def __init__(self, hidden: int, width: int) -> None:
        super().__init__()
        self.config = type("Config", (), {"model_type": "linear"})()
        self.embedding = torch.nn.Embedding(9, hidden)
        self.blocks = torch.nn.ModuleList(_Block(hidden, width) for _ in range(2))
        self.head = torch.nn.Linear(hidden, 1, bias=False)


class _Block(torch.nn.Module):
    def __init__(self, hidden: int, width: int) -> None:
        super().__init__()
        self.first = torch.nn.Linear(hidden, width)
        self.second = torch.nn.Linear(width, hidden, bias=False)
        torch.nn.init.normal_(self.second.weight)
