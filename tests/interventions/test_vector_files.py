"""Files of language vectors: read back to the last bit, known by what made them, and refused with the reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.settings import ProjectionTokens
from lrp2_bench.interventions.vectors import (
    LanguageVectors,
    cached_path,
    check_vectors,
    load_vectors,
    save_vectors,
    vector_metadata,
)
from lrp2_bench.models.layered import LayeredModel
from tests.support.vectors import SENTENCES, vectors_of


def test_a_saved_file_is_read_back_to_the_last_bit(bert: LayeredModel, tmp_path: Path) -> None:
    vectors = vectors_of(bert)
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
    vectors = vectors_of(bert)
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
    save_vectors(vectors_of(bert), path)
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
    vectors = vectors_of(bert)
    vectors.values[2, 7] = number
    save_vectors(vectors, tmp_path / "de.safetensors")
    with pytest.raises(BenchError, match=r"de.safetensors' hold numbers that are not finite at layers \[2\]"):
        load_vectors(tmp_path / "de.safetensors")


def test_vectors_of_other_tokens_are_refused_and_those_of_old_files_are_of_all(bert: LayeredModel) -> None:
    every, text = (vectors_of(bert, tokens=tokens) for tokens in (ProjectionTokens.all, ProjectionTokens.text))
    assert every.origin != text.origin and every.digest != text.digest
    path = Path("here/de.safetensors")
    check_vectors(text, path, "de", bert, "model digest", ProjectionTokens.text)
    old = replace(every, metadata={key: value for key, value in every.metadata.items() if key != "mean"})
    check_vectors(old, path, "de", bert, "model digest")
    for vectors, tokens in ((text, ProjectionTokens.all), (every, ProjectionTokens.text), (old, ProjectionTokens.text)):
        with pytest.raises(BenchError, match=f"special tokens .*, and projection.tokens={tokens.value}"):
            check_vectors(vectors, path, "de", bert, "model digest", tokens)
