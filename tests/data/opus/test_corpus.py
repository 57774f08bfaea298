"""OPUS-100 from a hub on 127.0.0.1 and from a folder, and what is said where there is no network."""

from __future__ import annotations

import random
import socket
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError, UnknownNameError
from lrp2_bench.core.languages import LANGUAGES
from lrp2_bench.data.opus.corpus import FROM_OPUS, NO_SENTENCE, OPUS_100, OpusCorpus
from lrp2_bench.data.text import TOO_FEW
from tests.support.loopback import Answer, Loopback
from tests.support.opus import ROWS, Rows, local, parquet, play_hub


def test_the_hub_gives_the_first_usable_sentences(server: Loopback, tmp_path: Path) -> None:
    play_hub(server, parquet(ROWS))
    corpus = OpusCorpus(None, 3, tmp_path, endpoint=server.address)
    assert corpus.sentences("de", DataWarnings()) == ["Eins.", "Zwei.", "Drei."]
    assert corpus.sentences("en", DataWarnings()) == ["One.", "Two.", "Three."]


def test_files_follow_each_other_in_the_order_of_their_names(server: Loopback, tmp_path: Path) -> None:
    addresses = play_hub(server, parquet([("Eins.", "One.")]), parquet([("Zwei.", "Two.")]), parquet(ROWS))
    corpus = OpusCorpus(None, 2, tmp_path, endpoint=server.address)
    assert corpus.sentences("de", DataWarnings()) == ["Eins.", "Zwei."]
    assert server.asked(addresses[2]) == []


@pytest.mark.parametrize("row_group", [500, 100_000])
def test_only_the_pages_that_hold_the_sentences_travel(server: Loopback, tmp_path: Path, row_group: int) -> None:
    letters = random.Random(0)
    rows: Rows = [("d" + letters.randbytes(40).hex(), "e" + letters.randbytes(40).hex()) for _ in range(100_000)]
    file = parquet(rows, row_group=row_group)
    [address] = play_hub(server, file)
    found = OpusCorpus(None, 2000, tmp_path, endpoint=server.address).sentences("de", DataWarnings())
    assert found == [german for german, _ in rows[:2000]]
    assert sum(request.sent for request in server.asked(address)) < len(file) / 4


def test_a_commits_sentences_are_asked_for_once(server: Loopback, tmp_path: Path) -> None:
    play_hub(server, parquet([("\ufeffEins.", "One."), *ROWS]))
    first = OpusCorpus(None, 4, tmp_path, endpoint=server.address).sentences("de", DataWarnings())
    asked = len(server.requests)
    assert OpusCorpus(None, 4, tmp_path, endpoint=server.address).sentences("de", DataWarnings()) == first
    assert len(server.requests) == asked
    OpusCorpus(None, 3, tmp_path, endpoint=server.address).sentences("de", DataWarnings())
    assert len(server.requests) > asked


def test_a_branchs_sentences_are_asked_for_every_time(server: Loopback, tmp_path: Path) -> None:
    play_hub(server, parquet(ROWS), revision="main")
    corpus = OpusCorpus(None, 2, tmp_path, endpoint=server.address, revision="main")
    assert corpus.sentences("de", DataWarnings()) == ["Eins.", "Zwei."]
    play_hub(server, parquet([("Neu und lang.", "New."), *ROWS]), revision="main")
    assert corpus.sentences("de", DataWarnings()) == ["Neu und lang.", "Eins."]


def test_a_revision_the_hub_lacks_is_an_error(server: Loopback, tmp_path: Path) -> None:
    server.answers["/api/datasets/Helsinki-NLP/opus-100/revision/old"] = Answer(
        status=404, headers={"X-Error-Code": "RevisionNotFound"}
    )
    with pytest.raises(BenchError, match=r"(?s)old.*corpus=text corpus\.path=DIR"):
        OpusCorpus(None, 2, tmp_path, endpoint=server.address, revision="old").sentences("de", DataWarnings())


def test_too_few_sentences_are_counted_and_rows_without_one_as_well(server: Loopback, tmp_path: Path) -> None:
    play_hub(server, parquet([*ROWS, (None, "Five.")]))
    data_warnings = DataWarnings()
    corpus = OpusCorpus(None, 100, tmp_path, endpoint=server.address)
    assert len(corpus.sentences("de", data_warnings)) == 4
    assert data_warnings.as_dict()[TOO_FEW]["examples"] == ["de: 4 of 100"]
    assert data_warnings.count(NO_SENTENCE) == 1


def test_a_folder_in_the_hubs_layout_needs_no_hub(tmp_path: Path) -> None:
    path = local(tmp_path, ROWS)
    local(tmp_path, [("One.", "Un."), ("Two.", "Deux.")], "en-fr")
    corpus = OpusCorpus(path, 2, endpoint="http://127.0.0.1:1")
    assert corpus.sentences("de", DataWarnings()) == ["Eins.", "Zwei."]
    assert corpus.sentences("fr", DataWarnings()) == ["Un.", "Deux."]
    assert corpus.sentences("en", DataWarnings()) == ["One.", "Two."]


def test_english_comes_from_the_pair_asked_for(tmp_path: Path) -> None:
    path = local(tmp_path, ROWS)
    local(tmp_path, [("Une.", "A."), ("Deux.", "B.")][::-1], "cs-en")
    assert OpusCorpus(path, 2, english_pair="cs-en").sentences("en", DataWarnings()) == ["B.", "A."]
    with pytest.raises(UnknownNameError, match="Did you mean 'de-en'"):
        OpusCorpus(path, 2, english_pair="en-de")


def test_a_folder_without_the_pair_lists_those_there(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"Pairs with one: de-en"):
        OpusCorpus(local(tmp_path, ROWS), 2).sentences("fr", DataWarnings())


def test_a_damaged_file_is_an_error_of_ours(tmp_path: Path) -> None:
    path = local(tmp_path, ROWS)
    (tmp_path / "de-en" / "train-00000-of-00001.parquet").write_bytes(b"PAR1 nothing PAR1")
    with pytest.raises(BenchError, match="Cannot read"):
        OpusCorpus(path, 2).sentences("de", DataWarnings())


def test_a_file_of_other_columns_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "de-en").mkdir()
    pq.write_table(pa.table({"text": ["x"]}), tmp_path / "de-en" / "train-00000-of-00001.parquet")
    with pytest.raises(BenchError, match=r"no column translation\.de: its columns are text"):
        OpusCorpus(str(tmp_path), 2).sentences("de", DataWarnings())


def test_every_language_of_the_benchmark_has_a_source() -> None:
    assert len(OPUS_100) == 99
    assert set(LANGUAGES) - OPUS_100 - {"en"} == set(FROM_OPUS)


def test_an_unknown_language_names_the_ways_out(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"(?s)Did you mean 'de'.*corpus=text corpus\.path=DIR"):
        OpusCorpus(None, 1, tmp_path).sentences("german", DataWarnings())


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
            OpusCorpus(None, 1, tmp_path, endpoint=address, opus_url=address).sentences(language, DataWarnings())
    assert time.monotonic() - started < 8


def test_offline_mode_is_honoured(tmp_path: Path, server: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    play_hub(server, parquet(ROWS))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)  # what HF_HUB_OFFLINE=1 sets on import
    with pytest.raises(BenchError, match=r"(?s)HF_HUB_OFFLINE.*corpus=text corpus\.path=DIR"):
        OpusCorpus(None, 1, tmp_path, endpoint=server.address).sentences("de", DataWarnings())
    assert server.requests == []


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="no folder"):
        OpusCorpus(str(tmp_path / "gone"))
