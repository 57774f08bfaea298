"""How each of the 53 languages words each relation: at least two wordings, one of them the probe's.

``templates.json`` holds per language ``templates`` (relation -> wordings with ``[X]`` and ``[Y]``, once each)
and ``names`` (kind of entity -> a wording with ``[X]`` that says what it is and nothing else). Names are never
inflected: where grammar would, the wording stands a noun before the name (*столица страны Франция*) or a colon.

The probe asks with the first wording, or with number ``probe``: in Korean and Japanese an ending follows the object
without a space, and a tokenizer of words would see another word there than in front of a mask.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from lrp2_bench.core.errors import UnknownNameError
from lrp2_bench.core.languages import LANGUAGES, aliases


@dataclass(frozen=True)
class Wordings:
    """One language's wordings: ``templates[relation]``, number ``probe`` of each the probe's, and ``names[kind]``."""

    templates: Mapping[str, tuple[str, ...]]
    names: Mapping[str, str]
    probe: int = 0

    def query(self, relation: str) -> str:
        """The wording that facts of ``relation`` are asked with."""
        return self.templates[relation][self.probe]


def wordings(language: str) -> Wordings:
    """The wordings of ``language``; :class:`UnknownNameError` for one that is not among the 53."""
    if language not in _all():
        raise UnknownNameError("language", language, _all(), "These are the dataset's.", aliases())
    return _all()[language]


@cache
def _all() -> Mapping[str, Wordings]:
    text = resources.files("lrp2_bench.data.cldr").joinpath("templates.json").read_text("utf-8")
    raw = json.loads(text)
    return {
        code: Wordings(
            {name: tuple(texts) for name, texts in raw[code]["templates"].items()},
            raw[code]["names"],
            raw[code].get("probe", 0),
        )
        for code in LANGUAGES
    }
