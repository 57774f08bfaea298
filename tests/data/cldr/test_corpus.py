"""Sentences of the embedded testbed: spans that point at names, and a corpus that is the same every time."""

from __future__ import annotations

import pytest

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError, UnknownNameError
from lrp2_bench.core.languages import LANGUAGES
from lrp2_bench.data.cldr.corpus import CldrCorpus
from lrp2_bench.data.cldr.dataset import named
from lrp2_bench.data.cldr.sentences import all_facts, fact_sentences, name_sentences
from lrp2_bench.data.text import TOO_FEW


@pytest.mark.parametrize("language", ["de", "ja", "hy", "tr", "th"])
def test_spans_hold_the_names(language: str) -> None:
    sentences = list(fact_sentences(language, all_facts()))
    for sentence in sentences:
        assert sentence.fact is not None
        assert sentence.object is not None
        fact = named(sentence.fact, language)
        assert fact is not None
        assert sentence.text[slice(*sentence.subject)] == fact.subject
        assert sentence.text[slice(*sentence.object)] == fact.object
        assert "[" not in sentence.text.replace("[Indiana", "").replace("[Dakota", "").replace("[Kentucky", "")
    assert len({s.text for s in sentences if s.fact == sentences[0].fact}) == 3


def test_names_alone_tell_no_fact() -> None:
    found = {sentence.text: sentence for sentence in name_sentences("de")}
    assert {"Stadt: Wien.", "Land: Österreich.", "Kontinent: Südamerika.", "Sprache: Deutsch."} <= set(found)
    assert all(sentence.object is None and sentence.fact is None for sentence in found.values())
    assert found["Stadt: Wien."].text[slice(*found["Stadt: Wien."].subject)] == "Wien"


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_every_language_has_a_thousand_sentences(language: str) -> None:
    data_warnings = DataWarnings()
    sentences = CldrCorpus(1_000).sentences(language, data_warnings)
    assert len(sentences) == len(set(sentences)) == 1_000
    assert data_warnings.as_dict() == {}


def test_the_sample_is_the_same_every_time_and_depends_on_the_seed() -> None:
    assert CldrCorpus(50).sentences("de", DataWarnings()) == CldrCorpus(50).sentences("de", DataWarnings())
    assert CldrCorpus(50).sentences("de", DataWarnings()) != CldrCorpus(50, seed=1).sentences("de", DataWarnings())
    assert CldrCorpus(50).sentences("de", DataWarnings()) == CldrCorpus(None).sentences("de", DataWarnings())[:50]


def test_too_many_sentences_are_counted_and_bad_input_refused() -> None:
    data_warnings = DataWarnings()
    assert len(CldrCorpus(10**6).sentences("la", data_warnings)) > 2_000
    assert data_warnings.count(TOO_FEW) == 1
    with pytest.raises(BenchError, match="sentences=0"):
        CldrCorpus(0)
    with pytest.raises(UnknownNameError, match="Did you mean 'de'"):
        CldrCorpus().sentences("german", DataWarnings())
