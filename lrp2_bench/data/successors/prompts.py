"""Templates from prompts in which the subject stands already: what is cut out of them, and what is common to several.

Collections that publish filled prompts lose which words were the template. Cutting the subject out finds it again, as
long as one asks the other prompts of the relation which of several occurrences was meant.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from itertools import takewhile

from lrp2_bench.core.prompts import OBJECT, SUBJECT

MASK = "<mask>"
NO_MASK = "Prompts without <mask> once were skipped"
NO_SUBJECT = "Prompts that do not hold their subject are asked as they are"

#: Scripts without spaces between words, of which every letter is a piece of its own.
_UNSPACED = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR", "IDEOGRAPHIC")


def cut_out(prompts: Sequence[tuple[str, str]], groups: Sequence[Hashable] | None = None) -> list[str]:
    """The template of each (prompt, subject): ``[X]`` for the subject, ``[Y]`` for the mask.

    Where the subject stands several times (*ose* in *ose se compose de*), the template that more prompts of the same
    group have is the one. A prompt that lacks its subject stays as it is, without ``[X]``.
    """
    groups = [None] * len(prompts) if groups is None else groups
    options = [_cut(prompt.replace(MASK, OBJECT), subject) for prompt, subject in prompts]
    counts = Counter((group, each) for group, some in zip(groups, options, strict=True) for each in some)
    return [
        max(some, key=lambda each, group=group: counts[group, each])  # type: ignore[misc]
        for group, some in zip(groups, options, strict=True)
    ]


def differing(texts: Sequence[str]) -> list[str]:
    """The part of each text in which it differs from the others, in whole words; '' where they differ at no one place,
    or around the mask too."""
    pieces = [_pieces(text) for text in texts]
    start = shared_start(pieces)
    end = shared_start([text[start:][::-1] for text in pieces])
    parts = ["".join(text[start : len(text) - end]).strip() for text in pieces]
    return parts if all(parts) and not any(MASK in part for part in parts) else [""] * len(texts)


def shared_start(texts: Sequence[Sequence[str]]) -> int:
    """How many pieces all texts begin with."""
    return sum(1 for _ in takewhile(lambda column: len(set(column)) == 1, zip(*texts, strict=False)))


def slug(template: str) -> str:
    """A relation's name from its English template: ``the_capital_of_x_is_y``."""
    words = template.replace(SUBJECT, " x ").replace(OBJECT, " y ").replace(MASK, " y ").lower()
    return re.sub(r"[\W_]+", "_", words).strip("_")


def ids_by_english(labels: Iterable[tuple[str, str | None]], language: str) -> dict[str, str]:
    """Label -> an id that all languages share: the English label at the same place, the first time that it is free.

    A label that stands nowhere beside an English one is marked with its language.
    """
    ids: dict[str, str] = {}
    taken: set[str] = set()
    pairs = list(labels)
    for label, english in pairs:
        if label not in ids and english is not None and english not in taken:
            ids[label] = english
            taken.add(english)
    return ids | {label: f"{label} ({language})" for label, _ in pairs if label not in ids}


def _cut(prompt: str, subject: str) -> list[str]:
    cut = []
    place = prompt.find(subject) if subject else -1
    while place >= 0:
        cut.append(prompt[:place] + SUBJECT + prompt[place + len(subject) :])
        place = prompt.find(subject, place + 1)
    # An occurrence that takes a slot apart is none.
    return [template for template in cut if template.count(OBJECT) == 1] or [prompt]


def _pieces(text: str) -> list[str]:
    """Words with their marks, masks, and every other character by itself."""
    pieces: list[str] = []
    for part in re.split(f"({MASK})", text):
        word = ""
        for character in [part] if part == MASK else part:
            if word and _is_of_a_word(character):
                pieces[-1] += character
            else:
                pieces.append(character)
            word = character if _is_of_a_word(character) else ""
    return pieces


def _is_of_a_word(character: str) -> bool:
    return (
        len(character) == 1
        and unicodedata.category(character)[0] in "LMN"
        and not unicodedata.name(character, "").startswith(_UNSPACED)
    )
