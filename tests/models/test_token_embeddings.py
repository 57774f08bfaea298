"""The embedding matrix is the model's own, and tokens are what they spell."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from tokenizers import AddedToken

from lrp2_bench.core.errors import BenchError
from lrp2_bench.models.token_embeddings import read_embeddings, read_tokens


@pytest.mark.parametrize("architecture", ["bert", "xlm-roberta", "distilbert", "bloom"])
def test_the_matrix_is_the_input_embedding_of_the_loaded_model(
    architecture: str, model_folder: Callable[[str], Path]
) -> None:
    from transformers import AutoModel

    folder = model_folder(architecture)
    loaded = AutoModel.from_pretrained(folder).get_input_embeddings().weight
    assert torch.equal(read_embeddings(folder), loaded)


@pytest.mark.parametrize("name", ["model.embed_tokens.weight", "shared.weight", "transformer.wte.weight"])
def test_other_architectures_names_are_known(name: str, tmp_path: Path) -> None:
    matrix = torch.randn(5, 3).to(torch.bfloat16)
    save_file({"head.weight": torch.zeros(1)}, tmp_path / "model-1.safetensors")
    save_file({name: matrix, "a.not_wte.weight": torch.zeros(2)}, tmp_path / "model-2.safetensors")
    found = read_embeddings(tmp_path)
    assert found.dtype == torch.float32 and torch.equal(found, matrix.float())


def test_weights_without_embeddings_are_refused_with_what_there_is(tmp_path: Path) -> None:
    save_file({"position_embeddings.weight": torch.zeros(1)}, tmp_path / "model.safetensors")
    with pytest.raises(BenchError, match=r"word_embeddings(.|\n)*There: position_embeddings.weight"):
        read_embeddings(tmp_path)


def test_damaged_weights_are_named(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"damaged")
    with pytest.raises(BenchError, match="model.safetensors"):
        read_embeddings(tmp_path)


def test_byte_level_tokens_become_what_their_bytes_spell(model_folder: Callable[[str], Path]) -> None:
    from transformers import AutoTokenizer

    folder = model_folder("bloom")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    by_index = {token.index: token for token in read_tokens(folder)}
    (d,) = [index for token, index in tokenizer.get_vocab().items() if token == "d"]
    (broken,) = [index for token, index in tokenizer.get_vocab().items() if token == "Ð"]  # byte 0xD0 of д
    assert by_index[d].text == "d"
    assert by_index[broken].text is None and by_index[broken].textless == "bytes"


def test_tokens_added_later_and_spare_ones(model_folder: Callable[[str], Path], tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model_folder("bloom"))
    # In a byte-level vocabulary "Ð" would be a byte; added, it is the letter eth.
    tokenizer.add_tokens([AddedToken("ÐÐ"), AddedToken("<extra>", special=True), AddedToken("[unused7]")])
    tokenizer.save_pretrained(tmp_path)
    *_, eths, extra, spare = read_tokens(tmp_path)
    assert eths.text == "ÐÐ"
    assert extra.textless == spare.textless == "special"
