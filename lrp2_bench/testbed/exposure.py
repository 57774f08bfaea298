"""Which facts each language's pretraining text covers, so that every hit is *seen here* or *seen only elsewhere*.

The rule, for a seed:

1. A fifth of the countries is **held out**: only the pivot's text covers them. In a **no-transfer control**
   (``twin``) the pivot's does not either; everything else is the same. What it gets right in a language about held-out
   countries it got from pool priors and shared spellings; what the full model gets right beyond that is knowledge
   transferred from the pivot.
2. Every other language covers a share of the countries: high-resource languages 60 to 80 %, medium 30 to 55 %, low 10
   to 15 %, growing within a class with the logarithm of the Wikipedia's size. Its countries are the first of an order
   of its own, drawn from those that are not held out. The shares are of *all* countries, so that a language at 80 %
   misses only the held-out ones.
3. A country is covered with everything about it or not at all: capital, continent, currency, official language,
   region, its cities, the languages spoken there and their scripts. So no fact gives away another.

Only a held-out country is sure to be known from the pivot alone; other countries not covered in a language may be
covered in a third one, and are counted apart (:data:`ELSEWHERE`).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final, Literal

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.languages import ENGLISH, HIGH_FROM, MEDIUM_FROM, require
from lrp2_bench.core.types import Fact
from lrp2_bench.data.cldr.facts import CldrFact, cldr_facts, countries

Status = Literal["seen", "pivot", "elsewhere", "nowhere"]

#: The language's own text has the fact.
SEEN: Final = "seen"
#: The pivot's text alone has it: a held-out country, or one that chance left to the pivot.
PIVOT: Final = "pivot"
#: Another language's text has it (and the pivot's), the language's own does not.
ELSEWHERE: Final = "elsewhere"
#: No text has it: a held-out country for a no-transfer control.
NOWHERE: Final = "nowhere"

#: Class -> articles and shares of countries at the band's two ends.
_BANDS: Mapping[str, tuple[float, float, float, float]] = {
    "high": (HIGH_FROM, 3_000_000, 0.60, 0.80),
    "medium": (MEDIUM_FROM, HIGH_FROM, 0.30, 0.55),
    "low": (10_000, MEDIUM_FROM, 0.10, 0.15),
}


def share_of(language: str) -> float:
    """The share of all countries that ``language``'s text covers, two decimals; 1 for English."""
    if language == ENGLISH:
        return 1.0
    known = require(language)
    low, high, least, most = _BANDS[known.resource]
    place = math.log(max(known.wikipedia_articles, low) / low) / math.log(high / low)
    return round(least + (most - least) * min(place, 1.0), 2)


@dataclass(frozen=True)
class Exposure:
    """What a model's pretraining text covers. ``shares`` maps each of its languages to its share of countries.

    Written into the checkpoint's manifest (:meth:`as_dict`) and read from there, for the default shares may change
    with the tables they are computed from. Raises :class:`BenchError` where a share leaves no room for the held-out
    countries, or the pivot is not among the languages.
    """

    shares: Mapping[str, float]
    pivot: str = ENGLISH
    held_out: float = 0.2
    seed: int = 0
    twin: bool = False
    _covered: dict[str, frozenset[str]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.pivot not in self.shares:
            raise BenchError(f"The pivot '{self.pivot}' is not among the languages {', '.join(sorted(self.shares))}.")
        if not 0.0 <= self.held_out < 1.0:
            raise BenchError(f"held_out={self.held_out}: give a share of the countries from 0 up to, not with, 1.")
        for language, share in self.shares.items():
            most = 1.0 if language == self.pivot else 1.0 - self.held_out
            if not 0.0 <= share <= most + 1e-9:
                raise BenchError(
                    f"Exposure of '{language}' is {share}; with held_out={self.held_out} it is 0 to {most}."
                )

    @classmethod
    def default(cls, languages: Sequence[str], seed: int = 0) -> Exposure:
        """The rule's shares for these languages; English is added if it is missing."""
        return cls({language: share_of(language) for language in sorted({*languages, ENGLISH})}, seed=seed)

    @cached_property
    def held_out_countries(self) -> frozenset[str]:
        """The countries that the pivot alone covers."""
        order = sorted(countries(), key=lambda country: self._draw("held out", country))
        return frozenset(order[: round(self.held_out * len(order))])

    def countries(self, language: str) -> frozenset[str]:
        """The countries ``language``'s text covers; none for a language the model was not trained on."""
        if language not in self._covered:
            self._covered[language] = self._draw_countries(language)
        return self._covered[language]

    def exposed(self, fact: Fact | CldrFact, language: str) -> bool:
        """Whether ``language``'s text has ``fact``. Raises :class:`BenchError` for a fact of another dataset."""
        return country_of(fact) in self.countries(language)

    def status(self, fact: Fact | CldrFact, language: str) -> Status:
        """:data:`SEEN`, :data:`PIVOT`, :data:`ELSEWHERE` or :data:`NOWHERE`; for the pivot SEEN or one of the last two.

        Counts the countries of a language's text as covered even where the language has no name for a fact's object.
        """
        if self.exposed(fact, language):
            return SEEN
        sources = {other for other in self.shares if self.exposed(fact, other)}
        if sources == {self.pivot}:
            return PIVOT
        return ELSEWHERE if sources else NOWHERE

    def as_twin(self) -> Exposure:
        """The no-transfer control's: the same, but the pivot does not cover held-out countries."""
        return replace(self, twin=True)

    def as_dict(self) -> dict[str, Any]:
        """For ``manifest.json``; :meth:`from_dict` reads it."""
        return {
            "shares": dict(self.shares),
            "pivot": self.pivot,
            "held_out": self.held_out,
            "seed": self.seed,
            "twin": self.twin,
        }

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> Exposure:
        """Raises :class:`BenchError` where the manifest's entry is not what :meth:`as_dict` writes."""
        try:
            return cls(**value)
        except (TypeError, AttributeError) as error:
            raise BenchError(f"The manifest's exposure cannot be read ({error}). Rebuild the checkpoint.") from error

    def _draw_countries(self, language: str) -> frozenset[str]:
        if language not in self.shares:
            return frozenset()
        held_out = self.held_out_countries
        open_to_all = [country for country in countries() if country not in held_out]
        if language == self.pivot and self.shares[language] == 1.0:
            return frozenset(open_to_all if self.twin else countries())
        open_to_all.sort(key=lambda country: self._draw(language, country))
        return frozenset(open_to_all[: round(self.shares[language] * len(countries()))])

    def _draw(self, what: str, country: str) -> str:
        return hashlib.sha256(f"{self.seed}:{what}:{country}".encode()).hexdigest()


def country_of(fact: Fact | CldrFact) -> str:
    """The country a fact is withheld with. Raises :class:`BenchError` for a fact of another dataset."""
    if isinstance(fact, CldrFact):
        return fact.country
    lines = cldr_facts().get(fact.relation, ())
    # Lines are numbered from 0 in the table's order; the id separates them from mLAMA's of the same number.
    if 0 <= fact.line_id < len(lines) and lines[fact.line_id].uuid == fact.uuid:
        return lines[fact.line_id].country
    raise BenchError(
        f"Fact {fact.relation} line {fact.line_id} ({fact.uuid}) is not one of the embedded dataset's. Exposure is "
        "known for dataset=cldr only."
    )
