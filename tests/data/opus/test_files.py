"""OPUS's zips of languages that OPUS-100 lacks, and the translations of both."""

from __future__ import annotations

from pathlib import Path

import pytest

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError, UnknownNameError
from lrp2_bench.data.opus import corpus as opus
from lrp2_bench.data.opus import files as opus_files
from lrp2_bench.data.opus.corpus import FROM_OPUS, NO_SENTENCE, OPUS_100, OpusCorpus
from lrp2_bench.data.text import TOO_FEW
from tests.support.loopback import Answer, Loopback
from tests.support.opus import ROWS, local, parquet, play_hub, play_opus, play_test_set, zipped


def test_a_language_that_opus_100_lacks_comes_from_opus_once(server: Loopback, tmp_path: Path) -> None:
    address = play_opus(server, "ceb", "Usa.\nDuha.\nTulo.\n")
    play_opus(server, "la", "Unus.\n")
    for _ in range(2):
        corpus = OpusCorpus(None, 2, tmp_path, opus_url=server.address)
        assert corpus.sentences("ceb", DataWarnings()) == ["Usa.", "Duha."]
    assert len(server.asked(address)) == 1
    data_warnings = DataWarnings()
    assert corpus.sentences("la", data_warnings) == ["Unus."]
    assert data_warnings.count(TOO_FEW) == 1


def test_another_corpus_of_opus_can_take_opus_100s_place(server: Loopback, tmp_path: Path) -> None:
    server.answers["/OPUS-Tatoeba/v2/moses/de-en.txt.zip"] = Answer(zipped({"Tatoeba.de-en.de": "Ja.\n"}))
    corpus = OpusCorpus(None, 1, tmp_path, opus={"de": "Tatoeba/v2"}, opus_url=server.address)
    assert corpus.sentences("de", DataWarnings()) == ["Ja."]
    assert set(corpus.languages()) == {*OPUS_100, *FROM_OPUS, "en"}, "it is added to those that OPUS has anyway"


@pytest.mark.parametrize("release", ["bible", "../v1", "a/..", "a/b/c", "/v1", "a/"])
def test_a_corpus_of_opus_cannot_name_a_file_outside_the_cache(release: str) -> None:
    with pytest.raises(BenchError, match="CORPUS/RELEASE"):
        OpusCorpus(None, 1, opus={"de": release})


def test_a_zip_beside_a_local_folder_is_read_and_asked_for_where_it_is_missing(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"ceb-en\.txt\.zip.*\n?.*OPUS-bible-uedin/v1/moses"):
        OpusCorpus(str(tmp_path), 1).sentences("ceb", DataWarnings())
    (tmp_path / "ceb-en.txt.zip").write_bytes(zipped({"bible-uedin.ceb-en.ceb": "Usa.\n"}))
    assert OpusCorpus(str(tmp_path), 1).sentences("ceb", DataWarnings()) == ["Usa."]


def test_nothing_in_a_zip_is_unpacked(server: Loopback, tmp_path: Path) -> None:
    play_opus(server, "ceb", "Usa.\n", member="../../bible-uedin.ceb-en.ceb")
    with pytest.raises(BenchError, match=r"holds no 'bible-uedin\.ceb-en\.ceb'; it holds \.\./"):
        OpusCorpus(None, 1, tmp_path / "cache", opus_url=server.address).sentences("ceb", DataWarnings())
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["ceb-en.txt.zip"]


def test_a_zips_member_over_the_limit_is_refused(
    server: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opus_files, "_LARGEST_MEMBER", 1000)
    play_opus(server, "ceb", "Usa ka pulong.\n" * 100)
    with pytest.raises(BenchError, match="1,500 bytes, more than 1,000"):
        OpusCorpus(None, 1, tmp_path, opus_url=server.address).sentences("ceb", DataWarnings())


@pytest.mark.parametrize("damage", [b"<html>Please log in</html>", None])
def test_a_damaged_zip_says_which_file_to_remove(server: Loopback, tmp_path: Path, damage: bytes | None) -> None:
    address = play_opus(server, "ceb", "Usa.\n" * 1000)
    answer = server.answers[address]
    assert isinstance(answer, Answer)
    broken = answer.body[:50] + b"\x00" * 20 + answer.body[70:]  # the compressed sentences themselves
    server.answers[address] = Answer(damage or broken)
    with pytest.raises(BenchError, match=r"ceb-en\.txt\.zip' is damaged .* Remove it"):
        OpusCorpus(None, None, tmp_path, opus_url=server.address).sentences("ceb", DataWarnings())


# Translations


def test_the_hubs_test_set_gives_translations_and_is_asked_for_once(server: Loopback, tmp_path: Path) -> None:
    trained = play_hub(server, parquet(ROWS))
    address = play_test_set(server, [("Ja.", "Yes."), (None, "No."), ("", "Blank."), ("Ja.", "Yes.")])
    data_warnings = DataWarnings()
    for _ in range(2):
        corpus = OpusCorpus(None, 1, tmp_path, endpoint=server.address)
        assert corpus.translations("de", "en", data_warnings) == [("Ja.", "Yes."), ("", "Blank."), ("Ja.", "Yes.")]
        asked = len(server.asked(address))
    assert corpus.translations("en", "de", DataWarnings())[0] == ("Yes.", "Ja.")
    assert len(server.asked(address)) == asked and server.asked(trained[0]) == []
    assert data_warnings.count(NO_SENTENCE) == 1


def test_a_language_without_a_test_set_gives_the_first_of_its_training_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opus, "TRANSLATIONS", 2)
    corpus = OpusCorpus(local(tmp_path, ROWS), 1)
    assert corpus.translations("de", "en", DataWarnings()) == [("Eins.", "One."), ("Zwei.", "Two.")]
    (tmp_path / "de-en" / "test-00000-of-00001.parquet").write_bytes(parquet([("Ja.", "Yes.")]))
    assert corpus.translations("de", "en", DataWarnings()) == [("Ja.", "Yes.")]


def test_two_languages_are_joined_where_their_english_is_the_same(tmp_path: Path) -> None:
    path = local(tmp_path, ROWS)
    local(tmp_path, [("Two.", "Dos."), ("Five.", "Cinco."), ("One.", "Uno.")], "en-es")
    (tmp_path / "ceb-en.txt.zip").write_bytes(
        zipped({"bible-uedin.ceb-en.ceb": "Usa.\nDuha.\n", "bible-uedin.ceb-en.en": "One.\nFive.\n"})
    )
    corpus = OpusCorpus(path, 1)
    assert corpus.parallel_languages() == ("ceb", "de", "en", "es")
    assert corpus.translations("de", "es", DataWarnings()) == [("Eins.", "Uno."), ("Zwei.", "Dos."), ("", "Dos.")]
    assert corpus.translations("ceb", "en", DataWarnings()) == [("Usa.", "One."), ("Duha.", "Five.")]
    assert corpus.translations("ceb", "es", DataWarnings()) == [("Usa.", "Uno."), ("Duha.", "Cinco.")]


def test_two_languages_that_have_a_test_set_of_their_own_need_no_english(tmp_path: Path) -> None:
    (tmp_path / "de-fr").mkdir()
    (tmp_path / "de-fr" / "test-00000-of-00001.parquet").write_bytes(parquet([("Ja.", "Oui.")], "de-fr"))
    corpus = OpusCorpus(str(tmp_path), 1)
    assert corpus.translations("de", "fr", DataWarnings()) == [("Ja.", "Oui.")]
    assert corpus.translations("fr", "de", DataWarnings()) == [("Oui.", "Ja.")]


def test_sides_of_a_zip_that_are_of_different_length_are_refused(tmp_path: Path) -> None:
    members = {"bible-uedin.ceb-en.ceb": "Usa.\nDuha.\n", "bible-uedin.ceb-en.en": "One.\n"}
    (tmp_path / "ceb-en.txt.zip").write_bytes(zipped(members))
    with pytest.raises(BenchError, match="2 lines of 'ceb' and 1 of English"):
        OpusCorpus(str(tmp_path), 1).translations("ceb", "en", DataWarnings())


def test_translations_of_what_is_not_there_are_refused_with_the_way_out(tmp_path: Path) -> None:
    corpus = OpusCorpus(str(tmp_path), 1)
    assert set(corpus.parallel_languages()) == {*OPUS_100, *FROM_OPUS, "en"}, "an empty folder is told by what it lacks"
    with pytest.raises(BenchError, match=r"(?s)holds no train-\*\.parquet.*corpus=text corpus\.path=DIR"):
        corpus.translations("de", "en", DataWarnings())
    with pytest.raises(UnknownNameError, match="Did you mean 'de'"):
        corpus.translations("german", "en", DataWarnings())
