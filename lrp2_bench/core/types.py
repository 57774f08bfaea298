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
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, total_ordering

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
    run's own. A ``strength_back`` that equals ``strength`` is the same pair as none. Pairs without strengths come
    first among those of the same layers.
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
        for strength in (self.strength, self.strength_back):
            if strength is not None and not 0.0 < strength < math.inf:
                raise ValueError(f"A strength is a number above 0, not {strength}.")
        if self.strength_back == self.strength:
            object.__setattr__(self, "strength_back", None)

    @property
    def back(self) -> float | None:
        """The strength of the way back; None where the run's own is meant."""
        return self.strength if self.strength_back is None else self.strength_back

    @property
    def layers(self) -> LayerPair:
        """The pair without its strengths."""
        return self if self.strength is None else LayerPair(self.lirp, self.lsrp)

    def at(self, strength: float | None, back: float | None = None) -> LayerPair:
        """The same layers at other strengths."""
        return LayerPair(self.lirp, self.lsrp, strength, back)

    def __lt__(self, other: LayerPair) -> bool:
        return self._order() < other._order()

    def _order(self) -> tuple[int, int, float, float]:
        return self.lirp, self.lsrp, self.strength or 0.0, self.back or 0.0

    def __str__(self) -> str:
        layers = f"{self.lirp}/{self.lsrp}"
        if self.strength is None:
            return layers
        return f"{layers} x {self.strength:g}" + ("" if self.strength_back is None else f"/{self.strength_back:g}")


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
    """

    relation: str
    line_id: int
    uuid: str
    subject: str
    subject_id: str
    object: str
    object_id: str

    @property
    def key(self) -> tuple[str, int]:
        return self.relation, self.line_id


@dataclass(frozen=True)
class Relation:
    """One relation of one language: its template, the facts to probe, and every object it knows.

    ``template`` holds the slots ``[X]`` (subject) and ``[Y]`` (object), each exactly once.
    ``objects`` maps object id to label over the *whole* relation, whatever limit cut ``facts``.
    ``variants`` maps the label of a subject that is asked about in other words (a verb of another gender) to its own
    template.
    """

    name: str
    template: str
    facts: tuple[Fact, ...]
    objects: Mapping[str, str]
    variants: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def pool(self) -> tuple[str, ...]:
        """The distinct object labels, sorted by code points."""
        return tuple(sorted(set(self.objects.values())))

    def fill(self, subject: str, object_: str) -> Prompt:
        """The subject's own template with both slots filled, and where they stand."""
        return fill_template(self.variants.get(subject, self.template), subject, object_)


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
