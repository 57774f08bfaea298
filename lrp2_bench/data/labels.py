"""The fields of a fact as people write them: labels in one Unicode form, ids that are whole numbers, slots."""

from __future__ import annotations

import hashlib
import re
import unicodedata
import uuid

from lrp2_bench.core.data_warnings import DataWarnings

NOT_COMPOSED = "Labels and templates that were not in Unicode form NFC were put into it"
CONTROL = "Labels and templates hold control characters"
NO_UUID = "Facts without a uuid got one made of their relation and lineid"
BAD_SLOTS = "Relations whose template does not have [X] and [Y] once each were skipped"
OTHER_SLOT = "Relations whose template has a slot other than [X] and [Y] were skipped"

_IDS = uuid.uuid5(uuid.NAMESPACE_URL, "lrp2_bench/facts")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,17})")
#: A word in square brackets: [Z], [x], [ X ], [Y.GEN], [MASK]. Longer ones are text in brackets.
_SLOT = re.compile(r"\[[^\[\]]{1,20}\]")


def composed(text: str, where: str, data_warnings: DataWarnings) -> str:
    """``text`` in Unicode's form NFC (counted where it was not): tokenizers see *é* and *e + accent* as two things.

    Control characters are counted and kept; what a tokenizer makes of them is its own affair.
    """
    if not text.isprintable() and any(unicodedata.category(character) == "Cc" for character in text):
        data_warnings.add(CONTROL, where)
    if unicodedata.is_normalized("NFC", text):
        return text
    data_warnings.add(NOT_COMPOSED, where)
    return unicodedata.normalize("NFC", text)


def line_id_of(value: object) -> int | None:
    """A fact's number from its ``lineid``: 12, "12" and 12.0 are 12; another text gives the same large number in every
    language and process. None for what is not an id."""
    if isinstance(value, bool):
        return None
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    if isinstance(value, int):
        return value
    if not isinstance(value, str) or not value.strip():
        return None
    text = value.strip()
    if _NUMBER.fullmatch(text):
        return int(text)
    # Beyond every line number, so that no text takes a number's place.
    return int.from_bytes(hashlib.sha256(text.encode("utf-8")).digest()[:7], "big") | 1 << 60


def uuid_of(value: object, relation: str, line_id: int, where: str, data_warnings: DataWarnings) -> str:
    """The fact's uuid, or where there is none (counted) one that is the same in every language."""
    if isinstance(value, str) and value.strip():
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    data_warnings.add(NO_UUID, where)
    return str(uuid.uuid5(_IDS, f"{relation}:{line_id}"))


def slot_problem(template: str, *, subject: bool = True) -> str | None:
    """The kind of notice for a template that cannot be asked; None for one [X], one [Y] and no other slot. Without a
    ``subject`` of its facts a template has no [X]."""
    if template.count("[X]") != subject or template.count("[Y]") != 1:
        return BAD_SLOTS
    others = [slot for slot in _SLOT.findall(template) if slot not in ("[X]", "[Y]")]
    return OTHER_SLOT if others else None
