"""What is measured: the paper's true sizes with random weights, the trained models that ship, or a checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import UnknownNameError
from lrp2_bench.core.settings import ModelSettings
from lrp2_bench.data.cldr.corpus import CldrCorpus
from lrp2_bench.interventions.vectors import compute_vectors, vector_metadata
from lrp2_bench.models.layered import LayeredModel
from lrp2_bench.models.loading import find_checkpoint, load_model
from lrp2_bench.models.registry import ARCHITECTURES
from lrp2_bench.models.shipped import shipped_names
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


#: Strength of random language vectors, next to which a random model's states are of size one.
_RANDOM_SHIFT = 0.5
_SENTENCES = 500  # of the embedded corpus, for a trained model's vectors


@dataclass(frozen=True)
class Subject:
    """A model to measure with its language vectors ``[layer, hidden]``, the language's and the pivot's."""

    name: str
    model: LayeredModel
    language: Float[Tensor, "layer hidden"]
    pivot: Float[Tensor, "layer hidden"]
    trained: bool


def known_models() -> list[str]:
    """Names that :func:`subject` takes without a checkpoint; no-transfer controls cost the same and are left out."""
    return [*RANDOM_MODELS, *(name for name in shipped_names() if not name.endswith("_twin"))]


def subject(
    name: str,
    checkpoint: str | None,
    languages: tuple[str, str],
    texts: Sequence[str],
    device: torch.device,
    seed: int,
) -> Subject:
    """The model ``name``: its ``checkpoint`` (folder or hub id) where one is given, else the shipped one, else random.

    A trained model's vectors are those of the embedded corpus in the language and the pivot. Raises
    :class:`UnknownNameError` for a name that is neither known nor given a checkpoint.
    """
    if checkpoint is None and name not in known_models():
        raise UnknownNameError("benchmark model", name, known_models(), "Set models=[...] or +checkpoints.NAME=DIR.")
    if checkpoint is None and name in RANDOM_MODELS:
        model = random_model(RANDOM_MODELS[name], texts, device, seed)
        language, pivot = random_vectors(model, seed)
        return Subject(name, model, language, pivot, trained=False)
    settings = ModelSettings(path=checkpoint or f"shipped:{name}", device=str(device))
    found = find_checkpoint(settings)
    model = load_model(found, settings)
    language, pivot = (_corpus_vectors(model, found.digest, code).to(device) for code in languages)
    return Subject(name, model, language, pivot, trained=True)


def random_vectors(model: LayeredModel, seed: int) -> tuple[Tensor, Tensor]:
    """Two languages' vectors for a random model, ``[layer, hidden]`` each."""
    generator = torch.Generator().manual_seed(seed)
    size = model.blocks + 1, model.hidden_size
    language, pivot = (_RANDOM_SHIFT * torch.randn(size, generator=generator).to(model.device) for _ in range(2))
    return language, pivot


def _corpus_vectors(model: LayeredModel, digest: str, language: str) -> Float[Tensor, "layer hidden"]:
    corpus, data_warnings = CldrCorpus(_SENTENCES), DataWarnings()
    sentences = corpus.sentences(language, data_warnings)
    metadata = vector_metadata(digest, model, language, corpus.name, sentences)
    return compute_vectors(model, sentences, metadata, batch_tokens=2048, data_warnings=data_warnings).values


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
    return ARCHITECTURES.get(size.architecture).adapter(model.to(device), tokenizer)
