"""What would load otherwise on another machine is refused, with what to do instead."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from lrp2_bench.core.errors import BenchError
from tests.support.loading import edit, find, load_as


def _adapter(folder: Path, base: str | None = "acme/base") -> None:
    (folder / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "base_model_name_or_path": base}))
    save_file({"base_model.model.x.lora_A.weight": torch.zeros(1)}, folder / "adapter_model.safetensors")


def test_an_adapter_beside_weights_is_refused_naming_its_base_and_how_to_merge_it(bert_copy: Path) -> None:
    _adapter(bert_copy)
    with pytest.raises(
        BenchError, match=r"(?s)adapter of the base model 'acme/base' \(adapter_config.json, adapter_mo"
    ):
        find(bert_copy)
    with pytest.raises(BenchError, match=r"merge_and_unload\(\)\.save_pretrained\('MERGED'\)"):
        find(bert_copy)


def test_an_adapter_alone_is_no_folder_without_a_config(tmp_path: Path) -> None:
    _adapter(tmp_path, base=None)
    with pytest.raises(BenchError, match=r"holds an adapter \(adapter_config.json"):
        find(tmp_path)


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff{"])
@pytest.mark.parametrize("name", ["adapter_config.json", "adapter_model.bin", "adapter_model.safetensors"])
def test_any_one_file_of_an_adapter_is_enough_whatever_it_holds(name: str, content: bytes, bert_copy: Path) -> None:
    (bert_copy / name).write_bytes(content)
    with pytest.raises(BenchError, match=f"holds an adapter \\({name}\\)"):
        find(bert_copy)


def test_an_adapter_among_the_weights_is_refused(bert_copy: Path) -> None:
    weights = load_file(bert_copy / "model.safetensors")
    weights["bert.encoder.layer.0.attention.self.query.lora_A.weight"] = torch.zeros(2, 32)
    save_file(weights, bert_copy / "model.safetensors", {"format": "pt"})
    with pytest.raises(BenchError, match=r"(?s)an adapter among its weights \(.*lora_A.*merge_and_unload"):
        load_as(bert_copy)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(("quantization_config", {"quant_method": kind}) for kind in ("fp8", "gptq", "awq", "mxfp4", "torchao")),
        ("quantization_config", "int8"),
        ("transformers_weights", "other.safetensors"),
        ("configuration_files", ["config.4.0.0.json"]),
        ("attn_implementation", "flash_attention_2"),
        ("_attn_implementation", "kernels-community/flash-attn2"),
    ],
)
def test_a_config_that_asks_for_what_some_machines_lack_is_refused(key: str, value: Any, bert_copy: Path) -> None:
    edit(bert_copy / "config.json", **{key: value})
    with pytest.raises(BenchError, match=f"(?s)config.json' .*{key}.*\n[A-Z]"):
        find(bert_copy)


@pytest.mark.parametrize("key", ["quantization_config", "transformers_weights"])
def test_a_key_without_a_value_asks_for_nothing(key: str, bert_copy: Path) -> None:
    config = json.loads((bert_copy / "config.json").read_text("utf-8"))
    (bert_copy / "config.json").write_text(json.dumps({**config, key: None}))
    assert load_as(bert_copy).blocks == 4


def test_a_tokenizer_of_several_versions_is_refused(bert_copy: Path) -> None:
    edit(bert_copy / "tokenizer_config.json", fast_tokenizer_files=["tokenizer.5.0.0.json"])
    with pytest.raises(BenchError, match="(?s)fast_tokenizer_files.*take the key out"):
        find(bert_copy)


def test_a_distributed_checkpoint_is_refused_since_it_would_go_before_the_weights(bert_copy: Path) -> None:
    shutil.copy(bert_copy / "model.safetensors", bert_copy / "shard-00000-model-00001-of-00001.safetensors")
    with pytest.raises(BenchError, match=r"(?s)distributed checkpoint \(shard-00000.*save_pretrained"):
        find(bert_copy)


def test_a_generation_config_that_cannot_be_read_stops_nothing(
    model_folder: Callable[[str], Path], tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(model_folder("bloom"), tmp_path / "bloom"))
    (copy / "generation_config.json").write_text("{nonsense")
    assert load_as(copy).blocks == 4
