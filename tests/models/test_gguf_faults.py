"""GGUF files that cannot be run are refused before anything is converted, with what to do instead."""

from __future__ import annotations

import shutil
import struct
from pathlib import Path
from typing import Any

import pytest

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.settings import ModelSettings
from lrp2_bench.models.loading import Checkpoint, find_checkpoint
from tests.support.gguf_files import write_gguf


def find(path: Path | str, cache: Path) -> Checkpoint:
    return find_checkpoint(ModelSettings(path=str(path), cache=str(cache)))


@pytest.fixture(scope="module")
def whole(llama: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_gguf(tmp_path_factory.mktemp("gguf") / "tiny.gguf", llama)


@pytest.mark.parametrize("share", [5e-5, 1e-3, 0.05, 0.1, 0.5, 0.95, 1 - 1e-6])
def test_a_file_that_is_cut_short_says_so_wherever_it_ends(share: float, whole: Path, tmp_path: Path) -> None:
    data = whole.read_bytes()
    short = tmp_path / "short.gguf"
    short.write_bytes(data[: int(share * len(data))])
    with pytest.raises(BenchError, match="(?s)'.*short.gguf' is cut short or damaged: it.*Download it again"):
        find(short, tmp_path)
    assert not list((tmp_path / "gguf").glob("*/transformers*"))


def test_missing_bytes_at_the_end_are_counted(whole: Path, tmp_path: Path) -> None:
    data = whole.read_bytes()
    (tmp_path / "short.gguf").write_bytes(data[:-4_096])
    with pytest.raises(BenchError, match=rf"it has {len(data) - 4_096:,} bytes of \d"):
        find(tmp_path / "short.gguf", tmp_path)


def test_a_file_whose_weights_do_not_fit_is_refused_before_it_is_converted(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lrp2_bench.models.gguf.free_bytes", lambda device: 4_096)
    monkeypatch.setattr("lrp2_bench.models.gguf._write", lambda *_: pytest.fail("it is converted"))
    with pytest.raises(BenchError, match=r"(?s)takes \d\d+,\d{3} bytes .* 4,096 .* are free.*paths.cache.*bfloat16"):
        find(whole, tmp_path)


@pytest.mark.parametrize("place", range(4, 400, 20))
def test_a_damaged_header_never_ends_in_another_error(place: int, whole: Path, tmp_path: Path) -> None:
    data = bytearray(whole.read_bytes())
    data[place : place + 8] = b"\xff" * 8
    (tmp_path / "bad.gguf").write_bytes(data)
    with pytest.raises(BenchError, match="bad.gguf"):
        find(tmp_path / "bad.gguf", tmp_path)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "It is empty"),
        (b"version https://git-lfs.github.com/spec/v1\n", "starts with b'vers' instead of b'GGUF'.*Git LFS pointer"),
        (b"PK\x03\x04", "is not a GGUF file"),
        (b"GGUF" + struct.pack("<IQQ", 1, 0, 0), "GGUF version 1; versions 2 and 3"),
        (b"GGUF" + struct.pack(">IQQ", 3, 0, 0), "in little-endian order"),
    ],
)
def test_what_is_no_gguf_file_is_told(content: bytes, told: str, tmp_path: Path) -> None:
    (tmp_path / "x.gguf").write_bytes(content)
    with pytest.raises(BenchError, match=f"(?s){told}"):
        find(tmp_path / "x.gguf", tmp_path)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"general__architecture": "rwkv7"}, "architecture 'rwkv7'.*transformers.*reads as .*: .*gemma3"),
        ({"general__architecture": "bert"}, "architecture 'bert'"),
        ({"general__architecture": "t5"}, "causal language models"),
        ({"general__architecture": "clip"}, "a projector of images"),
        ({"general__type": "adapter"}, "of type 'adapter', not a language model"),
        ({"general__type": "mmproj"}, "of type 'mmproj'"),
        ({"split__count": 2}, "llama-gguf-split"),
        ({"tokenizer__ggml__model": None}, "has no tokenizer"),
        ({"tokenizer__ggml__model": "none"}, "has no tokenizer"),
        ({"tokenizer__ggml__model": "rwkv"}, "(?s)Cannot convert.*'rwkv'"),
        ({"lacking": ("",)}, "a vocabulary without weights"),
        ({"lacking": ("blk.2.attn_q",)}, r"lacks 1 of the model's weights \(model.layers.2.self_attn.q_proj.weight\)"),
    ],
)
def test_a_file_without_what_a_job_needs_is_refused(
    fields: dict[str, Any], told: str, llama: Path, tmp_path: Path
) -> None:
    with pytest.raises(BenchError, match=f"(?s){told}"):
        find(write_gguf(tmp_path / "x.gguf", llama, **fields), tmp_path)
    assert not [path for path in (tmp_path / "gguf").glob("*/*") if path.is_dir()], "something half made was left"


@pytest.mark.parametrize("name", ["tiny-00001-of-00003.gguf", "TINY-00002-of-00003.GGUF"])
def test_a_model_in_several_files_is_refused_with_how_to_merge_them(name: str, whole: Path, tmp_path: Path) -> None:
    shutil.copy(whole, tmp_path / name)
    for path in (tmp_path / name, tmp_path):
        with pytest.raises(
            BenchError, match=rf"(?s)several files.*llama-gguf-split.*{name} goes in, (tiny|TINY)\.gguf"
        ):
            find(path, tmp_path)


def test_a_projector_of_images_is_no_model_and_does_not_hide_one(whole: Path, tmp_path: Path) -> None:
    shutil.copy(whole, tmp_path / "mmproj-model-f16.gguf")
    for path in (tmp_path / "mmproj-model-f16.gguf", tmp_path):
        with pytest.raises(BenchError, match=r"a projector of images \(mmproj\), not a language model"):
            find(path, tmp_path)
    shutil.copy(whole, tmp_path / "tiny.gguf")
    assert find(tmp_path, tmp_path).gguf["file"] == "tiny.gguf"  # type: ignore[index]


def test_several_files_in_a_folder_are_listed_and_one_is_chosen_by_its_path(whole: Path, tmp_path: Path) -> None:
    folder = tmp_path / "models"
    (folder / "deeper").mkdir(parents=True)
    for name in ("b-Q4_K_M.gguf", "deeper/a-F32.gguf"):
        shutil.copy(whole, folder / name)
    with pytest.raises(BenchError, match=r"(?s)holds 2 GGUF files.*b-Q4_K_M.gguf\n  deeper/a-F32.gguf\n") as told:
        find(folder, tmp_path)
    advice = str(told.value).rpartition("model.path=")[2]
    assert find(advice, tmp_path).gguf["file"] == "b-Q4_K_M.gguf"  # type: ignore[index]
    assert find(folder / "deeper", tmp_path).gguf["file"] == "a-F32.gguf"  # type: ignore[index]


def test_safetensors_go_before_a_gguf_file_beside_them(llama: Path, whole: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(llama, tmp_path / "llama"))
    shutil.copy(whole, folder / "tiny.gguf")
    checkpoint = find(folder, tmp_path)
    assert (checkpoint.folder, checkpoint.gguf) == (folder, None)


@pytest.mark.parametrize("path", ["tinny.gguf", "./tinny.gguf", "{folder}/tinny.gguf", "models/tinny.gguf"])
def test_a_file_that_is_not_there_suggests_the_nearest(
    path: str, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").mkdir()
    for folder in (tmp_path, tmp_path / "models"):
        shutil.copy(whole, folder / "tiny.gguf")
    with pytest.raises(BenchError, match=r"(?s)no file '.*tinny.gguf'. Did you mean '.*tiny.gguf'\?.*FILE.gguf"):
        find(path.format(folder=tmp_path), tmp_path)


def test_another_file_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").touch()
    with pytest.raises(BenchError, match=r"(?s)is a file, and not a GGUF one.*model.path=DIR"):
        find(tmp_path / "model.safetensors", tmp_path)
