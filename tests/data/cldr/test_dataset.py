"""The embedded dataset: names of CLDR only, ids shared by all languages, wordings for everything, blemishes counted."""

from __future__ import annotations

import re
from functools import cache

import pytest
from babel.core import get_global

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError, UnknownNameError
from lrp2_bench.core.languages import LANGUAGES
from lrp2_bench.data.cldr import dataset as cldr
from lrp2_bench.data.cldr.dataset import GIVEN_AWAY, MISSING_NAME, OTHER_CLDR, CldrDataset, gives_away
from lrp2_bench.data.cldr.facts import cldr_facts, countries, kind_of
from lrp2_bench.data.cldr.names import CldrNames, names_of
from lrp2_bench.data.cldr.templates import wordings

RELATIONS = ("P17", "P30", "P36", "P37", "P38", "P282", "P361", "P2341")


def answers(language: str, relation: str) -> dict[str, str]:
    parallel = CldrDataset(relations=[relation]).facts(language, "en", DataWarnings())
    return {fact.subject: fact.object for fact in parallel.relations[0].facts}


@cache
def _kinds() -> frozenset[str]:
    entities = {(f.relation, each) for facts in cldr_facts().values() for f in facts for each in (f.subject, f.object)}
    return frozenset(kind_of(relation, entity) for relation, entity in entities)


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_every_language_has_facts_and_counts_the_ones_it_has_no_names_for(language: str) -> None:
    data_warnings = DataWarnings()
    parallel = CldrDataset().facts(language, language, data_warnings)
    found = sum(len(relation.facts) for relation in parallel.relations)
    total = sum(map(len, cldr_facts().values()))
    assert found + data_warnings.count(MISSING_NAME) + data_warnings.count(GIVEN_AWAY) == total
    assert found > (600 if language == "la" else 1_100)
    if language != "la":
        assert tuple(relation.name for relation in parallel.relations) == RELATIONS


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_every_relation_has_two_wordings_or_more_with_each_slot_once(language: str) -> None:
    texts = wordings(language)
    assert set(texts.templates) == set(RELATIONS)
    for templates in texts.templates.values():
        assert len(set(templates)) == len(templates) >= 2
        assert all(template.count("[X]") == template.count("[Y]") == 1 for template in templates)
    assert set(texts.names) == _kinds()
    assert all(text.count("[X]") == 1 and "[Y]" not in text for text in texts.names.values())


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_the_probes_wording_leaves_the_object_a_word_of_its_own(language: str) -> None:
    if language == "zh":
        return  # tokenizers cut at every character of it
    for relation in RELATIONS:
        assert not re.search(r"\w\[Y\]|\[Y\]\w", wordings(language).query(relation))


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_wordings_end_as_sentences_of_their_script_do(language: str) -> None:
    stop = {"zh": "。", "ja": "。", "hi": "।", "bn": "।", "ur": "۔", "hy": "։", "th": ""}.get(language, ".")
    for templates in wordings(language).templates.values():
        for template in templates:
            assert template.endswith(stop)
            assert template == " ".join(template.split())


def test_facts_are_true_in_their_languages() -> None:
    assert answers("de", "P36")["Österreich"] == "Wien"
    assert answers("zh", "P36")["日本"] == "东京"
    assert answers("ru", "P38")["Индия"] == "индийская рупия"
    assert answers("fr", "P30")["Brésil"] == "Amérique du Sud"
    assert answers("hi", "P17")["पेरिस"] == "फ़्रांस"
    assert answers("sv", "P37")["Mexiko"] == "spanska"
    assert answers("en", "P282")["Persian"] == "Arabic"
    assert answers("tr", "P361")["Kenya"] == "Doğu Afrika"
    assert answers("ja", "P2341")["ヒンディー語"] == "インド"


def test_queries_read_as_sentences() -> None:
    relation = CldrDataset(relations=["P36"]).facts("pl", "en", DataWarnings()).relations[0]
    (fact,) = (fact for fact in relation.facts if fact.subject == "Polska")
    assert relation.fill(fact, "Warszawa").text == "Stolicą kraju Polska jest Warszawa."


def test_a_fact_has_the_same_id_in_every_language() -> None:
    for language in ("de", "zh", "ceb"):
        parallel = CldrDataset().facts(language, "en", DataWarnings())
        for relation, pivot in zip(parallel.relations, parallel.pivot_relations, strict=True):
            by_key = {fact.key: fact for fact in relation.facts}
            shared = [by_key[fact.key] for fact in pivot.facts]
            assert pivot.facts
            assert [(f.uuid, f.subject_id, f.object_id) for f in pivot.facts] == [
                (f.uuid, f.subject_id, f.object_id) for f in shared
            ]
            order = [fact.key for fact in relation.facts]
            assert [fact.key for fact in pivot.facts] == [key for key in order if key in {f.key for f in pivot.facts}]


def test_published_ids_never_change() -> None:
    germany = next(fact for fact in cldr_facts()["P36"] if fact.subject == "territory/DE")
    assert (germany.line, germany.uuid) == (23, "7ca14527-49c6-5d84-8015-283a3f85ad4f")
    for facts in cldr_facts().values():
        assert [fact.line for fact in facts] == list(range(len(facts)))
    uuids = [fact.uuid for facts in cldr_facts().values() for fact in facts]
    assert len(set(uuids)) == len(uuids)


def test_an_answer_that_stands_in_the_query_is_left_out() -> None:
    assert names_of("uk").label("territory/TN") == names_of("uk").label("city/Africa/Tunis") == "Туніс"
    assert "Najdi Arabic" not in answers("en", "P282")
    assert "埃及阿拉伯文" not in answers("zh", "P282")
    assert gives_away("Wu Chinese", "chinese", "en")
    assert not gives_away("Tunisian", "Tunis", "en")
    assert gives_away("埃及阿拉伯文", "阿拉伯文", "zh")
    assert "Туніс" not in answers("uk", "P36")
    assert answers("en", "P36")["Tunisia"] == "Tunis"


def test_a_city_is_derived_from_its_time_zone_in_latin_script_only() -> None:
    assert names_of("de").label("city/Europe/Berlin") == "Berlin"
    assert names_of("ru").label("city/Europe/Berlin") == "Берлин"
    assert names_of("ru").label("city/Europe/Nowhere") is None
    assert names_of("la").label("city/Europe/Berlin") is None
    assert names_of("en").label("city/Asia/Saigon") == "Ho Chi Minh City"


def test_names_that_are_codes_or_known_to_be_wrong_are_no_names() -> None:
    assert names_of("la").label("territory/039") is None
    assert names_of("la").label("territory/155") == "Europa Occidentalis"
    assert names_of("de").label("currency/XXQ") is None
    with pytest.raises(UnknownNameError, match="Did you mean 'city'"):
        names_of("de").label("citi/Europe/Berlin")


@pytest.mark.parametrize("language", ["ar", "bg", "el", "he", "hi", "ja", "ka", "ko", "ru", "ta", "th", "uk", "zh"])
def test_other_scripts_have_no_english_names(language: str) -> None:
    parallel = CldrDataset().facts(language, "en", DataWarnings())
    labels = {label for r in parallel.relations for f in r.facts for label in (f.subject, f.object)}
    english = {label for r in parallel.pivot_relations for f in r.facts for label in (f.subject, f.object)}
    assert not labels & english


def test_a_limit_takes_the_same_sample_in_every_language_and_leaves_the_pool_whole() -> None:
    whole, cut = CldrDataset(), CldrDataset(limit=20, seed=3)
    for language in ("cs", "ja"):
        all_facts, few = whole.facts(language, "en", DataWarnings()), cut.facts(language, "en", DataWarnings())
        assert [len(r.facts) for r in few.relations] == [20] * 8
        assert [r.pool for r in few.relations] == [r.pool for r in all_facts.relations]
    czech, japanese = (cut.facts(language, "en", DataWarnings()).relations[1].facts for language in ("cs", "ja"))
    assert [fact.key for fact in czech] == [fact.key for fact in japanese]
    assert [fact.line_id for fact in czech] != sorted(fact.line_id for fact in czech)
    other = CldrDataset(limit=20, seed=0).facts("cs", "en", DataWarnings()).relations[1].facts
    assert {fact.key for fact in other} != {fact.key for fact in czech}


def test_the_digest_names_the_content() -> None:
    def digest(**options: object) -> str:
        return CldrDataset(**options).facts("de", "en", DataWarnings()).digest

    assert digest() == digest()
    assert len({digest(), digest(limit=5), digest(limit=6), digest(relations=["P36"]), digest(seed=1, limit=5)}) == 5
    assert (
        CldrDataset().facts("de", "en", DataWarnings()).digest != CldrDataset().facts("de", "fr", DataWarnings()).digest
    )


def test_wrong_names_get_the_nearest_right_one() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'de'"):
        CldrDataset().facts("ger", "en", DataWarnings())
    with pytest.raises(UnknownNameError, match="pivot|language"):
        CldrDataset().facts("de", "xx", DataWarnings())
    with pytest.raises(UnknownNameError, match="Did you mean 'P36'"):
        CldrDataset(relations=["p36"])
    with pytest.raises(BenchError, match="dataset.limit=0: give a whole number of facts from 1"):
        CldrDataset(limit=0)
    with pytest.raises(BenchError, match="null for all relations"):
        CldrDataset(relations=[])


def test_relations_come_in_one_order_and_once() -> None:
    parallel = CldrDataset(relations=["P2341", "P36", "P36"]).facts("de", "de", DataWarnings())
    assert [relation.name for relation in parallel.relations] == ["P36", "P2341"]
    assert parallel.relations == parallel.pivot_relations


def test_latin_lacks_cities_and_says_so() -> None:
    data_warnings = DataWarnings()
    parallel = CldrDataset().facts("la", "en", data_warnings)
    assert {"P17", "P36"}.isdisjoint(relation.name for relation in parallel.relations)
    assert data_warnings.count("Relations without facts") == 2
    with pytest.raises(BenchError, match="no names in 'la'"):
        CldrDataset(relations=["P36"]).facts("la", "en", DataWarnings())


def test_a_babel_without_names_is_refused_and_another_release_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    data_warnings = DataWarnings()
    monkeypatch.setattr(cldr, "cldr_version", lambda: "99")
    CldrDataset(limit=1).facts("de", "en", data_warnings)
    assert data_warnings.count(OTHER_CLDR) == 1
    monkeypatch.setattr("babel.core.Locale.territories", property(lambda self: {}))
    with pytest.raises(BenchError, match="Install a complete Babel"):
        CldrNames("de")


def test_the_table_agrees_with_babel() -> None:
    zones = {zone: country for country, found in get_global("territory_zones").items() for zone in found}
    aliases = get_global("zone_aliases")
    for fact in (*cldr_facts()["P17"], *cldr_facts()["P36"]):
        zone = (fact.subject if fact.relation == "P17" else fact.object).removeprefix("city/")
        assert zones[zone if zone in zones else aliases[zone]] == fact.country
    in_use = {
        code: {name for name, _, end, tender in entries if end is None and tender}
        for code, entries in get_global("territory_currencies").items()
    }
    # Bulgaria took the euro in 2026, after CLDR 47.
    assert {
        fact.country
        for fact in cldr_facts()["P38"]
        if fact.object.removeprefix("currency/") not in in_use[fact.country]
    } <= {"BG"}
    scripts = get_global("likely_subtags")
    for fact in cldr_facts()["P282"]:
        _, script, territory = scripts[fact.subject.removeprefix("language/")].split("_")
        assert fact.object.removeprefix("script/") == {"Hans": "Hani"}.get(script, script)
        assert fact.country == territory


def test_a_fact_is_withheld_with_the_country_it_is_about() -> None:
    assert len(countries()) == 197
    for relation, facts in cldr_facts().items():
        for fact in facts:
            if relation in {"P30", "P36", "P37", "P38", "P361"}:
                assert fact.subject == f"territory/{fact.country}"
            elif relation in {"P17", "P2341"}:
                assert fact.object == f"territory/{fact.country}"


def test_no_single_script_answers_most_queries() -> None:
    scripts = [fact.object for fact in cldr_facts()["P282"]]
    assert scripts.count("script/Latn") < len(scripts) / 3


def test_its_name_is_its_own_whatever_relations_are_picked() -> None:
    assert [CldrDataset(relations=some).name for some in (None, ["P36"], ["P36", "P17"])] == ["cldr"] * 3
    assert CldrDataset(relations=["P36"], name="mine").name == "mine"
