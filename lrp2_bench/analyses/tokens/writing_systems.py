"""The writing system of a token, by the Unicode script of its characters.

Scripts are those of the Unicode Character Database as fontTools carries it (matplotlib needs fontTools anyway; Python's
own ``unicodedata`` does not know scripts, and an older Unicode). A token has a writing system if its characters are of
one script; marks and signs that serve many (Inherited, Common: digits, punctuation, accents, the Japanese long mark)
and unassigned ones decide nothing. Han, Hiragana and Katakana are three.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from fontTools import unicodedata

from lrp2_bench.analyses.languages.compute import Ints
from lrp2_bench.models.token_embeddings import Token

_OF_ALL = frozenset({"Zyyy", "Zinh", "Zzzz"})


@dataclass(frozen=True)
class WritingSystems:
    """``rows`` are tokens with one writing system by their row of the embeddings, ``label`` says which of ``names``.

    ``names`` are Unicode's own, the one with the most tokens first (ties by name). ``left_out`` counts the other
    tokens by why: 'special', 'bytes' (part of a character), 'common' (no script of its own), 'mixed'.
    """

    rows: Ints
    label: Ints
    names: tuple[str, ...]
    left_out: dict[str, int]

    @property
    def sizes(self) -> Ints:
        """``[writing system]``: tokens of each."""
        return np.bincount(self.label, minlength=len(self.names))


def writing_systems(tokens: Sequence[Token]) -> WritingSystems:
    """Of every token that has exactly one."""
    found: list[tuple[int, str]] = []
    left_out = dict.fromkeys(("special", "bytes", "common", "mixed"), 0)
    for token in tokens:
        if token.text is None:
            left_out[token.textless or "special"] += 1
            continue
        scripts = scripts_of(token.text)
        if len(scripts) == 1:
            found.append((token.index, min(scripts)))
        else:
            left_out["mixed" if scripts else "common"] += 1
    counts = Counter(script for _, script in found)
    order = sorted(counts, key=lambda script: (-counts[script], script))
    number = {script: place for place, script in enumerate(order)}
    return WritingSystems(
        np.array([index for index, _ in found], np.int64),
        np.array([number[script] for _, script in found], np.int64),
        tuple(unicodedata.script_name(script).replace("_", " ") for script in order),
        left_out,
    )


def scripts_of(text: str) -> frozenset[str]:
    """The ISO 15924 codes of the scripts that only some languages use."""
    return frozenset(_script(character) for character in text) - _OF_ALL


@cache
def _script(character: str) -> str:
    return str(unicodedata.script(character))
