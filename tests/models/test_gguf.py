"""A GGUF file is converted once and then runs as the checkpoint it was made of."""

from __future__ import annotations

import json
import logging
import os
import shutil
import stat
from pathlib import Path
from unittest.mock import patch

import pytest
import torch

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.settings import ModelFamily, ModelSettings
from lrp2_bench.models import gguf, known_digests
from lrp2_bench.models.loading import Checkpoint, find_checkpoint, load_model
from lrp2_bench.models.names import folder_name
from tests.support import toy
from tests.support.gguf_files import write_gguf


@pytest.fixture(scope="session")
def written(llama: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its weights as they are."""
    return write_gguf(tmp_path_factory.mktemp("gguf") / "tiny.Q9_X.gguf", llama)


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def settings_of(path: Path | str, cache: Path, **others: object) -> ModelSettings:
    return ModelSettings(path=str(path), device="cpu", cache=str(cache), **others)  # type: ignore[arg-type]


@pytest.fixture
def found(written: Path, cache: Path) -> Checkpoint:
    return find_checkpoint(settings_of(written, cache))


def test_it_runs_as_the_checkpoint_that_it_was_made_of(found: Checkpoint, llama: Path) -> None:
    ours = load_model(found, settings_of(found.folder, llama))
    theirs = load_model(find_checkpoint(ModelSettings(path=str(llama))), ModelSettings(path=str(llama), device="cpu"))
    texts = toy.all_texts()[:20]
    assert ours.tokenize(texts) == theirs.tokenize(texts)
    batch = ours.batch(ours.tokenize(texts))
    states = [_logits(model, batch) for model in (ours, theirs)]
    torch.testing.assert_close(states[0], states[1], rtol=0, atol=1e-5)


def _logits(model: object, batch: object) -> torch.Tensor:
    with torch.no_grad():
        return model.own(batch).logits  # type: ignore[attr-defined, no-any-return]


def test_the_folder_holds_what_transformers_loads_and_nothing_quantised(found: Checkpoint) -> None:
    names = {path.name for path in found.folder.iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "gguf.json"} == names
    config = json.loads((found.folder / "config.json").read_text("utf-8"))
    assert "quantization_config" not in config
    assert config["architectures"] == ["LlamaForCausalLM"]
    assert all(stat.S_IMODE(path.stat().st_mode) & 0o400 for path in found.folder.iterdir())
    modes = {stat.S_IMODE(path.stat().st_mode) for path in found.folder.iterdir()}
    assert len(modes) == 1, "weights that are private in a shared cache"


@pytest.mark.parametrize(("type_", "atol"), [("Q8_0", 0.02), ("F16", 1e-3)])
def test_a_quantised_file_says_of_what_its_weights_are(
    type_: str, atol: float, llama: Path, written: Path, found: Checkpoint, tmp_path: Path
) -> None:
    made = find_checkpoint(settings_of(write_gguf(tmp_path / "tiny.gguf", llama, type_), tmp_path))
    assert made.gguf is not None
    assert (made.gguf["file"], made.gguf["quantisation"]) == ("tiny.gguf", type_)
    assert made.gguf["weights"] == f"dequantised from {type_}, F32 to float32"
    assert made.digest != found.digest
    model = load_model(made, settings_of(made.folder, tmp_path))
    exact = load_model(found, settings_of(found.folder, tmp_path))
    assert model.precision == "float32"
    for weights, wanted in zip(model.model.parameters(), exact.model.parameters(), strict=True):
        torch.testing.assert_close(weights, wanted, rtol=0, atol=atol)


def test_it_is_converted_once_and_read_once(written: Path, found: Checkpoint, cache: Path) -> None:
    with patch.object(known_digests, "LARGE", 0), patch.object(gguf, "read_header", side_effect=AssertionError):
        assert find_checkpoint(settings_of(written, cache)) == found, "read here, as small files are each time"
        with patch.object(known_digests, "sha256_file", side_effect=AssertionError):
            assert find_checkpoint(settings_of(written, cache)) == found


def test_the_digest_is_the_files_wherever_it_lies_and_whatever_it_is_called(
    written: Path, found: Checkpoint, cache: Path, tmp_path: Path
) -> None:
    copy = Path(shutil.copy(written, tmp_path / "another.GGUF"))
    with patch.object(gguf, "read_header", side_effect=AssertionError):  # the cache knows the content
        assert find_checkpoint(settings_of(copy, cache)).digest == found.digest
    changed = find_checkpoint(settings_of(copy, cache, family=ModelFamily.causal))
    assert changed.digest == found.digest
    assert found.other_digest is None


def test_a_file_that_was_replaced_is_converted_again(llama: Path, written: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copy(written, tmp_path / "tiny.gguf"))
    before = find_checkpoint(settings_of(copy, tmp_path))
    write_gguf(copy, llama, "F16")
    after = find_checkpoint(settings_of(copy, tmp_path))
    assert after.folder != before.folder
    assert after.digest != before.digest


def test_a_folder_that_was_cut_short_is_made_again(written: Path, tmp_path: Path) -> None:
    before = find_checkpoint(settings_of(written, tmp_path))
    weights = (before.folder / "model.safetensors").read_bytes()
    (before.folder / "model.safetensors").write_bytes(weights[:100])
    assert find_checkpoint(settings_of(written, tmp_path)) == before
    assert (before.folder / "model.safetensors").read_bytes() == weights
    assert [path.name for path in before.folder.parent.iterdir()] == [before.folder.name]


def test_jobs_that_convert_at_once_use_one_folder(written: Path, tmp_path: Path) -> None:
    """Both are past the question whether it is there before either puts it in place."""
    whole = gguf._is_whole
    asked: list[Path] = []

    def not_yet(folder: Path) -> bool:
        asked.append(folder)
        return len(asked) > 1 and whole(folder)

    first = gguf.convert(written, tmp_path)
    with patch.object(gguf, "_is_whole", not_yet):
        second = gguf.convert(written, tmp_path)
    assert second.folder == first.folder
    assert [path.name for path in first.folder.parent.iterdir()] == [first.folder.name]


def test_what_a_killed_job_left_is_removed_after_a_day_and_no_sooner(written: Path, tmp_path: Path) -> None:
    place = gguf.convert(written, tmp_path).folder
    old, new = place.with_name(".converting-old"), place.with_name(".converting-new")
    old.mkdir()
    new.mkdir()
    os.utime(old, (0, 0))
    shutil.rmtree(place)
    gguf.convert(written, tmp_path)
    assert sorted(path.name for path in place.parent.iterdir()) == [new.name, place.name]


def test_the_cache_may_not_be_a_place_where_nothing_can_be_written(written: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(BenchError, match="(?s)Cannot keep 'tiny.Q9_X.gguf' converted.*paths.cache=DIR"):
        find_checkpoint(settings_of(written, tmp_path / "file"))


@pytest.mark.parametrize("lacking", ["gguf", "accelerate"])
def test_a_missing_package_is_told_with_the_command_that_installs_it(
    lacking: str, written: Path, tmp_path: Path
) -> None:
    with (
        patch.object(gguf.importlib.util, "find_spec", lambda name: None if name == lacking else object()),
        pytest.raises(BenchError, match=rf"not installed: {lacking}\.\npip install gguf accelerate"),
    ):
        find_checkpoint(settings_of(written, tmp_path))


def test_a_folder_that_is_converted_needs_no_package(written: Path, found: Checkpoint, cache: Path) -> None:
    with patch.object(gguf.importlib.util, "find_spec", lambda name: None):
        assert find_checkpoint(settings_of(written, cache)) == found


def test_rotary_positions_that_transformers_leaves_unscaled_are_told(
    llama: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = write_gguf(tmp_path / "scaled.gguf", llama, llama__rope__scaling__type="linear")
    with caplog.at_level(logging.WARNING, "lrp2_bench"):
        find_checkpoint(settings_of(file, tmp_path))
    assert "scales its rotary positions (rope.scaling.type=linear)" in caplog.text


@pytest.mark.parametrize(
    ("path", "name"),
    [("a/gemma-3-270m-q4_k_m.gguf", "gemma-3-270m-q4_k_m"), ("OWNER/NAME/sub/X.GGUF", "X"), ("x.y.gguf", "x.y")],
)
def test_the_runs_model_is_the_files_stem(path: str, name: str, tmp_path: Path) -> None:
    assert folder_name(None, path) == name
    assert folder_name("mine", path) == "mine"
    (tmp_path / "blob").touch()
    (tmp_path / "link.gguf").symlink_to(tmp_path / "blob")
    assert folder_name(None, str(tmp_path / "link.gguf")) == "link"
    (tmp_path / "folder.gguf").mkdir()
    assert folder_name(None, str(tmp_path / "folder.gguf")) == "folder.gguf"
