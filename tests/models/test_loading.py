"""From a folder or the hub's cache to an adapter: what is refused, what is recorded, and that nothing is executed."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub import constants
from safetensors.torch import load_file, save_file

from lrp2_bench.errors import BenchError, UnknownNameError
from lrp2_bench.models.layered import LayeredModel
from lrp2_bench.models.loading import Checkpoint, find_checkpoint, load_model
from lrp2_bench.settings import ModelSettings
from tests.support.loopback import Answer, loopback

COMMIT = "0123456789abcdef0123456789abcdef01234567"
MASKED = ["bert", "xlm-roberta", "distilbert"]


@pytest.fixture
def folder(model_folder: Callable[[str], Path], tmp_path: Path) -> Path:
    """A copy of the small BERT to break."""
    return Path(shutil.copytree(model_folder("bert"), tmp_path / "bert"))


def _find(path: Path | str, revision: str | None = None) -> Checkpoint:
    return find_checkpoint(ModelSettings(path=str(path), revision=revision, device="cpu"))


def _load(path: Path | str, **settings: Any) -> LayeredModel:
    return load_model(_find(path), ModelSettings(path=str(path), **{"device": "cpu", **settings}))


def _edit(file: Path, **changes: Any) -> None:
    """Set keys of a JSON file; None takes one away."""
    content = json.loads(file.read_text("utf-8")) | changes
    file.write_text(json.dumps({key: value for key, value in content.items() if value is not None}), "utf-8")


# Folders -------------------------------------------------------------------------------------------------------------


def test_a_folder_is_found_without_a_revision_and_loads_ready_to_run(folder: Path) -> None:
    checkpoint = _find(folder)
    assert (checkpoint.folder, checkpoint.revision) == (folder, None)
    model = _load(folder)
    assert not model.model.training
    assert (model.device.type, model.dtype) == ("cpu", torch.float32)
    assert (model.blocks, model.hidden_size, model.vocab_size) == (4, 32, len(model.tokenizer))


def test_the_digest_covers_config_weights_and_tokenizer_by_content(folder: Path, tmp_path: Path) -> None:
    before = _find(folder).digest
    copy = Path(shutil.copytree(folder, tmp_path / "another name"))
    (copy / "README.md").write_text("about")
    (copy / "pytorch_model.bin").write_bytes(b"never read")
    assert _find(copy).digest == before
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        changed = Path(shutil.copytree(folder, tmp_path / name))
        (changed / name).write_text((changed / name).read_text("utf-8") + " ", "utf-8")
        assert _find(changed).digest != before
    weights = load_file(copy / "model.safetensors")
    weights["bert.embeddings.LayerNorm.bias"][0] += 1
    save_file(weights, copy / "model.safetensors", {"format": "pt"})
    assert _find(copy).digest != before


def test_a_folder_without_a_config_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="(?s)has no config.json.*model.path=DIR"):
        _find(tmp_path)


def test_a_folder_without_weights_says_what_to_write(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    with pytest.raises(BenchError, match="(?s)no weights in safetensors.*save_pretrained"):
        _find(folder)


def test_pickled_weights_are_named_and_never_loaded(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(BenchError, match="It has pytorch_model.bin, but pickled weights are never loaded"):
        _find(folder)


@pytest.mark.parametrize("content", ["{", "", "[1]"])
def test_a_config_that_is_no_json_object_is_refused(content: str, folder: Path) -> None:
    (folder / "config.json").write_text(content)
    with pytest.raises(BenchError, match="config.json' is not (a )?JSON"):
        _load(folder)


@pytest.mark.parametrize(("model_type", "meant"), [("bertt", "bert"), ("xlm_roberta", "xlm-roberta")])
def test_an_unknown_architecture_lists_those_there_are(model_type: str, meant: str, folder: Path) -> None:
    _edit(folder / "config.json", model_type=model_type)
    with pytest.raises(UnknownNameError, match=f"(?s)'{model_type}'. Did you mean '{meant}'.*Known: bert, bloom, dist"):
        _load(folder)


def test_a_config_without_an_architecture_lists_those_there_are(folder: Path) -> None:
    _edit(folder / "config.json", model_type=None)
    with pytest.raises(UnknownNameError, match="Known: bert, bloom"):
        _load(folder)


def test_a_tokenizer_larger_than_the_embedding_is_refused(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    for name in ("bert.embeddings.word_embeddings.weight", "cls.predictions.bias"):
        weights[name] = weights[name][:100].clone()
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    _edit(folder / "config.json", vocab_size=100)
    with pytest.raises(BenchError, match=r"Cannot run .*tokenizer has \d+ tokens, the model only 100"):
        _load(folder)


def test_an_embedding_larger_than_the_tokenizer_is_fine(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    for name in ("bert.embeddings.word_embeddings.weight", "cls.predictions.bias"):
        weights[name] = torch.cat([weights[name], torch.zeros(8, *weights[name].shape[1:])])
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    size = json.loads((folder / "config.json").read_text("utf-8"))["vocab_size"]
    _edit(folder / "config.json", vocab_size=size + 8)
    assert _load(folder).vocab_size == len(_load(folder).tokenizer) + 8


def test_a_checkpoint_without_its_head_is_refused_with_what_it_lacks(folder: Path) -> None:
    _load(folder).model.bert.save_pretrained(folder)
    with pytest.raises(BenchError, match=r"lacks \d+ of the model's weights \(cls\.predictions.*random numbers"):
        _load(folder)


def test_a_checkpoint_without_some_of_its_blocks_is_refused(folder: Path) -> None:
    _edit(folder / "config.json", num_hidden_layers=6)
    with pytest.raises(BenchError, match=r"lacks 32 of the model's weights \(bert.encoder.layer.4"):
        _load(folder)


def test_weights_of_another_size_are_refused(folder: Path) -> None:
    _edit(folder / "config.json", intermediate_size=64)
    with pytest.raises(BenchError, match="Cannot load the model in"):
        _load(folder)


@pytest.mark.parametrize("length", [0, 100, -1])
def test_weights_cut_off_are_refused(length: int, folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:length])
    with pytest.raises(BenchError, match="(?s)Cannot load the model in.*model.path=DIR"):
        _load(folder)


@pytest.mark.parametrize("architecture", [*MASKED, "bloom"])
@pytest.mark.parametrize("lost", [["tokenizer.json"], ["tokenizer.json", "tokenizer_config.json"]])
def test_a_folder_without_a_tokenizer_is_refused(
    lost: list[str], architecture: str, model_folder: Callable[[str], Path], tmp_path: Path
) -> None:
    # transformers makes up a tokenizer of special tokens alone for some architectures: every text would be unknown.
    copy = Path(shutil.copytree(model_folder(architecture), tmp_path / "model"))
    for name in lost:
        (copy / name).unlink()
    with pytest.raises(BenchError, match="tokenizer"):
        _load(copy)


@pytest.mark.parametrize("architecture", MASKED)
def test_a_masked_models_tokenizer_without_a_mask_is_refused(
    architecture: str, model_folder: Callable[[str], Path], tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(model_folder(architecture), tmp_path / "model"))
    _edit(copy / "tokenizer_config.json", mask_token=None)
    with pytest.raises(BenchError, match="The tokenizer names no mask token"):
        _load(copy)


@pytest.mark.parametrize(("key", "value"), [("is_decoder", True), ("position_embedding_type", "relative_key")])
def test_a_variant_no_adapter_runs_is_refused(key: str, value: Any, folder: Path) -> None:
    _edit(folder / "config.json", **{key: value})
    with pytest.raises(BenchError, match=f"{key}={value!r} in the model's config.json is not handled"):
        _load(folder)


def test_blooms_slow_variant_is_refused(model_folder: Callable[[str], Path], tmp_path: Path) -> None:
    copy = Path(shutil.copytree(model_folder("bloom"), tmp_path / "bloom"))
    _edit(copy / "config.json", slow_but_exact=True)
    with pytest.raises(BenchError, match="slow_but_exact=true"):
        _load(copy)


@pytest.mark.parametrize("device", ["gpu", "cpu:x", ""])
def test_an_unknown_device_lists_those_there_are(device: str, folder: Path) -> None:
    with pytest.raises(BenchError, match="Use auto, cpu, cuda or cuda:N"):
        _load(folder, device=device)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_device_that_is_not_there_is_refused(folder: Path) -> None:
    with pytest.raises(BenchError, match=r"model.device=cuda:1.*model.device=cpu"):
        _load(folder, device="cuda:1")
    assert _load(folder, device="auto").device.type == "cpu"


def test_the_number_of_threads_is_set(folder: Path) -> None:
    before = torch.get_num_threads()
    try:
        _load(folder, threads=2)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("where", ["config", "tokenizer"])
@pytest.mark.parametrize("model_type", ["bert", "custom"])
def test_code_in_a_folder_is_never_executed(where: str, model_type: str, folder: Path, tmp_path: Path) -> None:
    flag = tmp_path / "executed"
    (folder / "evil.py").write_text(
        f"open({str(flag)!r}, 'w')\n"
        "from transformers import BertConfig as Config, BertForMaskedLM as Model, BertTokenizer as Tokens\n"
    )
    if where == "config":
        _edit(
            folder / "config.json",
            model_type=model_type,
            auto_map={"AutoConfig": "evil.Config", "AutoModelForMaskedLM": "evil.Model"},
        )
    else:
        _edit(folder / "config.json", model_type=model_type)
        auto_map = {"AutoTokenizer": ["evil.Tokens", "evil.Tokens"]}
        _edit(folder / "tokenizer_config.json", auto_map=auto_map, tokenizer_class="Tokens")
    if model_type == "custom":
        with pytest.raises(UnknownNameError, match="Unknown architecture"):
            _load(folder)
    else:
        assert type(_load(folder).model).__module__.startswith("transformers.")
    assert not flag.exists()


# The hub -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def cached(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The hub's cache with the small BERT as ``acme/tiny``, as older clients leave it; the hub is a closed port."""
    repository = tmp_path / "hub" / "models--acme--tiny"
    for name in ("blobs", "refs", f"snapshots/{COMMIT}"):
        (repository / name).mkdir(parents=True)
    (repository / "refs" / "main").write_text(COMMIT)
    for file in folder.iterdir():
        blob = hashlib.sha256(file.read_bytes()).hexdigest()
        shutil.copy(file, repository / "blobs" / blob)
        (repository / "snapshots" / COMMIT / file.name).symlink_to(Path("../../blobs") / blob)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    return repository


@pytest.mark.parametrize("revision", [None, "main", COMMIT])
def test_a_cached_model_is_found_at_once_without_the_hub_and_its_commit_recorded(
    revision: str | None, cached: Path, folder: Path
) -> None:
    start = time.perf_counter()
    checkpoint = _find("acme/tiny", revision)
    assert time.perf_counter() - start < 10
    assert checkpoint.folder == cached / "snapshots" / COMMIT
    assert checkpoint.revision == COMMIT
    assert checkpoint.digest == _find(folder).digest
    settings = ModelSettings(path="acme/tiny", device="cpu")
    assert load_model(checkpoint, settings).blocks == 4


def test_offline_mode_finds_a_cached_model(cached: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert _find("acme/tiny").revision == COMMIT
    with pytest.raises(BenchError, match="Cannot get model 'acme/none'"):
        _find("acme/none")


@pytest.mark.parametrize(
    ("name", "revision"),
    [("acme/none", None), ("plain-name", None), ("acme/tiny", "v2"), ("acme/none", COMMIT), ("acme/tiny", "f" * 40)],
)
def test_a_hub_that_cannot_be_reached_is_told_at_once_with_the_next_step(
    name: str, revision: str | None, cached: Path
) -> None:
    start = time.perf_counter()
    with pytest.raises(BenchError, match=rf"(?s)Cannot get model '{name}'.* hub: .*refused.*model.path=DIR") as told:
        _find(name, revision)
    assert time.perf_counter() - start < 10
    assert (f"at revision '{revision}'" in str(told.value)) == (revision is not None)


def test_a_cached_model_that_is_not_whole_is_refused(cached: Path) -> None:
    (cached / "snapshots" / COMMIT / "model.safetensors").unlink()
    with pytest.raises(BenchError, match="no weights in safetensors"):
        _find("acme/tiny")


def test_a_model_the_hub_does_not_know_is_told(cached: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with loopback() as hub:
        monkeypatch.setattr(constants, "ENDPOINT", hub.address)
        monkeypatch.setattr("huggingface_hub.hf_api.constants.ENDPOINT", hub.address)
        hub.answers["/api/models/acme/none/revision/main"] = Answer(
            status=404, headers={"X-Error-Code": "RepoNotFound"}
        )
        with pytest.raises(BenchError, match="(?s)Cannot get model 'acme/none'.*404"):
            _find("acme/none")
        assert hub.requests


def test_an_error_of_the_hubs_client_is_told_like_any_other(cached: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class StrangeError(Exception):
        """As HTTP clients raise for a proxy: none of the hub's errors, no OSError."""

    def fail(*arguments: object, **options: object) -> None:
        raise StrangeError("403 from the proxy\nand more")

    monkeypatch.setattr("huggingface_hub.HfApi.model_info", lambda *arguments, **options: None)
    monkeypatch.setattr("huggingface_hub.snapshot_download", fail)
    with pytest.raises(BenchError, match="hub: 403 from the proxy\n"):
        _find("acme/none")


@pytest.mark.parametrize("path", ["/no/such/folder", "./no-such-folder", "~/no-such-folder", "a/b/c"])
def test_a_local_path_that_is_not_there_is_not_asked_of_the_hub(path: str) -> None:
    with pytest.raises(BenchError, match=f"(?s)There is no folder '{path}'.*model.path=DIR"):
        _find(path)


def test_a_mistyped_folder_suggests_the_nearest(folder: Path) -> None:
    with pytest.raises(BenchError, match=f"Did you mean '{folder}'"):
        _find(folder.with_name("bertt"))
