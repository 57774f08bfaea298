"""Languages of the user's own: a table of names, families and sizes for those that the benchmark does not know.

``languages.path=FILE`` names a table as :mod:`~lrp2_bench.data.rows` reads them, with the columns
``code,name,family,articles``; blank cells say that a thing is not known. A row for one of the benchmark's own languages
takes the place of what it knows. The case of a code means nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from lrp2_bench.core.languages import ENGLISH, GROUPS, HIGH_FROM, LANGUAGES, MEDIUM_FROM, groups, resource_class
from lrp2_bench.data.rows import Faults, Row, read_rows_at, text_of

COLUMNS = ("code", "name", "family", "articles")


@dataclass(frozen=True, slots=True)
class OwnLanguage:
    """A row: ``family`` as in :data:`~lrp2_bench.core.languages.LANGUAGES` (``Indo-European``), ``articles`` of its
    Wikipedia, or whatever else measures how much text there is, on the same scale; None where it is not known."""

    code: str
    name: str | None
    family: str | None
    articles: int | None


_own: dict[str, OwnLanguage] = {}


def read_language_table(path: Path) -> dict[str, OwnLanguage]:
    """The rows by code. Raises :class:`BenchError` with file and line for a table that cannot be read so."""
    faults = Faults()
    table = read_rows_at(path, "languages.path", COLUMNS, _EXPECTED, faults)
    found: dict[str, OwnLanguage] = {}
    places: dict[str, str] = {}
    for row in table.rows:
        language = _row(row, faults)
        if language.code in found:
            faults.add(row.place, f"code '{language.code}' is already at {places[language.code]}")
        found[language.code], places[language.code] = language, row.place
    faults.require_none(f"languages.path: {_EXPECTED}")
    return found


def own_table(path: str | None) -> Mapping[str, OwnLanguage]:
    """What ``languages.path`` names, as :func:`read_language_table` reads it; nothing where it is not set."""
    return read_language_table(Path(path).expanduser()) if path else {}


@contextmanager
def own_languages(table: Mapping[str, OwnLanguage]) -> Iterator[None]:
    """Inside, these languages have their names, families and resource classes everywhere."""
    before = dict(_own)
    _own.update(table)
    try:
        yield
    finally:
        _own.clear()
        _own.update(before)


def _own_of(code: str) -> OwnLanguage | None:
    """The user's row of a language, however a dataset spells its code."""
    return _own.get(usual_code(code))


def language_name(code: str) -> str:
    """``German`` for ``de``: the user's name, the benchmark's, that of Unicode CLDR; a code without any stays one."""
    own = _own_of(code)
    if own is not None and own.name:
        return own.name
    return LANGUAGES[code].name if code in LANGUAGES else _cldr_name(code) or code


def language_family(code: str) -> str | None:
    own = _own_of(code)
    if own is not None and own.family:
        return own.family
    return LANGUAGES[code].family if code in LANGUAGES else None


def language_script(code: str) -> str | None:
    """``Cyrillic``: that of mLAMA's texts, the one that the code names (``zh-Hant``), the likeliest by Unicode CLDR."""
    return LANGUAGES[code].script if code in LANGUAGES else _cldr_script(code)


def language_articles(code: str) -> int | None:
    own = _own_of(code)
    if own is not None and own.articles is not None:
        return own.articles
    return LANGUAGES[code].wikipedia_articles if code in LANGUAGES else None


def groups_of(
    codes: Iterable[str], high_from: int = HIGH_FROM, medium_from: int = MEDIUM_FROM
) -> dict[str, tuple[str, ...]]:
    """The groups of :func:`~lrp2_bench.core.languages.groups`, with these languages as members: ``all`` has every one,
    the others those of which the family or the size is known. English is in none."""
    groups(high_from, medium_from)  # refuses thresholds that leave no class between
    members: dict[str, list[str]] = {name: [] for name in GROUPS}
    for code in sorted(set(codes) - {ENGLISH}):
        family, articles = language_family(code), language_articles(code)
        members["all"].append(code)
        if articles is not None:
            members[resource_class(articles, high_from, medium_from)].append(code)
        if family is not None:
            members["indo_european" if family == "Indo-European" else "non_indo_european"].append(code)
        if code in LANGUAGES and LANGUAGES[code].bloom:
            members["bloom_trained"].append(code)
    return {name: tuple(codes) for name, codes in members.items()}


def resource_of(language: str, members: Mapping[str, Iterable[str]]) -> str | None:
    """The resource class of groups by name that has the language; None for the pivot and for unknown languages."""
    return next((name for name in ("high", "medium", "low") if language in members.get(name, ())), None)


def known_codes() -> frozenset[str]:
    """The benchmark's languages and the user's."""
    return frozenset(LANGUAGES) | frozenset(_own)


def is_language_code(code: str) -> bool:
    """Whether CLDR, the user or the benchmark knows a language by this code."""
    return code in known_codes() or _own_of(code) is not None or _cldr_name(code) is not None


_TAG = re.compile(r"([A-Za-z]{2,3})(?:([-_])([A-Za-z]{4}))?(?:([-_])([A-Za-z]{2}|[0-9]{3}))?")


def usual_code(code: str) -> str:
    """A code in the usual spelling of BCP 47, whose case means nothing: ``de`` for ``DE``, ``zh-Hant`` for ``ZH-hant``.
    What is no such code stays as it is."""
    tag = _TAG.fullmatch(code)
    if tag is None:
        return code
    language, script, region = tag[1].lower(), tag[3], tag[5]
    return language + (f"{tag[2]}{script.title()}" if script else "") + (f"{tag[4]}{region.upper()}" if region else "")


@cache
def _cldr_name(code: str) -> str | None:
    from babel import Locale, UnknownLocaleError  # slow to import, and most languages need it not
    from babel.core import get_global

    english = Locale("en")
    plain = english.languages.get(code.replace("-", "_")) or english.languages.get(
        get_global("language_aliases").get(code, "")
    )
    if plain is not None:
        return str(plain)
    try:
        return Locale.parse(code, sep="-" if "-" in code else "_").get_display_name("en")
    except (UnknownLocaleError, ValueError, TypeError):
        return None


@cache
def _cldr_script(code: str) -> str | None:
    from babel import Locale
    from babel.core import get_global

    parts = code.replace("_", "-").split("-")
    script = next((part.title() for part in parts[1:] if len(part) == 4 and part.isalpha()), None)
    if script is None:
        likely = get_global("likely_subtags")
        language = get_global("language_aliases").get(parts[0], parts[0])  # deu is de
        regions = [f"{language}_{part.upper()}" for part in parts[1:] if len(part) in (2, 3)]
        known = next((likely[each] for each in (*regions, language) if each in likely), "")
        script = next((part for part in known.split("_")[1:] if len(part) == 4), None)
    if script in ("Hans", "Hant"):  # the kind of writing; which of the two, the language's name says
        script = "Hani"
    return Locale("en").scripts.get(script) if script else None


_EXPECTED = (
    f"It should be a table (CSV, TSV, JSON lines or Parquet) with the columns {','.join(COLUMNS)}, such as "
    "is,Icelandic,Indo-European,57000."
)


def _row(row: Row, faults: Faults) -> OwnLanguage:
    cells = {}
    for name in COLUMNS:
        text = text_of(row.cells.get(name))
        if text is None:
            faults.add(row.place, f"{name}={str(row.cells[name])[:40]!r} is {type(row.cells[name]).__name__}, not text")
        cells[name] = text or ""
    code, articles = usual_code(cells["code"]), cells["articles"]
    if not code or code in GROUPS:
        what = f"'{code}' is the name of a group" if code else "there is no code"
        faults.add(row.place, f"{what}, but every row needs a language's code")
    if articles and not (articles.isascii() and articles.isdigit() and len(articles) <= 12):
        faults.add(row.place, f"articles='{articles}' is not a whole number, such as 57000, or blank")
        articles = ""
    return OwnLanguage(code, cells["name"] or None, cells["family"] or None, int(articles) if articles else None)
