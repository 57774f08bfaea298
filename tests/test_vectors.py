"""Language vectors: the mean of means, whatever the batches; files that fit, and refusals that say why."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from lrp2_bench.data.corpus import Corpus
from lrp2_bench.data.tatoeba import TatoebaCorpus
from lrp2_bench.data.text import TextCorpus
from lrp2_bench.errors import BenchError
from lrp2_bench.jobs import vectors as job
from lrp2_bench.jobs.vectors import language_vectors
from lrp2_bench.models.layered import LayeredModel, TokenBatch
from lrp2_bench.notices import Notices
from lrp2_bench.settings import VectorSettings
from lrp2_bench.vectors import (
    LanguageVectors,
    cached_path,
    check_vectors,
    compute_vectors,
    load_vectors,
    save_vectors,
    vector_metadata,
)
from tests.support import toy
from tests.support.models import ARCHITECTURES
from tests.support.naive import states
from tests.support.paths import TATOEBA_ZIP, needs_tatoeba
from tests.support.probing import load

SENTENCES = toy.sentences("de")
TOO_LONG = "Sentences longer than the model's positions were cut"
NO_TOKEN = "Sentences without a token were skipped"


@pytest.fixture
def bert(model_folder: Callable[[str], Path]) -> LayeredModel:
    return load(model_folder("bert"))


def _compute(
    model: LayeredModel, sentences: Sequence[str], notices: Notices | None = None, batch_tokens: int = 4096
) -> LanguageVectors:
    metadata = vector_metadata("model digest", model, "de", "text", sentences)
    return compute_vectors(model, sentences, metadata, batch_tokens=batch_tokens, notices=notices or Notices())


def _loop(model: LayeredModel, sentences: Sequence[str]) -> np.ndarray:
    """One forward pass of Hugging Face's a sentence; means of means in float64."""
    ids = [model.tokenizer(sentence, return_tensors="pt")["input_ids"] for sentence in sentences]
    return np.mean([states(model.model, one)[:, 0].double().numpy().mean(axis=1) for one in ids], axis=0)


# The numbers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_vectors_are_the_mean_over_sentences_of_the_mean_over_tokens(
    architecture: str, model_folder: Callable[[str], Path]
) -> None:
    model = load(model_folder(architecture))
    vectors = _compute(model, SENTENCES)
    assert vectors.values.dtype == torch.float32
    assert vectors.values.shape == (model.blocks + 1, model.hidden_size)
    np.testing.assert_allclose(vectors.values.numpy(), _loop(model, SENTENCES), atol=1e-5)


@pytest.mark.parametrize("batch_tokens", [1, 50, 333])
def test_vectors_do_not_depend_on_the_batches(batch_tokens: int, bert: LayeredModel) -> None:
    at_once = _compute(bert, SENTENCES)
    torch.testing.assert_close(
        _compute(bert, SENTENCES, batch_tokens=batch_tokens).values, at_once.values, atol=1e-5, rtol=0
    )


def test_sums_are_in_float64(bert: LayeredModel, monkeypatch: pytest.MonkeyPatch) -> None:
    # One state so large that float32 loses the ones added to it.
    large = 2.0**25
    sentences = ["Paris Paris", *["Paris"] * 200]

    def embed(batch: TokenBatch) -> torch.Tensor:
        value = large if batch.ids.shape[1] > 3 else 1.0
        return torch.full((*batch.ids.shape, bert.hidden_size), value)

    monkeypatch.setattr(bert, "embed", embed)
    monkeypatch.setattr(bert, "block", lambda k, hidden, context: hidden)
    values = _compute(bert, sentences, batch_tokens=1).values
    assert values.unique().tolist() == [np.float32((large + 200) / 201)]
    assert np.float32(large / 201) != np.float32((large + 200) / 201)


def test_every_sentence_weighs_the_same_whatever_its_length(bert: LayeredModel) -> None:
    short, long = "Paris", "Die Hauptstadt von Frankreich ist Paris ."
    both, alone = _compute(bert, [short, long]).values, [_compute(bert, [text]).values for text in (short, long)]
    torch.testing.assert_close(both, (alone[0] + alone[1]) / 2, atol=1e-5, rtol=0)


@needs_tatoeba
@pytest.mark.parametrize("batch_tokens", [2048, 32_768])
def test_real_sentences_make_few_batches_with_at_most_a_tenth_of_padding(
    batch_tokens: int, bert: LayeredModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    sentences = TatoebaCorpus(str(TATOEBA_ZIP), 1000).sentences("de", Notices())
    seen: list[TokenBatch] = []
    batch = bert.batch
    monkeypatch.setattr(bert, "batch", lambda sequences: seen.append(batch(sequences)) or seen[-1])
    _compute(bert, sentences, batch_tokens=batch_tokens)
    padded, kept = (sum(int(count) for count in counts) for counts in zip(*map(_sizes, seen), strict=True))
    assert sum(len(batch.ids) for batch in seen) == len(sentences)
    assert 0 < 1 - kept / padded <= 0.1
    assert all(batch.ids.numel() <= batch_tokens for batch in seen)
    assert len(seen) < 2 * kept / batch_tokens + 20


def _sizes(batch: TokenBatch) -> tuple[int, int]:
    return batch.ids.numel(), int(batch.keep.sum())


def test_a_sentence_longer_than_the_models_positions_is_cut_as_its_tokenizer_cuts(bert: LayeredModel) -> None:
    long = "Die Hauptstadt von Frankreich ist Paris . " * 20
    notices = Notices()
    vectors = _compute(bert, ["Paris", long], notices)
    assert notices.as_dict()[TOO_LONG] == {"count": 1, "examples": ["de sentence 2"]}
    cut = bert.tokenizer(long, truncation=True, max_length=bert.max_tokens, return_tensors="pt")["input_ids"]
    assert cut.shape[1] == bert.max_tokens == 64
    expected = (_loop(bert, ["Paris"]) + states(bert.model, cut)[:, 0].double().numpy().mean(axis=1)) / 2
    np.testing.assert_allclose(vectors.values.numpy(), expected, atol=1e-5)


def test_a_sentence_of_just_the_models_positions_is_not_cut(bert: LayeredModel) -> None:
    notices = Notices()
    _compute(bert, [" ".join(["Paris"] * 62)], notices)
    assert notices.as_dict() == {}


def test_a_model_without_a_limit_cuts_nothing(model_folder: Callable[[str], Path]) -> None:
    notices = Notices()
    _compute(load(model_folder("bloom")), ["Paris " * 300], notices)
    assert notices.as_dict() == {}


def test_a_sentence_without_a_token_is_counted_and_does_not_weigh(model_folder: Callable[[str], Path]) -> None:
    bloom, notices = load(model_folder("bloom")), Notices()
    vectors = _compute(bloom, ["Paris", "", "Tokio"], notices)
    assert notices.as_dict()[NO_TOKEN] == {"count": 1, "examples": ["de sentence 2"]}
    torch.testing.assert_close(vectors.values, _compute(bloom, ["Paris", "Tokio"]).values)
    with pytest.raises(BenchError, match="No sentence of 'de' has a token"):
        _compute(bloom, ["", ""])


def test_numbers_that_are_not_finite_are_refused_with_their_layers(model_folder: Callable[[str], Path]) -> None:
    model = load(model_folder("bert"))
    with torch.no_grad():
        model.model.bert.encoder.layer[2].output.dense.bias[0] = torch.inf
    with pytest.raises(BenchError, match=r"'de' hold numbers that are not finite at layers \[3, 4\].*float32"):
        _compute(model, SENTENCES)


# Files ---------------------------------------------------------------------------------------------------------------


def test_a_saved_file_is_read_back_to_the_last_bit(bert: LayeredModel, tmp_path: Path) -> None:
    vectors = _compute(bert, SENTENCES)
    save_vectors(vectors, tmp_path / "new" / "de.safetensors")
    again = load_vectors(tmp_path / "new" / "de.safetensors")
    assert torch.equal(again.values, vectors.values)
    assert (again.language, dict(again.metadata)) == ("de", dict(vectors.metadata))
    assert again.digest == vectors.digest
    check_vectors(again, tmp_path / "new" / "de.safetensors", "de", bert, "model digest")


def test_the_metadata_tell_sentences_model_and_settings(bert: LayeredModel) -> None:
    def metadata(
        digest: str = "m", model: LayeredModel = bert, corpus: str = "text", texts: Sequence[str] = SENTENCES
    ) -> dict[str, str]:
        return vector_metadata(digest, model, "de", corpus, texts)

    told = metadata()
    assert told["sentences"] == str(len(SENTENCES))
    assert (told["language"], told["blocks"], told["hidden_size"]) == ("de", "4", "32")
    assert (told["precision"], told["corpus"]) == ("float32", "text")
    assert told == metadata()
    others = [metadata(digest="n"), metadata(corpus="tatoeba"), metadata(texts=SENTENCES[:-1])]
    others += [metadata(texts=[*SENTENCES[:-1], "Berlin"]), metadata(texts=SENTENCES[::-1])]
    folder = Path("cache")
    assert len({cached_path(folder, one) for one in (told, *others)}) == 6


def test_the_digest_is_of_the_numbers_alone(bert: LayeredModel) -> None:
    vectors = _compute(bert, SENTENCES)
    changed = vectors.values.clone()
    changed[0, 0] = torch.nextafter(changed[0, 0], torch.tensor(9.0))
    assert replace(vectors, metadata={}, language="en").digest == vectors.digest
    assert replace(vectors, values=changed).digest != vectors.digest
    assert replace(vectors, values=vectors.values.reshape(32, 5)).digest != vectors.digest


@pytest.mark.parametrize(
    ("language", "digest", "shape", "reason"),
    [
        ("en", "model digest", (5, 32), "it is for 'en', not 'de'"),
        ("de", "another", (5, 32), "another model or other weights"),
        ("de", "model digest", (4, 32), r"its shape is \(4, 32\), the model needs \(5, 32\)"),
        ("de", "model digest", (5, 31), r"its shape is \(5, 31\)"),
        ("de", "model digest", (160,), r"its shape is \(160,\)"),
        ("en", "another", (5, 31), "for 'en'.*shape.*another model"),
    ],
)
def test_vectors_that_do_not_fit_are_refused_with_the_reason(
    language: str, digest: str, shape: tuple[int, ...], reason: str, bert: LayeredModel
) -> None:
    vectors = LanguageVectors(language, torch.zeros(shape), {"model_digest": digest})
    with pytest.raises(BenchError, match=f"(?s)'here/de.safetensors' does not fit: .*{reason}.*lrp2-bench vectors"):
        check_vectors(vectors, Path("here/de.safetensors"), "de", bert, "model digest")


def test_a_missing_file_suggests_the_nearest_and_lists_those_there(tmp_path: Path) -> None:
    for language in ("pt", "zh"):
        (tmp_path / f"{language}.safetensors").touch()
    with pytest.raises(
        BenchError, match=r"(?s)no language vectors '.*/ptt.safetensors'\. Did you mean 'pt'\?\nThere: pt, zh"
    ):
        load_vectors(tmp_path / "ptt.safetensors")
    with pytest.raises(BenchError, match="There: none"):
        load_vectors(tmp_path / "nowhere" / "de.safetensors")


@pytest.mark.parametrize("damage", ["empty", "cut", "header", "folder", "pickle"])
def test_a_damaged_file_is_refused(damage: str, bert: LayeredModel, tmp_path: Path) -> None:
    path = tmp_path / "de.safetensors"
    save_vectors(_compute(bert, SENTENCES), path)
    whole = path.read_bytes()
    if damage == "folder":
        path.unlink()
        path.mkdir()
    elif damage == "pickle":
        torch.save(torch.zeros(2), path)
    else:
        path.write_bytes({"empty": b"", "cut": whole[:-1], "header": b"\xff" + whole[1:]}[damage])
    with pytest.raises(BenchError, match="de.safetensors' holds no language vectors that can be read"):
        load_vectors(path)


def test_anothers_safetensors_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "de.safetensors"
    save_file({"vectors": torch.zeros(5, 32)}, path)
    with pytest.raises(BenchError, match="not one that `lrp2-bench vectors` wrote"):
        load_vectors(path)
    save_file({"weight": torch.zeros(5, 32)}, path)
    with pytest.raises(BenchError, match="holds no language vectors"):
        load_vectors(path)


@pytest.mark.parametrize("number", [torch.nan, torch.inf, -torch.inf])
def test_a_file_with_numbers_that_are_not_finite_is_refused(number: float, bert: LayeredModel, tmp_path: Path) -> None:
    vectors = _compute(bert, SENTENCES)
    vectors.values[2, 7] = number
    save_vectors(vectors, tmp_path / "de.safetensors")
    with pytest.raises(BenchError, match=r"de.safetensors' hold numbers that are not finite at layers \[2\]"):
        load_vectors(tmp_path / "de.safetensors")


# The cache -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The languages vectors were computed for."""
    languages: list[str] = []
    compute = job.compute_vectors

    def counted(*arguments: object, **options: object) -> LanguageVectors:
        vectors = compute(*arguments, **options)
        languages.append(vectors.language)
        return vectors

    monkeypatch.setattr(job, "compute_vectors", counted)
    return languages


def _obtain(
    model: LayeredModel, corpus: Corpus | None, cache: Path, language: str = "de", path: Path | None = None
) -> LanguageVectors:
    settings = VectorSettings(path=str(path) if path else None)
    return language_vectors(model, "model digest", language, corpus, settings, cache, Notices())


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
    vectors, path = _compute(bert, SENTENCES), tmp_path / "de.safetensors"
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
