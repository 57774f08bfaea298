"""Language vectors: the mean of means in float64, whatever the batches; what is cut or skipped is counted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.settings import ProjectionTokens
from lrp2_bench.data.tatoeba import TatoebaCorpus
from lrp2_bench.models.layered import LayeredModel, TokenBatch
from tests.support.families import build_family
from tests.support.models import ARCHITECTURES
from tests.support.naive import states
from tests.support.paths import TATOEBA_ZIP, needs_tatoeba
from tests.support.probing import load
from tests.support.tokenizers import Around, with_tokenizer
from tests.support.vectors import SENTENCES, vectors_of

TOO_LONG = "Sentences longer than the model's positions were cut"
NO_TOKEN = "Sentences without a token were skipped"


def _loop(model: LayeredModel, sentences: Sequence[str]) -> np.ndarray:
    """One forward pass of Hugging Face's a sentence; means of means in float64."""
    ids = [model.tokenizer(sentence, return_tensors="pt")["input_ids"] for sentence in sentences]
    return np.mean([states(model.model, one)[:, 0].double().numpy().mean(axis=1) for one in ids], axis=0)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_vectors_are_the_mean_over_sentences_of_the_mean_over_tokens(
    architecture: str, model_folder: Callable[[str], Path]
) -> None:
    model = load(model_folder(architecture))
    vectors = vectors_of(model)
    assert vectors.values.dtype == torch.float32
    assert vectors.values.shape == (model.blocks + 1, model.hidden_size)
    np.testing.assert_allclose(vectors.values.numpy(), _loop(model, SENTENCES), atol=1e-5)


@pytest.mark.parametrize("batch_tokens", [1, 50, 333])
def test_vectors_do_not_depend_on_the_batches(batch_tokens: int, bert: LayeredModel) -> None:
    at_once = vectors_of(bert)
    torch.testing.assert_close(
        vectors_of(bert, SENTENCES, batch_tokens=batch_tokens).values, at_once.values, atol=1e-5, rtol=0
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
    values = vectors_of(bert, sentences, batch_tokens=1).values
    assert values.unique().tolist() == [np.float32((large + 200) / 201)]
    assert np.float32(large / 201) != np.float32((large + 200) / 201)


def test_every_sentence_weighs_the_same_whatever_its_length(bert: LayeredModel) -> None:
    short, long = "Paris", "Die Hauptstadt von Frankreich ist Paris ."
    both, alone = vectors_of(bert, [short, long]).values, [vectors_of(bert, [text]).values for text in (short, long)]
    torch.testing.assert_close(both, (alone[0] + alone[1]) / 2, atol=1e-5, rtol=0)


@needs_tatoeba
@pytest.mark.parametrize("batch_tokens", [2048, 32_768])
def test_real_sentences_make_few_batches_with_at_most_a_tenth_of_padding(
    batch_tokens: int, bert: LayeredModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    sentences = TatoebaCorpus(str(TATOEBA_ZIP), 1000).sentences("de", DataWarnings())
    seen: list[TokenBatch] = []
    batch = bert.batch
    monkeypatch.setattr(bert, "batch", lambda sequences: seen.append(batch(sequences)) or seen[-1])
    vectors_of(bert, sentences, batch_tokens=batch_tokens)
    padded, kept = (sum(int(count) for count in counts) for counts in zip(*map(_sizes, seen), strict=True))
    assert sum(len(batch.ids) for batch in seen) == len(sentences)
    assert 0 < 1 - kept / padded <= 0.1
    assert all(batch.ids.numel() <= batch_tokens for batch in seen)
    assert len(seen) < 2 * kept / batch_tokens + 20


def _sizes(batch: TokenBatch) -> tuple[int, int]:
    return batch.ids.numel(), int(batch.keep.sum())


def test_a_sentence_longer_than_the_models_positions_is_cut_as_its_tokenizer_cuts(bert: LayeredModel) -> None:
    long = "Die Hauptstadt von Frankreich ist Paris . " * 20
    data_warnings = DataWarnings()
    vectors = vectors_of(bert, ["Paris", long], data_warnings)
    assert data_warnings.as_dict()[TOO_LONG] == {"count": 1, "examples": ["de sentence 2"]}
    cut = bert.tokenizer(long, truncation=True, max_length=bert.max_tokens, return_tensors="pt")["input_ids"]
    assert cut.shape[1] == bert.max_tokens == 64
    expected = (_loop(bert, ["Paris"]) + states(bert.model, cut)[:, 0].double().numpy().mean(axis=1)) / 2
    np.testing.assert_allclose(vectors.values.numpy(), expected, atol=1e-5)


def test_a_sentence_of_just_the_models_positions_is_not_cut(bert: LayeredModel) -> None:
    data_warnings = DataWarnings()
    vectors_of(bert, [" ".join(["Paris"] * 62)], data_warnings)
    assert data_warnings.as_dict() == {}


def test_a_model_without_a_limit_cuts_nothing(model_folder: Callable[[str], Path]) -> None:
    data_warnings = DataWarnings()
    vectors_of(load(model_folder("bloom")), ["Paris " * 300], data_warnings)
    assert data_warnings.as_dict() == {}


def test_a_sentence_without_a_token_is_counted_and_does_not_weigh(model_folder: Callable[[str], Path]) -> None:
    bloom, data_warnings = load(model_folder("bloom")), DataWarnings()
    vectors = vectors_of(bloom, ["Paris", "", "Tokio"], data_warnings)
    assert data_warnings.as_dict()[NO_TOKEN] == {"count": 1, "examples": ["de sentence 2"]}
    torch.testing.assert_close(vectors.values, vectors_of(bloom, ["Paris", "Tokio"]).values)
    with pytest.raises(BenchError, match="No sentence of 'de' has a token"):
        vectors_of(bloom, ["", ""])


def test_numbers_that_are_not_finite_are_refused_with_their_layers(model_folder: Callable[[str], Path]) -> None:
    model = load(model_folder("bert"))
    with torch.no_grad():
        model.model.bert.encoder.layer[2].output.dense.bias[0] = torch.inf
    with pytest.raises(BenchError, match=r"'de' hold numbers that are not finite at layers \[3, 4\].*\n.*dense.bias"):
        vectors_of(model)


def test_a_sentence_of_special_tokens_alone_is_counted_and_does_not_weigh(bert: LayeredModel) -> None:
    data_warnings = DataWarnings()
    text = vectors_of(bert, ["Paris", "", "Tokio"], data_warnings, tokens=ProjectionTokens.text)
    kind = "Sentences of special tokens alone were skipped (projection.tokens=text)"
    assert data_warnings.as_dict() == {kind: {"count": 1, "examples": ["de sentence 2"]}}
    torch.testing.assert_close(text.values, vectors_of(bert, ["Paris", "Tokio"], tokens=ProjectionTokens.text).values)
    with pytest.raises(BenchError, match="No sentence of 'de' has a token"):
        vectors_of(bert, [""], tokens=ProjectionTokens.text)


def test_without_special_tokens_the_mean_over_text_is_the_mean_over_all(model_folder: Callable[[str], Path]) -> None:
    bloom = load(model_folder("bloom"))
    both = ProjectionTokens.all, ProjectionTokens.text
    every, text = (vectors_of(bloom, tokens=tokens).values for tokens in both)
    assert torch.equal(every, text)


def test_a_long_sentence_keeps_its_end_only_where_that_is_special(tmp_path: Path) -> None:
    for template in ("$A", "$A </s>"):
        folder = build_family(tmp_path / str(len(template)), "gpt2")
        model = with_tokenizer(load(folder), Around(template))
        long = "Paris " * 100
        expected = model.tokenizer(long, truncation=True, max_length=64)["input_ids"]
        with torch.no_grad():
            layers = states(model.model, torch.tensor([expected]))[:, 0].mean(dim=1)
        torch.testing.assert_close(vectors_of(model, [long]).values, layers, atol=1e-5, rtol=1e-5)
