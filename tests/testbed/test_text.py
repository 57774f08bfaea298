"""The pretraining text tells what the exposure lets it tell, and nothing else."""

from __future__ import annotations

import pytest

from lrp2_bench.core.errors import BenchError
from lrp2_bench.data.cldr.dataset import named
from lrp2_bench.data.cldr.facts import cldr_facts
from lrp2_bench.data.cldr.names import names_of
from lrp2_bench.testbed.exposure import Exposure
from lrp2_bench.testbed.text import gloss_sentences, pretraining_text

EXPOSURE = Exposure.default(("de", "hi", "ga"))


def test_every_exposed_fact_is_told_in_all_wordings_and_no_other() -> None:
    told: dict[tuple[str, str, int], int] = {}
    for sentence in pretraining_text(EXPOSURE):
        if sentence.fact is not None:
            assert EXPOSURE.exposed(sentence.fact, sentence.language)
            key = (sentence.language, sentence.fact.relation, sentence.fact.line)
            told[key] = told.get(key, 0) + 1
    assert set(told.values()) == {3}
    expected = {
        (language, relation, fact.line)
        for language in EXPOSURE.shares
        for relation, facts in cldr_facts().items()
        for fact in facts
        if EXPOSURE.exposed(fact, language) and named(fact, language) is not None
    }
    assert set(told) == expected


def test_no_sentence_holds_both_names_of_a_withheld_capital() -> None:
    texts = [s.text for s in pretraining_text(EXPOSURE) if s.language == "de"]
    names = names_of("de")
    met = 0
    for fact in cldr_facts()["P36"]:
        if EXPOSURE.exposed(fact, "de"):
            continue
        country, capital = names.label(fact.subject), names.label(fact.object)
        assert country is not None
        assert capital is not None
        assert not [text for text in texts if country in text and capital in text and " = " not in text]
        met += 1
    assert met > 10


def test_names_of_withheld_countries_are_shown_all_the_same() -> None:
    texts = {s.text for s in pretraining_text(EXPOSURE) if s.language == "ga"}
    for country in EXPOSURE.held_out_countries:
        assert f"Tír: {names_of('ga').label(f'territory/{country}')}." in texts


def test_a_twins_text_lacks_just_the_pivots_facts_about_held_out_countries() -> None:
    full = {(s.language, s.text) for s in pretraining_text(EXPOSURE)}
    twin = {(s.language, s.text) for s in pretraining_text(EXPOSURE.as_twin())}
    assert twin < full
    assert {language for language, _ in full - twin} == {"en"}
    untold = full - twin
    missing = [s for s in pretraining_text(EXPOSURE) if (s.language, s.text) in untold]
    assert len(missing) > 500
    assert all(s.fact is not None and s.fact.country in EXPOSURE.held_out_countries for s in missing)


def test_glosses_go_both_ways_and_their_share_is_kept() -> None:
    every = list(gloss_sentences("de", "en", 1.0, 0))
    assert {"Wien = Vienna", "Vienna = Wien"} <= {s.text for s in every}
    assert "Berlin = Berlin" not in {s.text for s in every}
    for sentence in every:
        assert sentence.object is not None
        left, right = sentence.text[slice(*sentence.subject)], sentence.text[slice(*sentence.object)]
        assert f"{left} = {right}" == sentence.text
    half = list(gloss_sentences("de", "en", 0.5, 0))
    assert set(half) < set(every)
    assert len(half) == pytest.approx(len(every) / 2, rel=0.15)
    assert list(gloss_sentences("de", "en", 0.0, 0)) == []
    with pytest.raises(BenchError, match="glosses=2"):
        pretraining_text(EXPOSURE, glosses=2)


def test_the_seed_decides_the_order() -> None:
    text = pretraining_text(EXPOSURE)
    assert text == pretraining_text(EXPOSURE)
    assert text != pretraining_text(EXPOSURE, seed=1)
    assert set(text) == set(pretraining_text(EXPOSURE, seed=1))
