"""Tatoeba: the same sentences from a zip and a folder, English from every pair, and pairs that stay aligned."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError, UnknownNameError
from lrp2_bench.core.languages import LANGUAGES
from lrp2_bench.data.tatoeba import TatoebaCorpus
from lrp2_bench.data.text import TOO_FEW
from tests.support.paths import TATOEBA_ZIP, needs_tatoeba

FILES = {
    "tatoeba.deu-eng.deu": "Hallo.\nJa.\nHallo.\n",
    "tatoeba.deu-eng.eng": "Hello.\nYes.\nHi.\n",
    "tatoeba.cmn-eng.cmn": "你好。\n是。\n",
    "tatoeba.cmn-eng.eng": "Hello.\nIt is.\n",
    "tatoeba.fry-eng.fry": "Hoi.\n",
    "tatoeba.fry-eng.eng": "Hi there.\n",
    "tatoeba.nld-eng.nld": "Dag.\n",  # its English side is missing
    "LICENSE": "x",
}


@pytest.fixture(params=["folder", "zip"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return pack(tmp_path, FILES, request.param)


def pack(folder: Path, files: dict[str, str], kind: str = "zip") -> str:
    if kind == "zip":
        with zipfile.ZipFile(folder / "tatoeba.zip", "w") as archive:
            for name, text in reversed(files.items()):
                archive.writestr(f"{'elsewhere' if 'deu' in name else 'tatoeba'}/{name}", text)
        return str(folder / "tatoeba.zip")
    inside = folder / "tatoeba" / "v1"
    inside.mkdir(parents=True)
    for name, text in files.items():
        (inside / name).write_text(text, encoding="utf-8")
    return str(folder / "tatoeba")


def test_a_language_is_read_by_the_benchmarks_code(path: str) -> None:
    assert TatoebaCorpus(path).sentences("zh", DataWarnings()) == ["你好。", "是。"]


def test_repeats_count_once_and_too_few_are_counted(path: str) -> None:
    data_warnings = DataWarnings()
    assert TatoebaCorpus(path, 3).sentences("de", data_warnings) == ["Hallo.", "Ja."]
    assert data_warnings.as_dict()[TOO_FEW]["examples"] == ["de: 2 of 3"]


def test_english_is_every_pairs_english_once_in_the_order_of_the_names(path: str) -> None:
    everything = ["Hello.", "It is.", "Yes.", "Hi.", "Hi there."]  # cmn, deu, fry
    assert TatoebaCorpus(path).sentences("en", DataWarnings()) == everything  # in whatever folders the files lie
    assert TatoebaCorpus(path, 3).sentences("en", DataWarnings()) == everything[:3]


def test_languages_the_benchmark_does_not_know_go_by_their_own_code(path: str) -> None:
    assert TatoebaCorpus(path).languages() == ("de", "en", "fry", "zh")
    assert TatoebaCorpus(path).sentences("fry", DataWarnings()) == ["Hoi."]


def test_pairs_keep_every_line_whatever_the_count(path: str) -> None:
    assert TatoebaCorpus(path, 1).pairs("de") == [("Hallo.", "Hello."), ("Ja.", "Yes."), ("Hallo.", "Hi.")]


def test_pairs_of_unequal_length_are_refused(tmp_path: Path) -> None:
    path = pack(tmp_path, {"tatoeba.deu-eng.deu": "Ja.\nNein.\n", "tatoeba.deu-eng.eng": "Yes.\n"})
    with pytest.raises(BenchError, match="2 lines and .* 1"):
        TatoebaCorpus(path).pairs("de")


def test_english_has_no_pairs_of_its_own(path: str) -> None:
    with pytest.raises(BenchError, match="another language"):
        TatoebaCorpus(path).pairs("en")


def test_a_missing_language_suggests_the_nearest_and_lists_those_there(path: str) -> None:
    with pytest.raises(UnknownNameError, match=r"(?s)Did you mean 'de'.*Known: de, en, fry, zh\..*corpus=text"):
        TatoebaCorpus(path).sentences("german", DataWarnings())


def test_half_a_pair_is_no_language(path: str) -> None:
    with pytest.raises(UnknownNameError):
        TatoebaCorpus(path).sentences("nl", DataWarnings())


def test_the_path_is_asked_for_where_it_is_not_given() -> None:
    with pytest.raises(BenchError, match="corpus.path=ZIP_OR_DIR"):
        TatoebaCorpus(None)


def test_a_path_without_tatoeba_files_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="no pair of files"):
        TatoebaCorpus(str(tmp_path)).sentences("de", DataWarnings())


@needs_tatoeba
def test_the_published_sets_serve_every_language_of_the_benchmark() -> None:
    corpus, data_warnings = TatoebaCorpus(str(TATOEBA_ZIP), 300), DataWarnings()
    assert corpus.languages() == tuple(sorted(LANGUAGES))
    for language in LANGUAGES:
        assert len(corpus.sentences(language, data_warnings)) == 300
    assert data_warnings.as_dict() == {}
    assert corpus.sentences("de", data_warnings)[0] == corpus.pairs("de")[0][0]


@needs_tatoeba
def test_the_published_pairs_are_aligned_in_every_language() -> None:
    corpus = TatoebaCorpus(str(TATOEBA_ZIP))
    counts = {language: len(corpus.pairs(language)) for language in corpus.languages() if language != "en"}
    assert {language: count for language, count in counts.items() if count != 1000} == {
        "ceb": 600, "cy": 575, "hy": 742, "ka": 746, "sl": 823, "ta": 307, "th": 548
    }  # fmt: skip
