"""Named models, found on a hub that this machine serves: what is asked for, and what is told where it is not given."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from huggingface_hub import constants
from omegaconf import OmegaConf
from safetensors.torch import load_file

from lrp2_bench.config.compose import conf_dir, options
from lrp2_bench.config.from_python import composed
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.settings import ModelSettings
from lrp2_bench.models.loading import Checkpoint, find_checkpoint, load_model
from tests.support.gguf_files import write_gguf
from tests.support.hub import COMMIT, GATED, add_model, empty_hub, files_of
from tests.support.loading import find
from tests.support.loopback import Answer, Loopback

NAMED = (
    "gemma3_270m", "gemma3_1b", "qwen3_0_6b", "llama3_2_1b", "aya_expanse_8b", "xglm_564m", "mgpt", "bloom_1b1",
    "bloomz_560m", "pythia_160m", "eurobert_210m", "mmbert_small", "xlmr_large", "mt5_small",
)  # fmt: skip
TERMS = ("gemma3_270m", "gemma3_1b", "llama3_2_1b", "aya_expanse_8b")


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Loopback]:
    with empty_hub(tmp_path / "hub", monkeypatch) as served:
        yield served


def settings_of(name: str, cache: Path, *overrides: str) -> ModelSettings:
    """As the command line has them."""
    settings = composed([f"model={name}", "language=de", f"paths.cache={cache}", *overrides]).settings
    assert settings.model.cache == str(cache)
    return settings.model


@pytest.mark.parametrize("name", ["gemma3_270m", "xglm_564m", "mt5_small"])  # no revision, a branch, a commit
def test_a_named_model_is_asked_for_at_its_revision_and_its_commit_recorded(
    name: str, hub: Loopback, llama: Path, tmp_path: Path
) -> None:
    settings = settings_of(name, tmp_path)
    add_model(hub, settings.path, files_of(llama), settings.revision or "main")
    checkpoint = find_checkpoint(settings)
    commit = settings.revision if name == "mt5_small" else COMMIT
    assert (checkpoint.revision, checkpoint.digest) == (commit, find(llama).digest)
    assert settings.name == name
    hub.answers.clear()  # from here on the cache has to do
    assert find_checkpoint(settings) == checkpoint


def test_the_help_lists_every_named_model() -> None:
    assert set(NAMED) < set(options("model"))


@pytest.mark.parametrize("name", NAMED)
def test_the_file_says_size_and_licence_and_where_terms_are_accepted(name: str) -> None:
    text = (conf_dir() / "model" / f"{name}.yaml").read_text("utf-8")
    comment = " ".join(line.removeprefix("# ") for line in text.splitlines() if line.startswith("#"))
    config = OmegaConf.create(text)
    assert re.search(r"blocks of width \d+, vocabulary [\d,]+", comment)
    assert re.search(r"Apache 2.0|MIT|RAIL|terms|License", comment)
    assert (f"https://huggingface.co/{config.path} and set HF_TOKEN" in comment) == (name in TERMS)
    assert ("revision" in config) != ("not pinned" in comment)


@pytest.mark.parametrize("status", [401, 403])
def test_a_gated_model_says_where_to_accept_its_terms_and_never_shows_the_token(
    status: int, hub: Loopback, llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secretsecretsecret")
    settings = settings_of("gemma3_270m", tmp_path)
    add_model(hub, settings.path, files_of(llama), refusal=Answer(status=status, headers=GATED.headers))
    with pytest.raises(BenchError) as told:
        find_checkpoint(settings)
    text = str(told.value)
    assert "It is gated: accept its terms at https://huggingface.co/google/gemma-3-270m, then" in text
    assert "HF_TOKEN" in text
    assert "model.path=DIR" in text
    assert "hf_secret" not in text
    assert len(hub.requests) < 40


def test_a_model_that_asks_who_is_asking_may_not_exist_or_be_private(hub: Loopback, tmp_path: Path) -> None:
    hub.answers["/api/models/acme/secret"] = hub.answers["/api/models/acme/secret/revision/main"] = Answer(status=401)
    with pytest.raises(BenchError, match=r"(?s)401.*no model of that name, or it is private: .*HF_TOKEN"):
        find("acme/secret")


@pytest.mark.parametrize("name", ["gemma3_270m", "mt5_small"])
def test_a_hub_that_cannot_be_reached_is_told_with_how_to_pass_a_local_path(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    settings = settings_of(name, tmp_path)
    with pytest.raises(
        BenchError, match=rf"(?s)Cannot get model '{settings.path}'.*model.path=DIR.*FILE\.gguf"
    ) as told:
        find_checkpoint(settings)
    assert "gated" not in str(told.value)


def test_a_named_model_takes_a_local_path_and_keeps_its_name(llama: Path, tmp_path: Path) -> None:
    settings = settings_of("mt5_small", tmp_path, f"model.path={llama}")
    assert find_checkpoint(settings).folder == llama
    assert settings.name == "mt5_small"


@pytest.fixture
def pickled(family_folder: Callable[[str], Path], tmp_path: Path) -> Callable[[str], Path]:
    """A family's folder with weights as older tools saved them."""

    def make(family: str) -> Path:
        folder = tmp_path / family
        folder.mkdir()
        for name, content in files_of(family_folder(family)).items():
            if not name.endswith(".safetensors"):
                (folder / name).write_bytes(content)
        torch.save(load_file(family_folder(family) / "model.safetensors"), folder / "pytorch_model.bin")
        return folder

    return make


def test_pickled_weights_are_refused_with_a_command_that_converts_them(
    pickled: Callable[[str], Path],
    family_folder: Callable[[str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The command's program is run as it stands in the message."""
    folder = pickled("xglm")
    with pytest.raises(BenchError, match=r"(?s)It has pytorch_model.bin, but pickled weights are never") as told:
        find(folder)
    program, option, code = shlex.split(str(told.value).rpartition("\n")[2])
    assert (program, option) == ("python", "-c")
    monkeypatch.chdir(tmp_path)
    exec(code, {})
    assert _same_weights(find(tmp_path / "CONVERTED"), family_folder("xglm"))


def _same_weights(converted: Checkpoint, original: Path) -> bool:
    model = load_model(converted, ModelSettings(path=str(converted.folder), device="cpu"))
    before = load_model(find(original), ModelSettings(path=str(original), device="cpu"))
    pairs = zip(model.model.parameters(), before.model.parameters(), strict=True)
    return all(torch.equal(one, other) for one, other in pairs)


@pytest.mark.parametrize(
    ("family", "name", "classes"),
    [("gpt2", "mgpt", "AutoModelForCausalLM"), ("modernbert", "mmbert_small", "AutoModelForMaskedLM")],
)
def test_a_repository_of_pickled_weights_is_refused_before_they_are_fetched(
    family: str, name: str, classes: str, hub: Loopback, pickled: Callable[[str], Path], tmp_path: Path
) -> None:
    settings = settings_of(name, tmp_path)
    add_model(hub, settings.path, files_of(pickled(family)))
    with pytest.raises(BenchError, match=rf"(?s)It has pytorch_model.bin.*import {classes} as Model") as told:
        find_checkpoint(settings)
    assert f"from_pretrained('{settings.path}', use_safetensors=False, weights_only=True)" in str(told.value)
    assert not [request for request in hub.requests if request.path.endswith(".bin")]


def test_the_conversion_is_of_the_revision_that_was_asked_for(
    hub: Loopback, pickled: Callable[[str], Path], tmp_path: Path
) -> None:
    settings = settings_of("mgpt", tmp_path, "model.revision=v2")
    add_model(hub, settings.path, files_of(pickled("gpt2")), "v2")
    with pytest.raises(BenchError, match=r"from_pretrained\('ai-forever/mGPT', revision='v2', use_safetensors=False"):
        find_checkpoint(settings)


def test_a_repository_with_one_gguf_file_and_no_safetensors_runs(hub: Loopback, llama: Path, tmp_path: Path) -> None:
    whole = write_gguf(tmp_path / "x.gguf", llama).read_bytes()
    add_model(hub, "acme/tiny-GGUF", {"README.md": b"", "config.json": b"{}", "tiny-Q9.gguf": whole})
    settings = ModelSettings(path="acme/tiny-GGUF", cache=str(tmp_path))
    found = find_checkpoint(settings)
    assert found.gguf is not None
    assert (found.gguf["file"], found.revision) == ("tiny-Q9.gguf", COMMIT)
    hub.answers.clear()
    assert find_checkpoint(settings) == found


def test_one_of_several_gguf_files_is_named_by_its_path_and_alone_is_fetched(
    hub: Loopback, llama: Path, tmp_path: Path
) -> None:
    whole = write_gguf(tmp_path / "x.gguf", llama).read_bytes()
    files = {"a-Q4_K_M.gguf": whole, "Q8_0/a-Q8_0.gguf": whole, "mmproj-a.gguf": whole}
    add_model(hub, "acme/many-GGUF", files)
    with pytest.raises(
        BenchError, match=r"(?s)holds 2 GGUF files.*Q8_0/a-Q8_0.gguf\n  a-Q4_K_M.gguf\nGive its"
    ) as told:
        find_checkpoint(ModelSettings(path="acme/many-GGUF", cache=str(tmp_path)))
    advice = str(told.value).rpartition("model.path=")[2]
    found = find_checkpoint(ModelSettings(path=advice, cache=str(tmp_path)))
    assert found.gguf is not None
    assert (advice, found.gguf["file"]) == ("acme/many-GGUF/Q8_0/a-Q8_0.gguf", "a-Q8_0.gguf")
    assert {request.path.rpartition("/")[2] for request in hub.requests if "resolve" in request.path} == {"a-Q8_0.gguf"}
    with pytest.raises(BenchError, match=r"(?s)Unknown GGUF file of 'acme/many-GGUF': 'a-Q4_K_S.gguf'.*a-Q4_K_M"):
        find_checkpoint(ModelSettings(path="acme/many-GGUF/a-Q4_K_S.gguf", cache=str(tmp_path)))
