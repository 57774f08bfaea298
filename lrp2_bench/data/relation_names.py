"""What the relations' codes mean: Wikidata's English labels (CC0) of the properties that the datasets ask for."""

from __future__ import annotations

from typing import Final

_NAMES: Final = """
P17 country
P19 place of birth
P20 place of death
P27 country of citizenship
P30 continent
P31 instance of
P36 capital
P37 official language
P38 currency
P39 position held
P47 shares border with
P50 author
P54 member of sports team
P69 educated at
P101 field of work
P102 member of political party
P103 native language
P106 occupation
P108 employer
P127 owned by
P131 located in territory
P136 genre
P138 named after
P140 religion
P159 headquarters location
P166 award received
P176 manufacturer
P178 developer
P190 twinned body
P264 record label
P276 location
P279 subclass of
P282 writing system
P361 part of
P364 original language of film
P407 language of work
P413 position played on team
P449 original broadcaster
P463 member of
P495 country of origin
P527 has part
P530 diplomatic relation
P569 date of birth
P570 date of death
P571 inception
P577 publication date
P580 start time
P582 end time
P585 point in time
P740 location of formation
P937 work location
P1001 applies to jurisdiction
P1303 instrument
P1376 capital of
P1412 languages spoken
P1923 participating team
P2341 indigenous to
"""
_BY_CODE: Final = dict(line.split(" ", 1) for line in _NAMES.strip().splitlines())


def relation_name(relation: str) -> str:
    """``capital`` for ``P36``; '' for a relation that no dataset here has."""
    return _BY_CODE.get(relation, "")
