"""Gemma 3 270M, a real multilingual model, as the package registry has it: a GGUF file in four packages."""

from __future__ import annotations

import importlib.util

import pytest

from benchmarks.gemma3_270m.model import PACKAGE, SHA256, gemma_file
from lrp2_bench.core.settings import ModelSettings

needs_gemma = pytest.mark.skipif(
    importlib.util.find_spec(PACKAGE) is None, reason="Gemma 3 270M is not installed (make test-system does it)"
)


def gemma_settings() -> ModelSettings:
    """The file put together and what it is converted to stay in the cache of this user from one run to the next."""
    file = gemma_file()
    return ModelSettings(path=str(file), device="cpu", cache=str(file.parent))


__all__ = ["SHA256", "gemma_settings", "needs_gemma"]
