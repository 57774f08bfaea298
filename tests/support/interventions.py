"""Edits of the registered interventions, without a search."""

from __future__ import annotations

from typing import Any

import torch

from lrp2_bench.core.settings import ProjectionSettings
from lrp2_bench.interventions.base import Edit, FittingData
from lrp2_bench.interventions.projection import ProjectionVectors
from lrp2_bench.interventions.registry import INTERVENTIONS

#: A third language, where an intervention needs one to be named.
OTHER = "zh"


def settings_of(name: str, seed: int = 0, **more: Any) -> ProjectionSettings:
    """The fewest that the intervention takes, for German and English."""
    return ProjectionSettings(name, seed, OTHER if "language" in INTERVENTIONS.get(name).uses else None, **more)


def edit_of(
    name: str,
    language: torch.Tensor,
    pivot: torch.Tensor,
    other: torch.Tensor | None = None,
    seed: int = 0,
    **more: Any,
) -> Edit:
    """From vectors ``[layer, hidden]`` of German, English and the third language, and :func:`means_of` them. ``more``
    are further settings."""
    vectors = {"de": language, "en": pivot} | ({OTHER: other} if other is not None else {})
    settings = settings_of(name, seed, **more)
    made = INTERVENTIONS.get(name)(settings)
    needs = made.needs("de", "en", lambda: tuple(vectors))
    codes = ("de", "en") if needs.parallel else ("en",)
    fitted = made.fit({code: means_of(vectors[code]) for code in codes}) if needs.fits else {}
    return made.edit(FittingData("de", "en", settings.language, vectors, needs.among, fitted))


def means_of(vectors: torch.Tensor, sentences: int = 40) -> torch.Tensor:
    """Sentence means ``[layer, sentence, hidden]`` around a language's vectors, drawn alike for all languages."""
    layers, hidden = vectors.shape
    generator = torch.Generator().manual_seed(9)
    spread = vectors.std() * torch.rand(hidden, generator=generator)
    return vectors.unsqueeze(1) + spread * torch.randn(layers, sentences, hidden, generator=generator)


def projection_vectors(name: str, language: torch.Tensor, pivot: torch.Tensor) -> ProjectionVectors:
    """The same, of one that adds and subtracts a vector a layer."""
    found = edit_of(name, language, pivot)
    assert isinstance(found, ProjectionVectors)
    return found
