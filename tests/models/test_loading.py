"""From a folder to an adapter: what is recorded of it, where it runs, and that nothing in it is executed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.settings import ModelFamily, ModelSettings
from lrp2_bench.models.loading import find_checkpoint
from tests.support.loading import edit, find, load_as


def test_a_folder_is_found_without_a_revision_and_loads_ready_to_run(bert_copy: Path) -> None:
    checkpoint = find(bert_copy)
    assert (checkpoint.folder, checkpoint.revision) == (bert_copy, None)
    model = load_as(bert_copy)
    assert not model.model.training
    assert (model.device.type, model.dtype) == ("cpu", torch.float32)
    assert (model.blocks, model.hidden_size, model.vocab_size) == (4, 32, len(model.tokenizer))


def test_the_digest_covers_config_weights_and_tokenizer_by_content(bert_copy: Path, tmp_path: Path) -> None:
    before = find(bert_copy).digest
    copy = Path(shutil.copytree(bert_copy, tmp_path / "another name"))
    (copy / "README.md").write_text("about")
    (copy / "pytorch_model.bin").write_bytes(b"never read")
    assert find(copy).digest == before
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        changed = Path(shutil.copytree(bert_copy, tmp_path / name))
        (changed / name).write_text((changed / name).read_text("utf-8") + " ", "utf-8")
        assert find(changed).digest != before
    weights = load_file(copy / "model.safetensors")
    weights["bert.embeddings.LayerNorm.bias"][0] += 1
    save_file(weights, copy / "model.safetensors", {"format": "pt"})
    assert find(copy).digest != before


def test_the_digest_covers_a_family_that_is_not_the_architectures_own(bert_copy: Path) -> None:
    def digest(family: ModelFamily) -> str:
        return find_checkpoint(ModelSettings(path=str(bert_copy), family=family)).digest

    # Older folders know no family: that of the architecture must not change what they were made of.
    assert digest(ModelFamily.auto) == digest(ModelFamily.masked) == find(bert_copy).digest
    assert digest(ModelFamily.causal) != digest(ModelFamily.auto)


def test_an_embedding_larger_than_the_tokenizer_is_fine(bert_copy: Path) -> None:
    weights = load_file(bert_copy / "model.safetensors")
    for name in ("bert.embeddings.word_embeddings.weight", "cls.predictions.bias"):
        weights[name] = torch.cat([weights[name], torch.zeros(8, *weights[name].shape[1:])])
    save_file(weights, bert_copy / "model.safetensors", {"format": "pt"})
    size = json.loads((bert_copy / "config.json").read_text("utf-8"))["vocab_size"]
    edit(bert_copy / "config.json", vocab_size=size + 8)
    assert load_as(bert_copy).vocab_size == len(load_as(bert_copy).tokenizer) + 8


@pytest.mark.parametrize("device", ["gpu", "cpu:x", ""])
def test_an_unknown_device_lists_those_there_are(device: str, bert_copy: Path) -> None:
    with pytest.raises(BenchError, match="Use auto, cpu, cuda or cuda:N"):
        load_as(bert_copy, device=device)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_device_that_is_not_there_is_refused(bert_copy: Path) -> None:
    with pytest.raises(BenchError, match=r"model.device=cuda:1.*model.device=cpu"):
        load_as(bert_copy, device="cuda:1")
    assert load_as(bert_copy, device="auto").device.type == "cpu"


def test_the_number_of_threads_is_set(bert_copy: Path) -> None:
    before = torch.get_num_threads()
    try:
        load_as(bert_copy, threads=2)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("where", ["config", "tokenizer"])
@pytest.mark.parametrize("model_type", ["bert", "custom"])
def test_code_in_a_folder_is_never_executed(where: str, model_type: str, bert_copy: Path, tmp_path: Path) -> None:
    flag = tmp_path / "executed"
    (bert_copy / "evil.py").write_text(
        f"open({str(flag)!r}, 'w')\n"
        "from transformers import BertConfig as Config, BertForMaskedLM as Model, BertTokenizer as Tokens\n"
    )
    if where == "config":
        edit(
            bert_copy / "config.json",
            model_type=model_type,
            auto_map={"AutoConfig": "evil.Config", "AutoModelForMaskedLM": "evil.Model"},
        )
    else:
        edit(bert_copy / "config.json", model_type=model_type)
        auto_map = {"AutoTokenizer": ["evil.Tokens", "evil.Tokens"]}
        edit(bert_copy / "tokenizer_config.json", auto_map=auto_map, tokenizer_class="Tokens")
    if model_type == "custom":
        with pytest.raises(BenchError, match="Unknown architecture"):
            load_as(bert_copy)
    else:
        assert type(load_as(bert_copy).model).__module__.startswith("transformers.")
    assert not flag.exists()
