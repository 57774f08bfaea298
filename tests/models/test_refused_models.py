"""Folders that are no model we can run: refused with what they lack, and with what to do."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lrp2_bench.core.errors import BenchError
from tests.support.families import build_family
from tests.support.loading import edit, find, load_as

MASKED = ["bert", "xlm-roberta", "distilbert"]


def test_a_folder_without_a_config_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="(?s)has no config.json.*model.path=DIR"):
        find(tmp_path)


def test_a_folder_without_weights_says_what_to_write(bert_copy: Path) -> None:
    (bert_copy / "model.safetensors").unlink()
    with pytest.raises(BenchError, match="(?s)no weights in safetensors.*save_pretrained"):
        find(bert_copy)


def test_pickled_weights_are_named_and_never_loaded(bert_copy: Path) -> None:
    (bert_copy / "model.safetensors").rename(bert_copy / "pytorch_model.bin")
    with pytest.raises(BenchError, match="It has pytorch_model.bin, but pickled weights are never loaded"):
        find(bert_copy)


@pytest.mark.parametrize("content", ["{", "", "[1]"])
def test_a_config_that_is_no_json_object_is_refused(content: str, bert_copy: Path) -> None:
    (bert_copy / "config.json").write_text(content)
    with pytest.raises(BenchError, match="config.json' is not (a )?JSON"):
        load_as(bert_copy)


@pytest.mark.parametrize("model_type", ["bertt", "xlm_roberta", None])
def test_an_unknown_architecture_says_what_is_supported(model_type: str | None, bert_copy: Path) -> None:
    edit(bert_copy / "config.json", model_type=model_type)
    with pytest.raises(BenchError, match="(?s)architecture.*Supported: causal and masked language models"):
        load_as(bert_copy)


def test_a_checkpoint_without_its_head_is_refused_with_what_it_lacks(bert_copy: Path) -> None:
    load_as(bert_copy).model.bert.save_pretrained(bert_copy)
    with pytest.raises(BenchError, match=r"lacks \d+ of the model's weights \(cls\.predictions.*random numbers"):
        load_as(bert_copy)


def test_a_deberta_without_its_head_is_told_to_be_a_discriminator(tmp_path: Path) -> None:
    build_family(tmp_path, "mdeberta")
    load_as(tmp_path).model.deberta.save_pretrained(tmp_path)
    with pytest.raises(BenchError, match=r"(?s)lacks \d+ of .*mDeBERTa v3 are discriminators.*choose FacebookAI"):
        load_as(tmp_path)


def test_a_checkpoint_without_some_of_its_blocks_is_refused(
    bert_copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edit(bert_copy / "config.json", num_hidden_layers=6)
    with pytest.raises(BenchError, match=r"(?s)lacks 32 of the model's weights \(bert.encoder.layer.4.*not whole"):
        load_as(bert_copy)
    assert "LOAD REPORT" not in capsys.readouterr().err


def test_weights_of_another_size_are_refused(bert_copy: Path) -> None:
    edit(bert_copy / "config.json", intermediate_size=64)
    with pytest.raises(BenchError, match="(?s)Cannot load the model in.*other shapes than .*config.json.*get both"):
        load_as(bert_copy)


@pytest.mark.parametrize("length", [0, 100, -1])
def test_weights_cut_off_are_refused(length: int, bert_copy: Path) -> None:
    weights = bert_copy / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:length])
    with pytest.raises(BenchError, match="(?s)Cannot load the model in.*cut short or damaged: get .* again"):
        load_as(bert_copy)


@pytest.mark.parametrize("architecture", [*MASKED, "bloom"])
@pytest.mark.parametrize("lost", [["tokenizer.json"], ["tokenizer.json", "tokenizer_config.json"]])
def test_a_folder_without_a_tokenizer_is_refused(
    lost: list[str], architecture: str, model_folder: Callable[[str], Path], tmp_path: Path
) -> None:
    # transformers makes up a tokenizer of special tokens alone for some architectures: every text would be unknown.
    copy = Path(shutil.copytree(model_folder(architecture), tmp_path / "model"))
    for name in lost:
        (copy / name).unlink()
    with pytest.raises(BenchError, match="(?s)has no tokenizer.*save_pretrained"):
        load_as(copy)


@pytest.mark.parametrize("architecture", MASKED)
def test_a_masked_models_tokenizer_without_a_mask_is_refused(
    architecture: str, model_folder: Callable[[str], Path], tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(model_folder(architecture), tmp_path / "model"))
    edit(copy / "tokenizer_config.json", mask_token=None)
    with pytest.raises(BenchError, match="The tokenizer names no mask token"):
        load_as(copy)


@pytest.mark.parametrize(("key", "value"), [("is_decoder", True), ("position_embedding_type", "relative_key")])
def test_a_variant_no_adapter_runs_is_refused(key: str, value: Any, bert_copy: Path) -> None:
    edit(bert_copy / "config.json", **{key: value})
    with pytest.raises(BenchError, match=f"{key}={value!r} in the model's config.json is not handled"):
        load_as(bert_copy)


def test_python_without_docstrings_is_refused_before_transformers_fails(
    bert_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lrp2_bench.models.loading._OPTIMIZE", 2)
    with pytest.raises(BenchError, match="without docstrings .* use -O"):
        find(bert_copy)
