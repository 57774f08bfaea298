"""The exposure rule: what is withheld is withheld whole, and the twin lacks just what only the pivot told."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.languages import LANGUAGES
from lrp2_bench.data.cldr.dataset import CldrDataset
from lrp2_bench.data.cldr.facts import countries
from lrp2_bench.data.cldr.sentences import all_facts
from lrp2_bench.testbed.exposure import ELSEWHERE, NOWHERE, PIVOT, SEEN, Exposure, country_of, share_of
from lrp2_bench.testbed.specs import TINY_LANGUAGES

EXPOSURE = Exposure.default(TINY_LANGUAGES)


def test_shares_follow_the_resource_classes() -> None:
    bands = {"high": (0.6, 0.8), "medium": (0.3, 0.55), "low": (0.1, 0.15)}
    for code, language in LANGUAGES.items():
        if code != "en":
            least, most = bands[language.resource]
            assert least <= share_of(code) <= most
    assert share_of("en") == 1.0
    assert share_of("ga") < share_of("hi") < share_of("ko") < share_of("zh") < share_of("de")


@pytest.mark.parametrize("language", TINY_LANGUAGES)
def test_a_language_tells_of_its_share_of_the_countries(language: str) -> None:
    assert len(EXPOSURE.countries(language)) == round(share_of(language) * len(countries()))
    told = sum(EXPOSURE.exposed(fact, language) for fact in all_facts())
    assert told / sum(1 for _ in all_facts()) == pytest.approx(share_of(language), abs=0.08)


def test_a_country_is_told_with_everything_or_not_at_all() -> None:
    for language in TINY_LANGUAGES:
        by_country: dict[str, set[bool]] = {}
        for fact in all_facts():
            by_country.setdefault(fact.country, set()).add(EXPOSURE.exposed(fact, language))
        assert all(len(told) == 1 for told in by_country.values())


def test_held_out_countries_are_told_by_the_pivot_alone_and_by_no_twin() -> None:
    held_out = EXPOSURE.held_out_countries
    assert len(held_out) == round(0.2 * len(countries()))
    twin = EXPOSURE.as_twin()
    assert twin.held_out_countries == held_out
    for language in TINY_LANGUAGES:
        if language == "en":
            assert EXPOSURE.countries("en") == set(countries())
            assert twin.countries("en") == set(countries()) - held_out
        else:
            assert not EXPOSURE.countries(language) & held_out
            assert twin.countries(language) == EXPOSURE.countries(language)


def test_status_says_who_told_the_fact() -> None:
    twin = EXPOSURE.as_twin()
    met = set()
    for fact in all_facts():
        status = EXPOSURE.status(fact, "hi")
        met.add(status)
        assert (status == SEEN) == EXPOSURE.exposed(fact, "hi")
        if fact.country in EXPOSURE.held_out_countries:
            assert status == PIVOT
            assert twin.status(fact, "hi") == twin.status(fact, "en") == NOWHERE
        else:
            assert status != NOWHERE
            assert twin.status(fact, "hi") == status
        assert EXPOSURE.status(fact, "en") == SEEN
    assert met == {SEEN, PIVOT, ELSEWHERE}


def test_a_language_the_model_was_not_trained_on_saw_nothing() -> None:
    assert EXPOSURE.countries("ja") == frozenset()
    assert not any(EXPOSURE.exposed(fact, "ja") for fact in all_facts())


def test_languages_draw_their_countries_apart_and_the_seed_decides() -> None:
    assert not EXPOSURE.countries("ga") <= EXPOSURE.countries("sq")
    other = Exposure.default(TINY_LANGUAGES, seed=1)
    assert other.held_out_countries != EXPOSURE.held_out_countries
    assert other.countries("fr") != EXPOSURE.countries("fr")
    assert Exposure.default(TINY_LANGUAGES).countries("fr") == EXPOSURE.countries("fr")


def test_a_fact_of_the_dataset_is_told_from_one_of_another() -> None:
    fact = CldrDataset(relations=["P36"]).facts("de", "en", DataWarnings()).relations[0].facts[0]
    assert EXPOSURE.exposed(fact, "en")
    assert country_of(fact) == fact.subject_id.removeprefix("territory/")
    with pytest.raises(BenchError, match="dataset=cldr"):
        EXPOSURE.exposed(replace(fact, uuid="7"), "en")
    with pytest.raises(BenchError, match="dataset=cldr"):
        country_of(replace(fact, line_id=10**6))


def test_the_manifest_holds_all_of_it() -> None:
    twin = EXPOSURE.as_twin()
    again = Exposure.from_dict(json.loads(json.dumps(twin.as_dict())))
    assert again == twin
    assert again.countries("en") == twin.countries("en") != EXPOSURE.countries("en")
    with pytest.raises(BenchError, match="Rebuild the checkpoint"):
        Exposure.from_dict({"share": {}})


def test_shares_that_leave_no_room_for_the_held_out_are_refused() -> None:
    with pytest.raises(BenchError, match="'de' is 0.9"):
        Exposure({"en": 1.0, "de": 0.9})
    with pytest.raises(BenchError, match="pivot 'en'"):
        Exposure({"de": 0.5})
    with pytest.raises(BenchError, match="held_out=1.0"):
        Exposure({"en": 1.0}, held_out=1.0)
