"""OPUS-100 from a hub on 127.0.0.1 and from a folder, OPUS's zips, and what is said where there is no network."""

from __future__ import annotations

import io
import json
import random
import socket
import time
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lrp2_bench.data import opus, opus_files
from lrp2_bench.data.opus import FROM_OPUS, NO_SENTENCE, OPUS_100, REVISION, OpusCorpus
from lrp2_bench.data.text import TOO_FEW
from lrp2_bench.errors import BenchError, UnknownNameError
from lrp2_bench.languages import LANGUAGES
from lrp2_bench.notices import Notices
from tests.support.loopback import Answer, Loopback, loopback

Rows = Sequence[tuple[str | None, str | None]]

ROWS: Rows = [("Eins.", "One."), ("Zwei.", "Two."), ("", "Two."), ("Drei.", "Three."), ("Vier.", "Four.")]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Loopback]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with loopback() as running:
        yield running


def parquet(rows: Rows, pair: str = "de-en", row_group: int = 1000) -> bytes:
    sides = pair.split("-")
    values = [dict(zip(sides, row, strict=True)) for row in rows]
    column = pa.array(values, pa.struct([(side, pa.string()) for side in sides]))
    file = io.BytesIO()
    pq.write_table(pa.table({"translation": column}), file, row_group_size=row_group)
    return file.getvalue()


def play_hub(server: Loopback, *files: bytes, pair: str = "de-en", revision: str = REVISION) -> list[str]:
    """Let the server play the three endpoints that the hub's client asks; the addresses of the files."""
    repository = "/api/datasets/Helsinki-NLP/opus-100"
    names = [f"{pair}/train-{index:05d}-of-{len(files):05d}.parquet" for index in range(len(files))]
    listing = [
        {"type": "file", "path": name, "size": len(file), "oid": "0" * 40}
        for name, file in [*zip(names, files, strict=True), (f"{pair}/test-00000-of-00001.parquet", b"test")]
    ]
    server.answers[f"{repository}/revision/{revision}"] = as_json({"id": "Helsinki-NLP/opus-100", "sha": REVISION})
    server.answers[f"{repository}/tree/{revision}/{pair}"] = as_json(listing)
    addresses = [f"/datasets/Helsinki-NLP/opus-100/resolve/{revision}/{name}" for name in names]
    server.answers.update(dict(zip(addresses, map(Answer, files), strict=True)))
    return addresses


def as_json(value: object) -> Answer:
    return Answer(json.dumps(value).encode(), headers={"Content-Type": "application/json"})


def play_test_set(server: Loopback, rows: Rows, pair: str = "de-en") -> str:
    """Give the pair of :func:`play_hub` a test set too; its address."""
    listing = server.answers[f"/api/datasets/Helsinki-NLP/opus-100/tree/{REVISION}/{pair}"]
    assert isinstance(listing, Answer)
    name, file = f"{pair}/test-00000-of-00001.parquet", parquet(rows, pair)
    entries = [entry for entry in json.loads(listing.body) if entry["path"] != name]
    entries.append({"type": "file", "path": name, "size": len(file), "oid": "0" * 40})
    server.answers[f"/api/datasets/Helsinki-NLP/opus-100/tree/{REVISION}/{pair}"] = as_json(entries)
    address = f"/datasets/Helsinki-NLP/opus-100/resolve/{REVISION}/{name}"
    server.answers[address] = Answer(file)
    return address


def play_opus(server: Loopback, language: str, text: str, member: str | None = None) -> str:
    pair = "-".join(sorted([language, "en"]))
    address = f"/OPUS-bible-uedin/v1/moses/{pair}.txt.zip"
    server.answers[address] = Answer(zipped({member or f"bible-uedin.{pair}.{language}": text, "README": "x"}))
    return address


def zipped(members: dict[str, str]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return file.getvalue()


def local(folder: Path, rows: Rows, pair: str = "de-en") -> str:
    (folder / pair).mkdir(parents=True)
    (folder / pair / "train-00000-of-00001.parquet").write_bytes(parquet(rows, pair))
    return str(folder)


def test_the_hub_gives_the_first_usable_sentences(server: Loopback, tmp_path: Path) -> None:
    play_hub(server, parquet(ROWS))
    corpus = OpusCorpus(None, 3, tmp_path, endpoint=server.address)
    assert corpus.sentences("de", Notices()) == ["Eins.", "Zwei.", "Drei."]
    assert corpus.sentences("en", Notices()) == ["One.", "Two.", "Three."]


def test_files_follow_each_other_in_the_order_of_their_names(server: Loopback, tmp_path: Path) -> None:
    addresses = play_hub(server, parquet([("Eins.", "One.")]), parquet([("Zwei.", "Two.")]), parquet(ROWS))
    corpus = OpusCorpus(None, 2, tmp_path, endpoint=server.address)
    assert corpus.sentences("de", Notices()) == ["Eins.", "Zwei."]
    assert server.asked(addresses[2]) == []


@pytest.mark.parametrize("row_group", [500, 100_000])
def test_only_the_pages_that_hold_the_sentences_travel(server: Loopback, tmp_path: Path, row_group: int) -> None:
    letters = random.Random(0)
    rows: Rows = [("d" + letters.randbytes(40).hex(), "e" + letters.randbytes(40).hex()) for _ in range(100_000)]
    file = parquet(rows, row_group=row_group)
    [address] = play_hub(server, file)
    found = OpusCorpus(None, 2000, tmp_path, endpoint=server.address).sentences("de", Notices())
    assert found == [german for german, _ in rows[:2000]]
    assert sum(request.sent for request in server.asked(address)) < len(file) / 4


def test_a_commits_sentences_are_asked_for_once(server: Loopback, tmp_path: Path) -> None:
    play_hub(server, parquet([("\ufeffEins.", "One."), *ROWS]))
    first = OpusCorpus(None, 4, tmp_path, endpoint=server.address).sentences("de", Notices())
    asked = len(server.requests)
    assert OpusCorpus(None, 4, tmp_path, endpoint=server.address).sentences("de", Notices()) == first
    assert len(server.requests) == asked
    OpusCorpus(None, 3, tmp_path, endpoint=server.address).sentences("de", Notices())
    assert len(server.requests) > asked


def test_a_branchs_sentences_are_asked_for_every_time(server: Loopback, tmp_path: Path) -> None:
    play_hub(server, parquet(ROWS), revision="main")
    corpus = OpusCorpus(None, 2, tmp_path, endpoint=server.address, revision="main")
    assert corpus.sentences("de", Notices()) == ["Eins.", "Zwei."]
    play_hub(server, parquet([("Neu und lang.", "New."), *ROWS]), revision="main")
    assert corpus.sentences("de", Notices()) == ["Neu und lang.", "Eins."]


def test_a_revision_the_hub_lacks_is_an_error(server: Loopback, tmp_path: Path) -> None:
    server.answers["/api/datasets/Helsinki-NLP/opus-100/revision/old"] = Answer(
        status=404, headers={"X-Error-Code": "RevisionNotFound"}
    )
    with pytest.raises(BenchError, match=r"(?s)old.*corpus=text corpus\.path=DIR"):
        OpusCorpus(None, 2, tmp_path, endpoint=server.address, revision="old").sentences("de", Notices())


def test_too_few_sentences_are_counted_and_rows_without_one_as_well(server: Loopback, tmp_path: Path) -> None:
    play_hub(server, parquet([*ROWS, (None, "Five.")]))
    notices = Notices()
    corpus = OpusCorpus(None, 100, tmp_path, endpoint=server.address)
    assert len(corpus.sentences("de", notices)) == 4
    assert notices.as_dict()[TOO_FEW]["examples"] == ["de: 4 of 100"]
    assert notices.count(NO_SENTENCE) == 1


def test_a_folder_in_the_hubs_layout_needs_no_hub(tmp_path: Path) -> None:
    path = local(tmp_path, ROWS)
    local(tmp_path, [("One.", "Un."), ("Two.", "Deux.")], "en-fr")
    corpus = OpusCorpus(path, 2, endpoint="http://127.0.0.1:1")
    assert corpus.sentences("de", Notices()) == ["Eins.", "Zwei."]
    assert corpus.sentences("fr", Notices()) == ["Un.", "Deux."]
    assert corpus.sentences("en", Notices()) == ["One.", "Two."]


def test_english_comes_from_the_pair_asked_for(tmp_path: Path) -> None:
    path = local(tmp_path, ROWS)
    local(tmp_path, [("Une.", "A."), ("Deux.", "B.")][::-1], "cs-en")
    assert OpusCorpus(path, 2, english_pair="cs-en").sentences("en", Notices()) == ["B.", "A."]
    with pytest.raises(UnknownNameError, match="Did you mean 'de-en'"):
        OpusCorpus(path, 2, english_pair="en-de")


def test_a_folder_without_the_pair_lists_those_there(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"Pairs with one: de-en"):
        OpusCorpus(local(tmp_path, ROWS), 2).sentences("fr", Notices())


def test_a_damaged_file_is_an_error_of_ours(tmp_path: Path) -> None:
    path = local(tmp_path, ROWS)
    (tmp_path / "de-en" / "train-00000-of-00001.parquet").write_bytes(b"PAR1 nothing PAR1")
    with pytest.raises(BenchError, match="Cannot read"):
        OpusCorpus(path, 2).sentences("de", Notices())


def test_a_file_of_other_columns_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "de-en").mkdir()
    pq.write_table(pa.table({"text": ["x"]}), tmp_path / "de-en" / "train-00000-of-00001.parquet")
    with pytest.raises(BenchError, match=r"no column translation\.de: its columns are text"):
        OpusCorpus(str(tmp_path), 2).sentences("de", Notices())


def test_every_language_of_the_benchmark_has_a_source() -> None:
    assert len(OPUS_100) == 99
    assert set(LANGUAGES) - OPUS_100 - {"en"} == set(FROM_OPUS)


def test_a_language_that_opus_100_lacks_comes_from_opus_once(server: Loopback, tmp_path: Path) -> None:
    address = play_opus(server, "ceb", "Usa.\nDuha.\nTulo.\n")
    play_opus(server, "la", "Unus.\n")
    for _ in range(2):
        corpus = OpusCorpus(None, 2, tmp_path, opus_url=server.address)
        assert corpus.sentences("ceb", Notices()) == ["Usa.", "Duha."]
    assert len(server.asked(address)) == 1
    notices = Notices()
    assert corpus.sentences("la", notices) == ["Unus."]
    assert notices.count(TOO_FEW) == 1


def test_another_corpus_of_opus_can_take_opus_100s_place(server: Loopback, tmp_path: Path) -> None:
    server.answers["/OPUS-Tatoeba/v2/moses/de-en.txt.zip"] = Answer(zipped({"Tatoeba.de-en.de": "Ja.\n"}))
    corpus = OpusCorpus(None, 1, tmp_path, opus={"de": "Tatoeba/v2"}, opus_url=server.address)
    assert corpus.sentences("de", Notices()) == ["Ja."]


@pytest.mark.parametrize("release", ["bible", "../v1", "a/..", "a/b/c", "/v1", "a/"])
def test_a_corpus_of_opus_cannot_name_a_file_outside_the_cache(release: str) -> None:
    with pytest.raises(BenchError, match="CORPUS/RELEASE"):
        OpusCorpus(None, 1, opus={"de": release})


def test_a_zip_beside_a_local_folder_is_read_and_asked_for_where_it_is_missing(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"ceb-en\.txt\.zip.*\n?.*OPUS-bible-uedin/v1/moses"):
        OpusCorpus(str(tmp_path), 1).sentences("ceb", Notices())
    (tmp_path / "ceb-en.txt.zip").write_bytes(zipped({"bible-uedin.ceb-en.ceb": "Usa.\n"}))
    assert OpusCorpus(str(tmp_path), 1).sentences("ceb", Notices()) == ["Usa."]


def test_nothing_in_a_zip_is_unpacked(server: Loopback, tmp_path: Path) -> None:
    play_opus(server, "ceb", "Usa.\n", member="../../bible-uedin.ceb-en.ceb")
    with pytest.raises(BenchError, match=r"holds no 'bible-uedin\.ceb-en\.ceb'; it holds \.\./"):
        OpusCorpus(None, 1, tmp_path / "cache", opus_url=server.address).sentences("ceb", Notices())
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["ceb-en.txt.zip"]


def test_a_zips_member_over_the_limit_is_refused(
    server: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opus_files, "_LARGEST_MEMBER", 1000)
    play_opus(server, "ceb", "Usa ka pulong.\n" * 100)
    with pytest.raises(BenchError, match="1,500 bytes, more than 1,000"):
        OpusCorpus(None, 1, tmp_path, opus_url=server.address).sentences("ceb", Notices())


@pytest.mark.parametrize("damage", [b"<html>Please log in</html>", None])
def test_a_damaged_zip_says_which_file_to_remove(server: Loopback, tmp_path: Path, damage: bytes | None) -> None:
    address = play_opus(server, "ceb", "Usa.\n" * 1000)
    answer = server.answers[address]
    assert isinstance(answer, Answer)
    broken = answer.body[:50] + b"\x00" * 20 + answer.body[70:]  # the compressed sentences themselves
    server.answers[address] = Answer(damage or broken)
    with pytest.raises(BenchError, match=r"ceb-en\.txt\.zip' is damaged .* Remove it"):
        OpusCorpus(None, None, tmp_path, opus_url=server.address).sentences("ceb", Notices())


def test_an_unknown_language_names_the_ways_out(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"(?s)Did you mean 'de'.*corpus=text corpus\.path=DIR"):
        OpusCorpus(None, 1, tmp_path).sentences("german", Notices())


@pytest.mark.parametrize("language", ["de", "ceb"])
def test_without_a_network_the_error_comes_within_seconds_and_names_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound and not listening: refused
        address = f"http://127.0.0.1:{closed.getsockname()[1]}"
        started = time.monotonic()
        with pytest.raises(BenchError, match=r"(?s)corpus=text corpus\.path=DIR.*corpus\.path=DIR with OPUS-100"):
            OpusCorpus(None, 1, tmp_path, endpoint=address, opus_url=address).sentences(language, Notices())
    assert time.monotonic() - started < 8


def test_offline_mode_is_honoured(tmp_path: Path, server: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    play_hub(server, parquet(ROWS))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)  # what HF_HUB_OFFLINE=1 sets on import
    with pytest.raises(BenchError, match=r"(?s)HF_HUB_OFFLINE.*corpus=text corpus\.path=DIR"):
        OpusCorpus(None, 1, tmp_path, endpoint=server.address).sentences("de", Notices())
    assert server.requests == []


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="no folder"):
        OpusCorpus(str(tmp_path / "gone"))


# Translations


def test_the_hubs_test_set_gives_translations_and_is_asked_for_once(server: Loopback, tmp_path: Path) -> None:
    trained = play_hub(server, parquet(ROWS))
    address = play_test_set(server, [("Ja.", "Yes."), (None, "No."), ("", "Blank."), ("Ja.", "Yes.")])
    notices = Notices()
    for _ in range(2):
        corpus = OpusCorpus(None, 1, tmp_path, endpoint=server.address)
        assert corpus.translations("de", "en", notices) == [("Ja.", "Yes."), ("", "Blank."), ("Ja.", "Yes.")]
        asked = len(server.asked(address))
    assert corpus.translations("en", "de", Notices())[0] == ("Yes.", "Ja.")
    assert len(server.asked(address)) == asked and server.asked(trained[0]) == []
    assert notices.count(NO_SENTENCE) == 1


def test_a_language_without_a_test_set_gives_the_first_of_its_training_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opus, "TRANSLATIONS", 2)
    corpus = OpusCorpus(local(tmp_path, ROWS), 1)
    assert corpus.translations("de", "en", Notices()) == [("Eins.", "One."), ("Zwei.", "Two.")]
    (tmp_path / "de-en" / "test-00000-of-00001.parquet").write_bytes(parquet([("Ja.", "Yes.")]))
    assert corpus.translations("de", "en", Notices()) == [("Ja.", "Yes.")]


def test_two_languages_are_joined_where_their_english_is_the_same(tmp_path: Path) -> None:
    path = local(tmp_path, ROWS)
    local(tmp_path, [("Two.", "Deux."), ("Five.", "Cinq."), ("One.", "Un.")], "en-fr")
    (tmp_path / "ceb-en.txt.zip").write_bytes(
        zipped({"bible-uedin.ceb-en.ceb": "Usa.\nDuha.\n", "bible-uedin.ceb-en.en": "One.\nFive.\n"})
    )
    corpus = OpusCorpus(path, 1)
    assert corpus.parallel_languages() == ("ceb", "de", "en", "fr")
    assert corpus.translations("de", "fr", Notices()) == [("Eins.", "Un."), ("Zwei.", "Deux."), ("", "Deux.")]
    assert corpus.translations("ceb", "en", Notices()) == [("Usa.", "One."), ("Duha.", "Five.")]
    assert corpus.translations("ceb", "fr", Notices()) == [("Usa.", "Un."), ("Duha.", "Cinq.")]


def test_sides_of_a_zip_that_are_of_different_length_are_refused(tmp_path: Path) -> None:
    members = {"bible-uedin.ceb-en.ceb": "Usa.\nDuha.\n", "bible-uedin.ceb-en.en": "One.\n"}
    (tmp_path / "ceb-en.txt.zip").write_bytes(zipped(members))
    with pytest.raises(BenchError, match="2 lines of 'ceb' and 1 of English"):
        OpusCorpus(str(tmp_path), 1).translations("ceb", "en", Notices())


def test_translations_of_what_is_not_there_are_refused_with_the_way_out(tmp_path: Path) -> None:
    corpus = OpusCorpus(str(tmp_path), 1)
    assert set(corpus.parallel_languages()) == {*OPUS_100, *FROM_OPUS, "en"}, "an empty folder is told by what it lacks"
    with pytest.raises(BenchError, match=r"(?s)holds no train-\*\.parquet.*corpus=text corpus\.path=DIR"):
        corpus.translations("de", "en", Notices())
    with pytest.raises(UnknownNameError, match="Did you mean 'de'"):
        corpus.translations("german", "en", Notices())
