"""The architectures with a fast adapter, by their ``model_type``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lrp2_bench.core.registry import Registry
from lrp2_bench.models.base import Architecture
from lrp2_bench.models.layered import Family, LayeredModel

ARCHITECTURES: Registry[type[Architecture]] = Registry(
    "architecture",
    "lrp2_bench.models",
    "lrp2_bench.models.base:Architecture",
    {
        "bert": "lrp2_bench.models.bert:Bert",
        "xlm-roberta": "lrp2_bench.models.bert:XlmRoberta",
        "distilbert": "lrp2_bench.models.bert:DistilBert",
        "bloom": "lrp2_bench.models.bloom:Bloom",
    },
)


def architecture_of(model_type: object) -> type[Architecture] | None:
    """The record of a ``model_type``, None where there is none. Raises :class:`~lrp2_bench.core.errors.BenchError`
    for a package's that cannot be used."""
    name = str(model_type)
    return ARCHITECTURES.get(name) if name in ARCHITECTURES else None


def fast_adapter(config: Mapping[str, Any], family: Family) -> type[LayeredModel] | None:
    """What runs a model with this ``config`` (of config.json) faster than the generic adapter; None where that does."""
    found = architecture_of(config.get("model_type"))
    fits = found is not None and found.family() == family and found.adapter.runs(config)
    return found.adapter if found is not None and fits else None
