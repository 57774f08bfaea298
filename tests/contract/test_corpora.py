"""What every registered corpus keeps: a new one is tested here as soon as it is registered."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError
from lrp2_bench.data.corpus import Corpus, usable
from lrp2_bench.data.registry import CORPORA
from tests.support import toy
from tests.support.opus import local

LINES = {"deu": "Hallo.\nJa.\n\nHallo.\n...\n", "eng": "Hello.\nYes.\nNo.\nHi.\n...\n"}


def _tatoeba(folder: Path) -> dict[str, Any]:
    for code, text in LINES.items():
        (folder / f"tatoeba.deu-eng.{code}").write_text(text, "utf-8")
    return {"path": str(folder)}


#: Ours that read files; others say what they need by ``Corpus.example``.
OURS: dict[str, Callable[[Path], dict[str, Any]]] = {
    "opus100": lambda folder: {"path": local(folder, [("Hallo.", "Hi."), ("Ja.", "Yes.")])},
    "tatoeba": _tatoeba,
    "text": lambda folder: {"path": str(toy.build_corpus(folder / "toy"))},
}


@pytest.fixture(params=CORPORA.names())
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., Corpus]:
    made = CORPORA.get(str(request.param))
    options = OURS[request.param](tmp_path) if request.param in OURS else made.example(tmp_path)
    return lambda **more: made(**options, **more)


def test_sentences_are_usable_distinct_and_the_same_each_time(make: Callable[..., Corpus]) -> None:
    sentences = make().sentences("de", DataWarnings())
    assert len(sentences) >= 2 and sentences == list(usable(sentences))
    assert make().sentences("de", DataWarnings()) == sentences


def test_a_count_takes_the_first_and_too_few_are_a_warning(make: Callable[..., Corpus]) -> None:
    everything = make(sentences=None).sentences("de", DataWarnings())
    assert make(sentences=1).count == 1 and make(sentences=1).sentences("de", DataWarnings()) == everything[:1]
    data_warnings = DataWarnings()
    make(sentences=len(everything) + 1).sentences("de", data_warnings)
    assert data_warnings.as_dict()


@pytest.mark.parametrize("count", [0, -1])
def test_a_count_of_nothing_is_refused(count: int, make: Callable[..., Corpus]) -> None:
    with pytest.raises(BenchError, match="corpus.sentences"):
        make(sentences=count)


def test_a_language_it_lacks_is_an_error_that_names_it(make: Callable[..., Corpus]) -> None:
    with pytest.raises(BenchError, match="xq"):
        make().sentences("xq", DataWarnings())


def test_it_has_a_name_and_says_which_languages_it_pairs(make: Callable[..., Corpus]) -> None:
    corpus = make()
    assert isinstance(corpus.name, str) and corpus.name
    assert list(corpus.parallel_languages()) == sorted(corpus.parallel_languages())
