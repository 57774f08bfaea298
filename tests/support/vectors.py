"""Language vectors: of the toy sentences by a small model, and random ones."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.settings import ProjectionTokens
from lrp2_bench.interventions.vectors import LanguageVectors, compute_vectors, vector_metadata
from lrp2_bench.models.layered import LayeredModel
from tests.support import toy

SENTENCES = toy.sentences("de")


def vectors_of(
    model: LayeredModel,
    sentences: Sequence[str] = SENTENCES,
    data_warnings: DataWarnings | None = None,
    batch_tokens: int = 4096,
    tokens: ProjectionTokens = ProjectionTokens.all,
) -> LanguageVectors:
    """Of German sentences, by a model with the digest ``model digest``."""
    metadata = vector_metadata("model digest", model, "de", "text", sentences, tokens)
    return compute_vectors(
        model, sentences, metadata, batch_tokens=batch_tokens, data_warnings=data_warnings or DataWarnings(),
        tokens=tokens,
    )  # fmt: skip


def random_vectors(model: LayeredModel, seed: int, strength: float | None = None) -> torch.Tensor:
    """``[layer, hidden]``, unless told otherwise large enough to change answers."""
    generator = torch.Generator().manual_seed(seed)
    if strength is None:
        strength = 20 if model.family == "causal" else 3
    return strength * torch.randn(model.blocks + 1, model.hidden_size, generator=generator)


def two_random_vectors(model: LayeredModel, strength: float = 1) -> tuple[torch.Tensor, torch.Tensor]:
    """Of a language and of its pivot, always the same."""
    generator = torch.Generator().manual_seed(0)
    size = model.blocks + 1, model.hidden_size
    return strength * torch.randn(size, generator=generator), strength * torch.randn(size, generator=generator)
