"""X-FACTR's prompts: a relation in a language's words, with slots that agree with subject and object.

==============================  ============================================  ===================================
slot                            asks for                                      what stands there
==============================  ============================================  ===================================
``[X]``, ``[X.Nom]``            the subject's name                            the name
``[Y.Gen]``, ``[X.IN+ESS]``     the name in a case                            the name as it is (counted)
``[Y;be]``                      the name with the copula's ending             the name as it is (counted)
``[né;X-Gender=MASC|...]``      a word that agrees with the subject's gender  its form, or the first one (counted)
``[dueño;Y-Gender=MASC|...]``   ... with the object's gender                  the first: it would tell the object
``[toca;X-Number=SG|...]``      ... with the subject's number                 the first (counted)
``[ARTDEF;Y]``, ``[PREPLOC;Y]`` an article or the preposition with it         nothing, or the preposition alone
==============================  ============================================  ===================================

Genders come with the data; inflected names do not, and making them up would ask for a morphology of each language.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

#: What a slot was filled with in place of what it asks for, as counted in data warnings.
UNINFLECTED = "is uninflected where the prompt needs a case"
GENDER = "asked in the first form (masculine), because the subject's gender is not in the data"
OBJECT = "asked in the first form, because the object's own would give it away"
NUMBER = "asked in the singular, because the subject's number is not in the data"
ARTICLE = "asked without an article, or with a plain preposition"

KNOWN_SLOTS = (
    "[X], [Y], [X.CASE], [Y.CASE], [Y;be], [WORD;X-Gender=MASC|WORD;X-Gender=FEM] (also Y-, and X-Number=SG|PL), "
    "and articles such as [ARTDEF;Y]"
)

#: Articles and prepositions that agree with a noun, by language: what stands where gender and case are unknown.
#: French drops the article before names and puts 'en' before countries; Greek and French prepositions merge with it.
_ARTICLES: Mapping[str, Mapping[str, str]] = {
    "fr": {"ARTDEF": "", "ARTIND": "un", "PREPDEF": "de", "PREPDEF-à": "à", "PREPLOC": "en"},
    "el": {"DEF": "", "DEF.Gen": "του", "INDEF": "ένα", "PREPDEF": "σε"},
    "es": {"DEF": "el", "ART": "un"},
}

_SLOT = re.compile(r"\[[^\[\]]*\]")
_NAME = re.compile(r"([XY])(?:\.([A-Za-z+]+)|;be)?")
_CHOICE = re.compile(r"[^;|]+;([XY])-(?:Gender|Number)=[A-Z]+(?:\|[^;|]+;\1-(?:Gender|Number)=[A-Z]+)+")
_ARTICLE = re.compile(r"([^;]+);[XY](?:-Gender|\.Fem)?")
#: Slots of the published file that are one slip of the keyboard away from what was meant: a Cyrillic letter.
_SLIPS = {"[Х]": "[X]"}


class UnknownSlotError(ValueError):
    """A slot that is none of those in the module's table; ``args[0]`` is the slot."""


@dataclass
class Prompt:
    """``template`` holds ``[X]`` and ``[Y]`` and no other slot; ``forms`` maps a subject's gender (MASC, FEM, NEUT) to
    the template that agrees with it, where some word does. ``stand_ins`` are the kinds of slots met above."""

    template: str
    forms: dict[str, str] = field(default_factory=dict)
    stand_ins: set[str] = field(default_factory=set)


def parse_prompt(text: str, language: str) -> Prompt:
    """The prompt of one relation. Raises :class:`UnknownSlotError`."""
    stand_ins: set[str] = set()

    def filled(gender: str | None, counted: set[str]) -> str:
        return _tidy(_SLOT.sub(lambda slot: _fill(slot[0], language, gender, counted), text))

    genders = ("MASC", "FEM", "NEUT") if "X-Gender" in text else ()
    return Prompt(filled(None, stand_ins), {gender: filled(gender, set()) for gender in genders}, stand_ins)


def _fill(slot: str, language: str, gender: str | None, stand_ins: set[str]) -> str:
    slot = _SLIPS.get(slot, slot)
    inner = slot[1:-1]
    if name := _NAME.fullmatch(inner):
        if inner != name[1] and (name[2] or "").lower() != "nom":
            stand_ins.add(UNINFLECTED)
        return f"[{name[1]}]"
    if choice := _CHOICE.fullmatch(inner):
        return _choose(inner, choice[1], gender, stand_ins)
    article = _ARTICLE.fullmatch(inner)
    plain = _ARTICLES.get(language, {}).get(article[1]) if article else None
    if plain is None:
        raise UnknownSlotError(slot)
    stand_ins.add(ARTICLE)
    return plain


def _choose(inner: str, of: str, gender: str | None, stand_ins: set[str]) -> str:
    words = [part.split(";") for part in inner.split("|")]
    forms = {agrees.split("-")[1]: word for word, agrees in words}
    if of == "Y":
        stand_ins.add(OBJECT)
    elif "Gender=MASC" in forms:
        stand_ins.add(GENDER)
        return forms.get(f"Gender={gender}", words[0][0])
    else:
        stand_ins.add(NUMBER)
    return words[0][0]


def _tidy(text: str) -> str:
    """Single spaces, none at the ends: a slot that is filled with nothing leaves two."""
    return re.sub(r" {2,}", " ", text).strip()
