"""A job's language vectors: computed once and kept in the cache, or read from a path and checked."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.settings import VectorSettings
from lrp2_bench.data.corpus import Corpus
from lrp2_bench.data.text import TextCorpus
from lrp2_bench.interventions import cached_vectors
from lrp2_bench.interventions.cached_vectors import language_vectors
from lrp2_bench.interventions.vectors import LanguageVectors, cached_path, save_vectors
from lrp2_bench.models.layered import LayeredModel
from tests.support import models
from tests.support.commands import ToyJob, contents, lrp2_bench
from tests.support.vectors import vectors_of

Build = Callable[..., ToyJob]


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The languages vectors were computed for."""
    languages: list[str] = []
    compute = cached_vectors.compute_vectors

    def counted(*arguments: object, **options: object) -> LanguageVectors:
        vectors = compute(*arguments, **options)
        languages.append(vectors.language)
        return vectors

    monkeypatch.setattr(cached_vectors, "compute_vectors", counted)
    return languages


def _obtain(
    model: LayeredModel, corpus: Corpus | None, cache: Path, language: str = "de", path: Path | None = None
) -> LanguageVectors:
    settings = VectorSettings(path=str(path) if path else None)
    return language_vectors(model, "model digest", language, corpus, settings, cache, DataWarnings())


def test_vectors_are_computed_once_and_then_read(
    bert: LayeredModel, toy_corpus: Path, tmp_path: Path, computed: list[str]
) -> None:
    corpus = TextCorpus(str(toy_corpus))
    first, second = (_obtain(bert, corpus, tmp_path) for _ in range(2))
    assert torch.equal(first.values, second.values)
    assert first.metadata == second.metadata
    assert computed == ["de"]
    _obtain(bert, corpus, tmp_path, "en")
    _obtain(bert, TextCorpus(str(toy_corpus), 5), tmp_path)
    assert computed == ["de", "en", "de"]


def test_damaged_cached_vectors_are_computed_again(
    bert: LayeredModel, toy_corpus: Path, tmp_path: Path, computed: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    corpus = TextCorpus(str(toy_corpus))
    first = _obtain(bert, corpus, tmp_path)
    cached_path(tmp_path, first.metadata).write_bytes(b"half")
    with caplog.at_level(logging.WARNING):
        second = _obtain(bert, corpus, tmp_path)
    assert "They are computed again" in caplog.text
    assert torch.equal(first.values, second.values)
    _obtain(bert, corpus, tmp_path)
    assert computed == ["de", "de"]


def test_a_cache_that_cannot_be_written_is_told_and_the_job_goes_on(
    bert: LayeredModel, toy_corpus: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "cache").touch()
    with caplog.at_level(logging.WARNING):
        vectors = _obtain(bert, TextCorpus(str(toy_corpus)), tmp_path / "cache")
    assert torch.isfinite(vectors.values).all()
    assert "Set paths.cache" in caplog.text


@pytest.mark.parametrize("given", ["folder", "file"])
def test_vectors_by_path_need_no_corpus_and_are_checked(
    given: str, bert: LayeredModel, tmp_path: Path, computed: list[str]
) -> None:
    vectors, path = vectors_of(bert), tmp_path / "de.safetensors"
    save_vectors(vectors, path)
    found = _obtain(bert, None, tmp_path / "cache", path=path if given == "file" else tmp_path)
    assert torch.equal(found.values, vectors.values)
    assert computed == []
    save_vectors(vectors, tmp_path / "en.safetensors")
    with pytest.raises(BenchError, match="it is for 'de', not 'en'"):
        _obtain(bert, None, tmp_path / "cache", "en", path=path if given == "file" else tmp_path)


def test_without_a_corpus_or_a_path_both_are_named(bert: LayeredModel, tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="corpus=opus100, tatoeba or text.*vectors.path=DIR"):
        _obtain(bert, None, tmp_path)


def test_vectors_written_beforehand_give_the_tables_of_those_computed(
    toy_job: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    computed, read = toy_job(folder="computed"), toy_job(folder="read")
    source = ["corpus=text", f"corpus.path={computed.corpus}", "corpus.sentences=1"]
    command = [
        "vectors",
        "model=hf",
        f"model.path={computed.model}",
        *source,
        f"output={tmp_path / 'vectors'}",
        f"paths.cache={tmp_path / 'cache'}",
    ]
    assert lrp2_bench(*command, "-m", "language=de,en") == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache", "vectors"], "nothing is left where one stands"
    assert sorted(path.name for path in (tmp_path / "vectors").iterdir()) == ["de.safetensors", "en.safetensors"]
    assert computed.search() == 0
    assert read.search(f"vectors.path={tmp_path / 'vectors'}", "corpus.path=/nowhere") == 0
    assert contents(read.folder()) == contents(computed.folder())


def test_vectors_of_another_model_are_refused(
    toy_job: Build, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    job = toy_job("bert")
    other = models.build_model(tmp_path / "other", "bert", ["a b c"], hidden=32, seed=5)
    for language in ("de", "en"):
        arguments = ["model=hf", f"model.path={other}", "corpus=text", f"corpus.path={job.corpus}"]
        command = ["vectors", *arguments, f"language={language}", f"output={tmp_path / 'vectors'}"]
        assert lrp2_bench(*command, f"paths.cache={tmp_path / 'cache'}") == 0
    assert job.search(f"vectors.path={tmp_path / 'vectors'}") == 1
    said = capsys.readouterr().err
    assert "de.safetensors' does not fit: it was computed with another model" in said
    assert not (job.folder() / "pairs.csv").exists()
