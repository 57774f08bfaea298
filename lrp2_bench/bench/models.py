"""Models of the paper's true sizes with random weights, for measuring without a download."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from lrp2_bench.models.layered import LayeredModel
from lrp2_bench.models.loading import ADAPTERS
from lrp2_bench.testbed.specs import Architecture, PretrainSpec
from lrp2_bench.testbed.tokenizer import train_tokenizer


@dataclass(frozen=True)
class RandomModel:
    """``spread`` is the weights' standard deviation: above a usual initialisation, so that answers vary."""

    name: str
    architecture: Architecture
    blocks: int
    hidden: int
    heads: int
    vocab: int
    spread: float


#: The sizes of bert-base-multilingual-cased and bigscience/bloom-560m.
RANDOM_MODELS = {
    "mbert": RandomModel("mbert", "bert", 12, 768, 12, 119_547, 0.05),
    "bloom_560m": RandomModel("bloom_560m", "bloom", 24, 1024, 16, 250_880, 0.03),
}

#: Entries of the stand-in tokenizer. The model's own vocabulary keeps its true size.
_TOKENIZER_ENTRIES = 20_000


def random_model(size: RandomModel, texts: Sequence[str], device: torch.device, seed: int = 0) -> LayeredModel:
    """The adapter of a random model whose tokenizer was trained on ``texts``; float32."""
    from transformers import BertConfig, BertForMaskedLM, BloomConfig, BloomForCausalLM

    spec = PretrainSpec(size.name, size.architecture, vocabulary=_TOKENIZER_ENTRIES, positions=512)
    tokenizer = train_tokenizer(spec, texts)
    torch.manual_seed(seed)
    if size.architecture == "bert":
        model: Any = BertForMaskedLM(
            BertConfig(
                vocab_size=size.vocab, hidden_size=size.hidden, num_hidden_layers=size.blocks,
                num_attention_heads=size.heads, intermediate_size=4 * size.hidden,
                pad_token_id=tokenizer.pad_token_id,
            )
        )  # fmt: skip
    else:
        model = BloomForCausalLM(
            BloomConfig(
                vocab_size=size.vocab, hidden_size=size.hidden, n_layer=size.blocks, n_head=size.heads,
                pad_token_id=tokenizer.pad_token_id,
            )
        )  # fmt: skip
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() > 1:
                parameter.normal_(std=size.spread)
            elif name.endswith("bias"):
                parameter.normal_(std=0.1)
    return ADAPTERS[size.architecture](model.to(device), tokenizer)
