"""A checkpoint that is damaged, incomplete or of another kind is refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from lrp2_bench.core.errors import BenchError, UnknownNameError
from lrp2_bench.core.files import sha256_file, write_json
from lrp2_bench.core.settings import ModelSettings
from lrp2_bench.models import shipped
from lrp2_bench.models.loading import find_checkpoint
from lrp2_bench.models.shipped import checked_manifest, shipped_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    files = {name: sha256_file(tmp_path / name) for name in ("model.safetensors", "config.json")}
    write_json(tmp_path / "manifest.json", {"spec": {}, "files": files})
    return tmp_path


def test_a_whole_checkpoint_passes(folder: Path) -> None:
    assert set(checked_manifest(folder)["files"]) == {"model.safetensors", "config.json"}
    assert find_checkpoint(ModelSettings(path=str(folder))).folder == folder


def test_a_changed_byte_is_found_before_anything_is_loaded(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"weightz")
    with pytest.raises(BenchError, match=r"model\.safetensors' is damaged.*\n?.*Rebuild"):
        find_checkpoint(ModelSettings(path=str(folder)))


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    with pytest.raises(BenchError, match=r"model\.safetensors' is missing"):
        find_checkpoint(ModelSettings(path=str(folder)))


@pytest.mark.parametrize("text", ["", "[]", "{}", "{"])
def test_a_broken_manifest_is_no_crash(folder: Path, text: str) -> None:
    (folder / "manifest.json").write_text(text)
    with pytest.raises(BenchError, match="cannot be read"):
        checked_manifest(folder)


def test_another_folder_is_no_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="not a testbed checkpoint"):
        checked_manifest(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", '{"files": ["a"]}', "{"])
def test_another_tools_manifest_is_none_of_our_business(folder: Path, text: str) -> None:
    (folder / "manifest.json").write_text(text)
    assert find_checkpoint(ModelSettings(path=str(folder))).folder == folder


def test_the_manifest_does_not_decide_results(folder: Path) -> None:
    before = find_checkpoint(ModelSettings(path=str(folder))).digest
    manifest = checked_manifest(folder)
    write_json(folder / "manifest.json", {**manifest, "seconds": 1})
    assert find_checkpoint(ModelSettings(path=str(folder))).digest == before


def test_a_shipped_checkpoint_is_found_by_name(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipped, "_FOLDER", folder.parent)
    assert shipped_folder(f"shipped:{folder.name}") == folder
    assert shipped_folder("bert-base-multilingual-cased") is None
    (folder / "config.json").write_text("{} ")
    with pytest.raises(BenchError, match="damaged"):
        find_checkpoint(ModelSettings(path=f"shipped:{folder.name}"))
    with pytest.raises(UnknownNameError, match=r"lrp2-bench pretrain model=tiny_mbart"):
        find_checkpoint(ModelSettings(path="shipped:tiny_mbart"))


def test_an_installation_without_checkpoints_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipped, "_FOLDER", tmp_path / "none")
    with pytest.raises(BenchError, match="tiny_mbert"):
        shipped_folder("shipped:tiny_mbert")
