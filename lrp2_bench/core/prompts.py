"""A template filled in: the text, and where its subject and object stand in it. Nobody else derives these places."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

#: ``[start, end)`` in characters.
Span = tuple[int, int]

#: The slots of a template: the subject's and the object's.
SUBJECT, OBJECT = "[X]", "[Y]"

_SLOT = re.compile(r"\[[XY]\]")


@dataclass(frozen=True, slots=True)
class Prompt:
    """``text`` with the spans of its subject and its object, ``[start, end)`` in characters of ``text``."""

    text: str
    subject: Span
    object: Span


def fill_template(template: str, subject: str, object_: str) -> Prompt:
    """``template`` with ``[X]`` and ``[Y]`` filled. One without ``[X]`` names its subject itself or has none: the
    subject's span is then empty.

    Raises ValueError where ``[Y]`` is missing or a slot stands twice; datasets leave such templates out, with a count.
    """
    if SUBJECT not in template:
        text, spans = fill_slots(template, {OBJECT: object_})
        return Prompt(text, (0, 0), spans[OBJECT])
    text, spans = fill_slots(template, {SUBJECT: subject, OBJECT: object_})
    return Prompt(text, spans[SUBJECT], spans[OBJECT])


def fill_slots(template: str, labels: Mapping[str, str]) -> tuple[str, dict[str, Span]]:
    """The text and each slot's span. One pass over the template: labels that hold a slot's own text stay as they are.

    ``labels`` maps the slots that the template must hold, once each, to what stands there; other slots are text.
    Raises ValueError where one of them is missing or stands twice.
    """
    text, end, spans = "", 0, dict[str, Span]()
    for slot in _SLOT.finditer(template):
        if slot[0] not in labels:
            continue
        if slot[0] in spans:
            raise ValueError(f"The template '{template}' holds {slot[0]} more than once.")
        text += template[end : slot.start()]
        spans[slot[0]] = (len(text), len(text) + len(labels[slot[0]]))
        text, end = text + labels[slot[0]], slot.end()
    if missing := [slot for slot in labels if slot not in spans]:
        raise ValueError(f"The template '{template}' lacks {' and '.join(missing)}.")
    return text + template[end:], spans
