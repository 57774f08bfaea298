"""What a language calls countries, cities, languages, scripts and currencies: the names of Unicode CLDR in Babel.

A name counts only if the language has it. Babel itself never falls back to English, with one exception: a time zone
without a city of its own gets none, and for that CLDR prescribes the last part of the zone's id (``Europe/Berlin`` is
*Berlin*). Languages of the Latin script leave such cities out of their data *because* the rule gives the right name,
so the rule is followed there; anywhere else, and in a language that names no city at all (Latin), the city is absent.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from babel import Locale, UnknownLocaleError
from babel.core import get_global

from lrp2_bench.core.errors import BenchError, UnknownNameError
from lrp2_bench.core.languages import LANGUAGES, aliases

#: The CLDR release the facts and the wordings were written against.
TESTED_CLDR = "47"

#: Names that CLDR gives but that are wrong: in Latin, Southern Europe is called Europa *Centralis*.
_WRONG: Mapping[str, frozenset[str]] = {"la": frozenset({"territory/039"})}


class CldrNames:
    """The names of one language. An entity is ``KIND/CODE``: ``territory/DE``, ``city/Europe/Berlin``,
    ``language/de``, ``script/Latn``, ``currency/EUR``; continents and regions are territories (``territory/150``).

    Raises :class:`UnknownNameError` for a language that is not among the 53, :class:`BenchError` where the
    installed Babel has no names for it.
    """

    def __init__(self, language: str) -> None:
        if language not in LANGUAGES:
            raise UnknownNameError("language", language, LANGUAGES, aliases=aliases())
        self.language = language
        try:
            locale = Locale.parse(language)
        except UnknownLocaleError as error:
            raise _no_names(language) from error
        self._tables: dict[str, Mapping[str, object]] = {
            "territory": locale.territories,
            "language": locale.languages,
            "script": locale.scripts,
            "currency": locale.currencies,
        }
        if not locale.territories:
            raise _no_names(language)
        everyone = Locale.parse("root").time_zones
        self._cities: dict[str, str] = {}
        own = 0
        for zone, entry in locale.time_zones.items():
            city = entry.get("city")
            if city is None:
                continue
            inherited = everyone.get(zone, {}).get("city") == city
            own += not inherited
            if not inherited or self._latin:
                self._cities[zone] = city
        self._derives = self._latin and own > 0
        if not own:
            self._cities = {}

    @property
    def _latin(self) -> bool:
        return LANGUAGES[self.language].script == "Latin"

    def label(self, entity: str) -> str | None:
        """The entity's name, or None where the language's CLDR data have none."""
        kind, code = entity.split("/", 1)
        if entity in _WRONG.get(self.language, ()):
            return None
        if kind == "city":
            derived = code.rsplit("/", 1)[-1].replace("_", " ") if self._derives else None
            return self._cities.get(code, derived)
        if kind not in self._tables:
            raise UnknownNameError("kind of entity", kind, [*self._tables, "city"])
        name = self._tables[kind].get(code)
        if not isinstance(name, str) or not name.strip() or name == code:
            return None
        return " ".join(name.split())


@cache
def names_of(language: str) -> CldrNames:
    """:class:`CldrNames` of a language, read once."""
    return CldrNames(language)


def cldr_version() -> str:
    """The CLDR release inside the installed Babel, ``unknown`` where Babel does not say."""
    return str(get_global("cldr").get("version", "unknown"))


def _no_names(language: str) -> BenchError:
    return BenchError(
        f"The installed Babel has no CLDR names for '{language}' (CLDR {cldr_version()}; tested with {TESTED_CLDR}). "
        "Install a complete Babel ('pip install --force-reinstall babel>=2.18')."
    )
