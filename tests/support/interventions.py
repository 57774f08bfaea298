"""Edits of the registered interventions, without a search."""

from __future__ import annotations

import torch

from lrp2_bench.core.settings import ProjectionSettings
from lrp2_bench.interventions.base import Edit, FittingData
from lrp2_bench.interventions.projection import ProjectionVectors
from lrp2_bench.interventions.registry import INTERVENTIONS

#: A third language, where an intervention needs one to be named.
OTHER = "zh"


def settings_of(name: str, seed: int = 0) -> ProjectionSettings:
    """The fewest that the intervention takes, for German and English."""
    return ProjectionSettings(name, seed, OTHER if "language" in INTERVENTIONS.get(name).uses else None)


def edit_of(
    name: str, language: torch.Tensor, pivot: torch.Tensor, other: torch.Tensor | None = None, seed: int = 0
) -> Edit:
    """From vectors ``[layer, hidden]`` of German, English and the third language."""
    vectors = {"de": language, "en": pivot} | ({OTHER: other} if other is not None else {})
    settings = settings_of(name, seed)
    data = FittingData("de", "en", settings.language, vectors)
    return INTERVENTIONS.get(name)(settings).edit(data)


def projection_vectors(name: str, language: torch.Tensor, pivot: torch.Tensor) -> ProjectionVectors:
    """The same, of one that adds and subtracts a vector a layer."""
    found = edit_of(name, language, pivot)
    assert isinstance(found, ProjectionVectors)
    return found
