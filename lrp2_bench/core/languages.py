"""The 53 languages of mLAMA: names, codes, family, script, size of Wikipedia, and who trained on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lrp2_bench.core.errors import BenchError, UnknownNameError

Resource = Literal["high", "medium", "low"]

#: Wikipedia articles from which a language counts as high or medium resource. The paper names the criterion but not
#: its thresholds, so these are ours.
HIGH_FROM = 1_000_000
MEDIUM_FROM = 100_000


@dataclass(frozen=True, slots=True)
class Language:
    """A language as the benchmark knows it.

    ``iso639_3`` is the code of LASER's Tatoeba sets, which name an individual language where the two-letter code is a
    macrolanguage (``fa`` is ``pes``, ``zh`` is ``cmn``). ``script`` is the one mLAMA writes the language in.
    ``wikipedia_articles`` is the size of its Wikipedia in mid-2023, the paper's time, to about 5 %. ``bloom``,
    ``mbert`` and ``xlmr`` say whether the model was pretrained on it (ROOTS, the 104 largest Wikipedias, CC-100).
    """

    code: str
    name: str
    iso639_3: str
    family: str
    script: str
    wikipedia_articles: int
    bloom: bool
    mbert: bool
    xlmr: bool

    @property
    def indo_european(self) -> bool:
        return self.family == "Indo-European"

    @property
    def resource(self) -> Resource:
        return resource_class(self.wikipedia_articles)


def resource_class(articles: int, high_from: int = HIGH_FROM, medium_from: int = MEDIUM_FROM) -> Resource:
    """The resource class of a language with this many Wikipedia articles; a threshold belongs to the class it opens."""
    if articles >= high_from:
        return "high"
    return "medium" if articles >= medium_from else "low"


# code, name, ISO 639-3, family, script, thousands of Wikipedia articles in mid-2023
_TABLE = """
af  Afrikaans   afr Indo-European Latin       110
ar  Arabic      ara Afro-Asiatic  Arabic     1210
az  Azerbaijani aze Turkic        Latin       195
be  Belarusian  bel Indo-European Cyrillic    235
bg  Bulgarian   bul Indo-European Cyrillic    293
bn  Bengali     ben Indo-European Bengali     142
ca  Catalan     cat Indo-European Latin       732
ceb Cebuano     ceb Austronesian  Latin      6123
cs  Czech       ces Indo-European Latin       530
cy  Welsh       cym Indo-European Latin       279
da  Danish      dan Indo-European Latin       293
de  German      deu Indo-European Latin      2820
el  Greek       ell Indo-European Greek       223
en  English     eng Indo-European Latin      6690
es  Spanish     spa Indo-European Latin      1875
et  Estonian    est Uralic        Latin       239
eu  Basque      eus isolate       Latin       413
fa  Persian     pes Indo-European Arabic      970
fi  Finnish     fin Uralic        Latin       555
fr  French      fra Indo-European Latin      2540
ga  Irish       gle Indo-European Latin        59
gl  Galician    glg Indo-European Latin       198
he  Hebrew      heb Afro-Asiatic  Hebrew      340
hi  Hindi       hin Indo-European Devanagari  158
hr  Croatian    hrv Indo-European Latin       216
hu  Hungarian   hun Uralic        Latin       528
hy  Armenian    hye Indo-European Armenian    300
id  Indonesian  ind Austronesian  Latin       650
it  Italian     ita Indo-European Latin      1820
ja  Japanese    jpn Japonic       Japanese   1380
ka  Georgian    kat Kartvelian    Georgian    168
ko  Korean      kor Koreanic      Hangul      638
la  Latin       lat Indo-European Latin       138
lt  Lithuanian  lit Indo-European Latin       209
lv  Latvian     lvs Indo-European Latin       121
ms  Malay       zsm Austronesian  Latin       363
nl  Dutch       nld Indo-European Latin      2126
pl  Polish      pol Indo-European Latin      1574
pt  Portuguese  por Indo-European Latin      1105
ro  Romanian    ron Indo-European Latin       439
ru  Russian     rus Indo-European Cyrillic   1925
sk  Slovak      slk Indo-European Latin       244
sl  Slovenian   slv Indo-European Latin       182
sq  Albanian    sqi Indo-European Latin        90
sr  Serbian     srp Indo-European Cyrillic    672
sv  Swedish     swe Indo-European Latin      2560
ta  Tamil       tam Dravidian     Tamil       154
th  Thai        tha Kra-Dai       Thai        158
tr  Turkish     tur Turkic        Latin       532
uk  Ukrainian   ukr Indo-European Cyrillic   1270
ur  Urdu        urd Indo-European Arabic      191
vi  Vietnamese  vie Austroasiatic Latin      1285
zh  Chinese     cmn Sino-Tibetan  Han        1368
"""

_BLOOM = frozenset({"ar", "bn", "ca", "en", "es", "eu", "fr", "hi", "id", "pt", "ta", "ur", "vi", "zh"})

# Other spellings people type: ISO 639-2/B, macrolanguages, country codes mistaken for languages, retired codes.
_OTHER_SPELLINGS = """
de ger; fr fre; zh chi zho cn mandarin; fa per fas farsi; eu baq; sq alb; hy arm; cs cze cz; cy wel; nl dut flemish;
el gre gr; ka geo; ms may msa malaysian; ro rum mo; sk slo; lv lav; he iw; id in; ja jp; ko kr; da dk; ga gaelic;
ca valencian; es castilian; bn bangla; hr scr; sr scc; en british american
"""


def _languages() -> dict[str, Language]:
    languages = {}
    for line in _TABLE.split("\n")[1:-1]:
        code, name, iso639_3, family, script, thousands = line.split()
        languages[code] = Language(
            code=code,
            name=name,
            iso639_3=iso639_3,
            family=family,
            script=script,
            wikipedia_articles=int(thousands) * 1000,
            bloom=code in _BLOOM,
            mbert=True,  # all 53 are among the 104 Wikipedias of cased mBERT
            xlmr=code != "ceb",  # the one that CC-100 lacks
        )
    return languages


#: The languages of mLAMA by code, sorted.
LANGUAGES: dict[str, Language] = _languages()

#: The language the paper draws knowledge from; it belongs to no group.
ENGLISH = "en"


def groups(high_from: int = HIGH_FROM, medium_from: int = MEDIUM_FROM) -> dict[str, tuple[str, ...]]:
    """The paper's groups of languages by name, codes sorted, English left out; thresholds in Wikipedia articles.

    Raises :class:`BenchError` where ``medium_from`` is not below ``high_from``.
    """
    if not 0 <= medium_from < high_from:
        raise BenchError(
            f"high_from={high_from} medium_from={medium_from}: give Wikipedia articles, medium_from below high_from, "
            f"such as high_from={HIGH_FROM} medium_from={MEDIUM_FROM}."
        )
    others = [language for code, language in LANGUAGES.items() if code != ENGLISH]

    def of_class(resource: Resource) -> tuple[str, ...]:
        return tuple(x.code for x in others if resource_class(x.wikipedia_articles, high_from, medium_from) == resource)

    return {
        "all": tuple(x.code for x in others),
        "high": of_class("high"),
        "medium": of_class("medium"),
        "low": of_class("low"),
        "indo_european": tuple(x.code for x in others if x.indo_european),
        "non_indo_european": tuple(x.code for x in others if not x.indo_european),
        "bloom_trained": tuple(x.code for x in others if x.bloom),
    }


#: :func:`groups` with the default thresholds. 'all' are the 52 languages Table 1 averages over.
GROUPS: dict[str, tuple[str, ...]] = groups()


def aliases() -> dict[str, str]:
    """Other spellings of each language, lower case, to its code: names, ISO 639-3, ISO 639-2/B and common slips."""
    spellings: dict[str, str] = {}
    for language in LANGUAGES.values():
        spellings[language.name.lower()] = language.code
        spellings[language.iso639_3] = language.code
    for entry in _OTHER_SPELLINGS.replace("\n", " ").split(";"):
        code, *others = entry.split()
        spellings.update((other, code) for other in others)
    # A spelling that is itself a code ('la', 'ceb') names that code.
    return {spelling: code for spelling, code in spellings.items() if spelling not in LANGUAGES}


def require(code: str, what: str = "language") -> Language:
    """The language of ``code``; :class:`UnknownNameError` otherwise, suggesting ``de`` for ``ger`` or ``German``."""
    try:
        return LANGUAGES[code]
    except KeyError:
        raise UnknownNameError(what, code, LANGUAGES, aliases=aliases()) from None
