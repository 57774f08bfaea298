"""Parallel sentences: from facts, from Tatoeba with any pivot, from files line by line; and what is left out."""

from __future__ import annotations

from pathlib import Path

import pytest

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError, UnknownNameError
from lrp2_bench.core.types import Relation
from lrp2_bench.data.bitext import BLANK, TWICE, Bitext, Sentence, SentencePair, corpus_bitext, facts_bitext, filled
from lrp2_bench.data.mlama import MLama
from lrp2_bench.data.tatoeba import TatoebaCorpus
from lrp2_bench.data.text import NOT_UTF8, TextCorpus
from tests.support.paths import TATOEBA_ZIP, needs_tatoeba
from tests.support.probing import fact_of

FILES = {
    "tatoeba.deu-eng.deu": "Hallo.\nJa.\nGuten Tag.\n\n",
    "tatoeba.deu-eng.eng": "Hello.\nYes.\nHello.\nNothing.\n",
    "tatoeba.cmn-eng.cmn": "你好。\n不。\n你好吗。\n",
    "tatoeba.cmn-eng.eng": "Hello.\nNo.\nHello.\n",
}


@pytest.fixture
def tatoeba(tmp_path: Path) -> TatoebaCorpus:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return TatoebaCorpus(str(tmp_path))


def _texts(bitext: Bitext) -> list[tuple[str, str]]:
    return [(pair.ours.text, pair.theirs.text) for pair in bitext.pairs]


@pytest.mark.parametrize("template", ["[X] ist in [Y] .", "[Y] hat [X] , ja", "[Y][X]", "[X][Y]"])
def test_an_objects_place_in_a_query_is_told_whatever_the_labels_hold(template: str) -> None:
    for subject, object_ in (("Rom", "Italien"), ("[Y]", "[X]"), ("Italien", "Italien")):
        relation = Relation("P1", template, (), {})
        sentence = filled(relation, fact_of(subject, object_))
        assert sentence.answer is not None
        start, end = sentence.answer
        assert sentence.text[start:end] == object_
        assert sentence.text[:start] + "|" + sentence.text[end:] == relation.fill(fact_of(subject), "|").text


def test_the_object_of_a_subject_asked_in_other_words_is_told_in_its_own_sentence() -> None:
    relation = Relation("P19", "[X] родился в городе [Y]", (), {}, {"Мария": "[X] родилась в городе [Y]"})
    assert filled(relation, fact_of("Мария", "Москва")) == Sentence("Мария родилась в городе Москва", (24, 30))


def test_facts_are_paired_by_id_and_those_one_side_lacks_are_not_there(toy_mlama: Path) -> None:
    bitext = facts_bitext(MLama(toy_mlama), "de", "zh", DataWarnings())
    assert len(bitext.pairs) == 23  # of 24, one object has no Chinese label
    assert ("Die Hauptstadt von Japan ist Tokio .", "日本的首都是东京。") in _texts(bitext)
    assert {pair.id.split()[0] for pair in bitext.pairs} == {"P17", "P30", "P36"}
    assert len({pair.cluster for pair in bitext.pairs}) < len(bitext.pairs)  # several facts of a subject
    same = facts_bitext(MLama(toy_mlama), "en", "zh", DataWarnings())
    assert [pair.id for pair in bitext.pairs] == [pair.id for pair in same.pairs]


def test_english_may_be_either_side(tatoeba: TatoebaCorpus) -> None:
    data_warnings = DataWarnings()
    bitext = corpus_bitext(tatoeba, "de", "en", data_warnings)
    assert _texts(bitext) == [("Hallo.", "Hello."), ("Ja.", "Yes."), ("Guten Tag.", "Hello.")]
    assert data_warnings.as_dict()[BLANK] == {"count": 1, "examples": ["de-en 4"]}
    turned = corpus_bitext(tatoeba, "en", "de", data_warnings)
    assert _texts(turned) == [(theirs, ours) for ours, theirs in _texts(bitext)]


def test_sentences_of_two_other_languages_are_joined_where_their_english_is_the_same(tatoeba: TatoebaCorpus) -> None:
    assert _texts(corpus_bitext(tatoeba, "zh", "de", DataWarnings())) == [
        ("你好。", "Hallo."), ("你好。", "Guten Tag."), ("你好吗。", "Hallo."), ("你好吗。", "Guten Tag."),
    ]  # fmt: skip


def _write(folder: Path, files: dict[str, bytes]) -> TextCorpus:
    for language, text in files.items():
        (folder / f"{language}.txt").write_bytes(text)
    return TextCorpus(str(folder), parallel=True)


def test_lines_of_files_stay_beside_each_other_whatever_is_left_out(tmp_path: Path) -> None:
    more = ["fünf", "zwölf", "dreißig", "fünfzig", "sechs", "acht", "neun"]
    ours = b"eins\n\nz\xffwei\ndrei\n eins \nvier\n" + "\n".join(more).encode()
    theirs = b"un\nrien\ndeux\n\nun\nquatre\n" + "\n".join(more).encode()
    corpus = _write(tmp_path, {"de": ours, "fr": theirs})
    data_warnings = DataWarnings()
    found = _texts(corpus_bitext(corpus, "de", "fr", data_warnings))
    assert found == [("eins", "un"), ("vier", "quatre"), *((one, one) for one in more)]
    counts = {kind: found["count"] for kind, found in data_warnings.as_dict().items()}
    assert counts == {BLANK: 2, TWICE: 1, NOT_UTF8: 1}


def test_files_of_unequal_length_are_refused_with_both_lengths(tmp_path: Path) -> None:
    corpus = _write(tmp_path, {"de": b"eins\nzwei\n", "fr": b"un\n"})
    with pytest.raises(BenchError, match=r"(?s)de.txt' has 2 lines and .*fr.txt' has 1.*blank ones"):
        corpus_bitext(corpus, "de", "fr", DataWarnings())


def test_a_language_without_a_file_suggests_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"(?s)'ge'.*Known: de, fr"):
        corpus_bitext(_write(tmp_path, {"de": b"a\n", "fr": b"b\n"}), "ge", "fr", DataWarnings())


def test_a_corpus_that_pairs_nothing_says_which_do(tmp_path: Path) -> None:
    (tmp_path / "de.txt").write_text("a\n")
    corpus = TextCorpus(str(tmp_path))
    assert corpus.parallel_languages() == ()
    with pytest.raises(BenchError, match=r"(?s)corpus=tatoeba.*corpus.parallel=true.*analysis.sentences=facts"):
        corpus_bitext(corpus, "de", "en", DataWarnings())


def test_a_sample_keeps_the_order_and_the_same_sentences_in_every_language() -> None:
    def bitext(language: str, ids: range) -> Bitext:
        return Bitext(language, "en", "x", tuple(SentencePair(str(i), "", Sentence("a"), Sentence("b")) for i in ids))

    ids = [[int(pair.id) for pair in bitext(code, span).sample(40, 0).pairs] for code, span in
           (("de", range(200)), ("fr", range(200)), ("cy", range(50, 200)))]  # fmt: skip
    assert ids[0] == ids[1] == sorted(ids[0]) and len(set(ids[0])) == 40
    assert set(ids[0]) - set(range(50)) <= set(ids[2]) and len(ids[2]) == 40
    assert [int(pair.id) for pair in bitext("de", range(200)).sample(40, 1).pairs] != ids[0]
    assert bitext("de", range(5)).sample(40, 0) == bitext("de", range(5)).sample(None, 0)


@needs_tatoeba
def test_the_published_sets_join_two_languages_where_they_overlap() -> None:
    corpus = TatoebaCorpus(str(TATOEBA_ZIP))
    assert len(corpus_bitext(corpus, "fr", "de", DataWarnings()).pairs) == 228
    assert ("de" in corpus.parallel_languages()) and len(corpus_bitext(corpus, "en", "cy", DataWarnings()).pairs) == 575
