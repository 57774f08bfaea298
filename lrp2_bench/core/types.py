"""The words of the benchmark as types: layer pairs, facts, relations, and the axis vocabulary.

Axis names used in every array annotation of the package:

==========  =====================================================================================
axis        meaning
==========  =====================================================================================
row         a query's token sequence inside a batch
token       a position inside a padded sequence
scored      a position of a row whose logits are read
hidden      the model's hidden size
layer       0..L: 0 is the embedding output, k is block k's output before any final norm
vocab       the model's vocabulary
fact        a fact of one relation, in file order
candidate   an object a fact could have, in pool order (code points of the label)
setting     0 is the baseline, then one per layer pair, in (lirp, lsrp) order
==========  =====================================================================================
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, total_ordering
from typing import Any

import numpy as np
import numpy.typing as npt

from lrp2_bench.core.prompts import Prompt, fill_template

#: int8 ``[setting, fact]``: 1 hit, 0 miss, -1 not evaluated. Row 0 is the baseline.
Hits = npt.NDArray[np.int8]

HIT, MISS, NOT_EVALUATED = 1, 0, -1


@total_ordering
@dataclass(frozen=True, slots=True)
class LayerPair:
    """Where hidden states enter the pivot's space (LIRP, after block ``lirp``) and leave it (LSRP), and how strongly.

    ``strength`` and ``strength_back`` are those of the two ways where a search chooses them; without, they are the
    run's own. A ``strength_back`` that equals ``strength`` is written as none, which :meth:`at` does; 0 is no way back.
    Pairs without strengths come first among those of the same layers.
    """

    lirp: int
    lsrp: int
    strength: float | None = None
    strength_back: float | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.lirp < self.lsrp:
            raise ValueError(
                f"A layer pair needs 1 <= lirp < lsrp, but got lirp={self.lirp}, lsrp={self.lsrp}. "
                "Layer k is the output of block k, counted from 1."
            )
        if self.strength is None and self.strength_back is not None:
            raise ValueError(f"A pair has a strength of the way back, {self.strength_back}, but none of the way there.")
        if self.strength is not None and not 0.0 < self.strength < math.inf:
            raise ValueError(f"A strength is a number above 0, not {self.strength}.")
        if self.strength_back is not None and not 0.0 <= self.strength_back < math.inf:
            raise ValueError(f"A strength of the way back is a number from 0 on, not {self.strength_back}.")
        if self.strength_back is not None and self.strength_back == self.strength:
            raise ValueError(f"A pair of one strength, {self.strength}, has no other of the way back.")

    @property
    def back(self) -> float | None:
        """The strength of the way back; None where the run's own is meant."""
        return self.strength if self.strength_back is None else self.strength_back

    @property
    def layers(self) -> LayerPair:
        """The pair without its strengths."""
        return self if self.strength is None else LayerPair(self.lirp, self.lsrp)

    def at(self, strength: float | None = None, back: float | None = None) -> LayerPair:
        """The same layers at other strengths; ``back`` may be the same."""
        return LayerPair(self.lirp, self.lsrp, strength, None if back == strength else back)

    def as_dict(self) -> dict[str, int | float]:
        """As JSON has it, strengths where it has some."""
        strengths = {"strength": self.strength, "strength_back": self.strength_back}
        named = {name: value for name, value in strengths.items() if value is not None}
        return {"lirp": self.lirp, "lsrp": self.lsrp, **named}

    def __lt__(self, other: LayerPair) -> bool:
        return self._order() < other._order()

    def _order(self) -> tuple[int, int, float, float]:
        return self.lirp, self.lsrp, self.strength or 0.0, self.back or 0.0

    def __str__(self) -> str:
        layers = f"{self.lirp}/{self.lsrp}"
        return f"{layers} at {self.strengths}" if self.strengths else layers

    @property
    def strengths(self) -> str:
        """To be read: ``0.5``, ``0.5/0.25`` where the way back has its own, nothing where a run's own are meant."""
        named = [strength for strength in (self.strength, self.strength_back) if strength is not None]
        return "/".join(f"{strength:g}" for strength in named)


#: Before the number of a further wording in the ``uuid`` of a fact that is asked in several.
WORDING = "#w"

#: What facts are evaluated under: a layer pair, or None for the baseline.
Setting = LayerPair | None


def all_pairs(blocks: int) -> tuple[LayerPair, ...]:
    """Every pair of a model with ``blocks`` blocks in (lirp, lsrp) order: ``blocks * (blocks - 1) / 2``."""
    return tuple(LayerPair(i, j) for i in range(1, blocks) for j in range(i + 1, blocks + 1))


@dataclass(frozen=True, slots=True)
class Interval:
    """A measured value between the bounds of its confidence interval; all NaN where there is nothing to measure."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Fact:
    """A (subject, object) of a relation as one language writes it.

    ``relation`` and ``line_id`` together name the same fact in every language; ``uuid`` does so by itself.
    ``templates`` are the wordings of this fact alone, in the place of its relation's. A fact that is asked in several
    wordings is there once for each, with the same ``line_id`` and a ``uuid`` that ends in ``#w2``, ``#w3``.
    """

    relation: str
    line_id: int
    uuid: str
    subject: str
    subject_id: str
    object: str
    object_id: str
    templates: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[str, int]:
        return self.relation, self.line_id

    def in_wordings(self, templates: Sequence[str]) -> Iterator[Fact]:
        """The fact once for each template, under its own ``uuid`` in the first."""
        for number, template in enumerate(templates, start=1):
            uuid = self.uuid if number == 1 else f"{self.uuid}{WORDING}{number}"
            yield replace(self, uuid=uuid, templates=(template,))


@dataclass(frozen=True)
class Relation:
    """One relation of one language: its template, the facts to probe, and every object it knows.

    ``template`` holds the slot ``[Y]`` (object) once and ``[X]`` (subject) once, or not at all where facts have no
    subject. ``objects`` maps object id to label over the *whole* relation, whatever limit cut ``facts``.
    ``variants`` maps the label of a subject that is asked about in other words (a verb of another gender) to its own
    template. ``paraphrases`` are further templates, asked where all are (``probing.templates=all``).
    ``candidates`` maps the line ids of facts that have a list of candidates of their own to the ids of those
    (``objects`` has their labels); other facts have all objects. ``answers`` maps the ids of subjects with several
    right objects in the whole relation to the ids of these.
    """

    name: str
    template: str
    facts: tuple[Fact, ...]
    objects: Mapping[str, str]
    variants: Mapping[str, str] = field(default_factory=dict)
    paraphrases: tuple[str, ...] = ()
    candidates: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    answers: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @classmethod
    def whole(
        cls, name: str, template: str, facts: tuple[Fact, ...], objects: Mapping[str, str] | None = None, **more: Any
    ) -> Relation:
        """With all its facts: its objects are theirs unless given, and subjects with several are told by them."""
        several: dict[str, set[str]] = {}
        for fact in facts:
            several.setdefault(fact.subject_id, set()).add(fact.object_id)
        answers = {subject: frozenset(ids) for subject, ids in several.items() if len(ids) > 1}
        known = {fact.object_id: fact.object for fact in facts} if objects is None else objects
        return cls(name, template, facts, known, answers=answers, **more)

    def only(self, facts: tuple[Fact, ...]) -> Relation:
        """The same relation, asked for these of its facts."""
        return replace(self, facts=facts)

    @cached_property
    def pool(self) -> tuple[str, ...]:
        """The distinct object labels, sorted by code points."""
        return tuple(sorted(set(self.objects.values())))

    @cached_property
    def by_line(self) -> Mapping[int, Fact]:
        """Its facts by line id, each in its first wording."""
        return {fact.line_id: fact for fact in reversed(self.facts)}

    def candidates_of(self, fact: Fact) -> tuple[str, ...]:
        """The ids of the objects that the fact is asked with, its own among them."""
        return self.candidates.get(fact.line_id, tuple(self.objects))

    def other_answers(self, fact: Fact) -> frozenset[str]:
        """The labels of the objects that are as true of the fact's subject as its own, without its own."""
        ids = self.answers.get(fact.subject_id, frozenset())
        return frozenset(self.objects[each] for each in ids if each in self.objects) - {fact.object}

    def templates_of(self, fact: Fact) -> tuple[str, ...]:
        """Every wording that the fact can be asked in, the probe's first."""
        return fact.templates or (self.variants.get(fact.subject, self.template), *self.paraphrases)

    def fill(self, fact: Fact, object_: str) -> Prompt:
        """The fact's first wording with its subject and ``object_`` filled in, and where they stand."""
        return fill_template(self.templates_of(fact)[0], fact.subject, object_)


@dataclass(frozen=True)
class ParallelFacts:
    """A language's relations and, relation by relation, the pivot's facts with the same ids.

    ``pivot[r].facts`` is the subset of ``language[r].facts`` that the pivot has, in the same order; its
    ``objects`` are the pivot's own. ``digest`` names the content of both, as probed.
    """

    language: str
    pivot: str
    relations: tuple[Relation, ...]
    pivot_relations: tuple[Relation, ...]
    digest: str
