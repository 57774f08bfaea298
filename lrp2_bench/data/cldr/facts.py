"""The facts of the embedded testbed, without a word of any language: 1,865 lines of CLDR codes.

``cldr_facts.csv`` holds ``relation,line,subject,object,country``. A line is never renumbered or reused (new facts go
to the end of their relation), for its number is the fact's id. Where the facts come from:

===== ========================================================= =============================================
P17   country of a city                                         CLDR's territory of each time zone
P30   continent of a country                                    UN M49 (CLDR's territory containment)
P36   capital of a country                                      time-zone cities that are capitals
P37   official language of a country, the one most spoken there CLDR's territory-language data, fixed by hand
P38   currency of a country                                     CLDR's currency in use, 2026
P282  script of a language                                      CLDR's likely subtags; Latin held to 60 languages
P361  subregion of a country (South America is a continent)     UN M49
P2341 country in which most speakers of a language live         CLDR's likely subtags, living languages only
===== ========================================================= =============================================

Countries are the UN's members and observers, Taiwan and Kosovo, as CLDR lists them: no position is taken.
Uncertain lines were left out (disputed cities, capitals on the move, islands among the cities), and so was every
city whose English name holds its country's or is held by it, which a query would give away.
"""

from __future__ import annotations

import csv
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

_IDS = uuid.uuid5(uuid.NAMESPACE_URL, "lrp2_bench/cldr")


@dataclass(frozen=True, slots=True)
class CldrFact:
    """One line. ``subject`` and ``object`` are entities of :mod:`lrp2_bench.data.cldr.names`.

    ``country`` is the ISO 3166 code of the country the fact is about: the subject itself, the city's
    country, the country where the language is spoken. What is withheld is withheld by country, so that the capital
    of a country does not give away the country of a city.
    """

    relation: str
    line: int
    subject: str
    object: str
    country: str

    @property
    def uuid(self) -> str:
        return str(uuid.uuid5(_IDS, f"{self.relation}:{self.line}"))


@cache
def cldr_facts() -> Mapping[str, tuple[CldrFact, ...]]:
    """Every fact, by relation, in line order."""
    text = resources.files("lrp2_bench.data.cldr").joinpath("facts.csv").read_text("utf-8")
    facts: dict[str, list[CldrFact]] = {}
    for row in csv.DictReader(text.splitlines()):
        fact = CldrFact(row["relation"], int(row["line"]), row["subject"], row["object"], row["country"])
        facts.setdefault(fact.relation, []).append(fact)
    return {relation: tuple(facts[relation]) for relation in sorted(facts, key=lambda name: int(name[1:]))}


@cache
def countries() -> tuple[str, ...]:
    """The codes of all countries facts are about, sorted."""
    return tuple(sorted({fact.country for facts in cldr_facts().values() for fact in facts}))


def kind_of(relation: str, entity: str) -> str:
    """What an entity is called as: city, country, continent, region, language, currency or script."""
    kind, code = entity.split("/", 1)
    if kind != "territory":
        return kind
    if code.isalpha():
        return "country"
    return "continent" if relation == "P30" else "region"
