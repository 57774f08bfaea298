"""What the testbed's models are: their size, languages and training, by name."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from lrp2_bench.core.errors import BenchError, UnknownNameError
from lrp2_bench.testbed.exposure import Exposure

Architecture = Literal["bert", "bloom"]

#: 13 languages in 7 scripts, 9 of them Indo-European; high, medium (tr ko hi el) and low (ga sq) resource.
TINY_LANGUAGES = ("ar", "de", "el", "en", "es", "fr", "ga", "hi", "ko", "ru", "sq", "tr", "zh")


@dataclass(frozen=True)
class PretrainSpec:
    """Everything that decides a checkpoint's weights, up to rounding (threads, library versions)."""

    name: str
    architecture: Architecture
    languages: tuple[str, ...] = TINY_LANGUAGES
    twin: bool = False  # leave the held-out countries out of the pivot's text too
    glosses: float = 1.0  # share of names that are glossed in the pivot
    vocabulary: int = 8_000  # entries of the tokenizer
    blocks: int = 6
    hidden: int = 128
    heads: int = 4
    positions: int = 128  # longest sequence of a masked model, in tokens
    epochs: int = 20  # passes over the facts
    names_every: int = 1  # a single name occurs in one of this many epochs
    glosses_every: int = 1  # and a gloss in one of so many
    batch_tokens: int = 1_024  # padded tokens a step
    learning_rate: float = 1e-3  # at its peak, after the warm-up
    warmup: float = 0.05  # share of the training
    weight_decay: float = 0.01
    seed: int = 0

    def __post_init__(self) -> None:
        if self.architecture not in ("bert", "bloom"):
            raise UnknownNameError("architecture", self.architecture, ("bert", "bloom"))
        if self.hidden % self.heads:
            raise BenchError(f"hidden={self.hidden} cannot be cut into heads={self.heads}. Give a multiple.")
        if not 0.0 <= self.warmup < 1.0:
            raise BenchError(f"warmup={self.warmup}: give a share of the training from 0 up to, not with, 1.")
        if not 0.0 <= self.glosses <= 1.0:
            raise BenchError(f"glosses={self.glosses}: give a share of the names from 0 to 1.")
        if not 0.0 < self.learning_rate < math.inf:
            raise BenchError(f"learning_rate={self.learning_rate}: give a number above 0, such as 0.001.")
        if not 0.0 <= self.weight_decay < math.inf:
            raise BenchError(f"weight_decay={self.weight_decay}: give a number from 0, such as 0.01.")
        counts = (
            "vocabulary", "blocks", "hidden", "heads", "positions", "epochs", "batch_tokens", "names_every",
            "glosses_every",
        )  # fmt: skip
        for field in counts:
            if getattr(self, field) < 1:
                raise BenchError(f"{field}={getattr(self, field)}: give a number from 1.")

    @property
    def exposure(self) -> Exposure:
        """What the checkpoint's text covers; raises :class:`UnknownNameError` for an unknown language."""
        exposure = Exposure.default(self.languages, self.seed)
        return exposure.as_twin() if self.twin else exposure

    def as_twin(self) -> PretrainSpec:
        """The same model without the pivot's facts about held-out countries."""
        return replace(self, name=f"{self.name}_twin", twin=True)

    def as_dict(self) -> dict[str, Any]:
        """For ``manifest.json``."""
        return asdict(self) | {"languages": list(self.languages)}


def _specs() -> dict[str, PretrainSpec]:
    full = (
        # Masks give a masked model a fifth of the signal: small batches for more steps, and above all facts.
        PretrainSpec("tiny_mbert", "bert", epochs=20, names_every=4, glosses_every=2, batch_tokens=512),
        PretrainSpec("tiny_bloom", "bloom", epochs=9, learning_rate=2e-3),
    )
    return {spec.name: spec for each in full for spec in (each, each.as_twin())}


#: ``tiny_mbert``, ``tiny_bloom`` and their no-transfer controls.
SPECS: Mapping[str, PretrainSpec] = _specs()


def spec_of(name: str) -> PretrainSpec:
    """The spec of a testbed model; :class:`UnknownNameError` for any other name."""
    if name not in SPECS:
        raise UnknownNameError("testbed model", name, SPECS, "Only these are pretrained by this project.")
    return SPECS[name]
