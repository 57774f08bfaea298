"""A checkpoint that is damaged, incomplete or of another kind is refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from lrp2_bench.errors import BenchError
from lrp2_bench.files import sha256_file, write_json
from lrp2_bench.testbed.checkpoint import checked_manifest, exposure_of
from lrp2_bench.testbed.exposure import Exposure

EXPOSURE = Exposure.default(("de",))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    files = {"model.safetensors": sha256_file(tmp_path / "model.safetensors")}
    write_json(tmp_path / "manifest.json", {"files": files, "exposure": EXPOSURE.as_dict()})
    return tmp_path


def test_a_whole_checkpoint_passes(folder: Path) -> None:
    assert set(checked_manifest(folder)["files"]) == {"model.safetensors"}
    assert exposure_of(folder) == EXPOSURE


def test_a_changed_byte_is_found(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"weightz")
    with pytest.raises(BenchError, match=r"model\.safetensors' is damaged.*\n?.*Rebuild"):
        checked_manifest(folder)


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    with pytest.raises(BenchError, match=r"model\.safetensors' is missing"):
        checked_manifest(folder)


@pytest.mark.parametrize("text", ["", "[]", "{}", "{"])
def test_a_broken_manifest_is_no_crash(folder: Path, text: str) -> None:
    (folder / "manifest.json").write_text(text)
    with pytest.raises(BenchError, match="cannot be read"):
        checked_manifest(folder)
    with pytest.raises(BenchError, match="no exposure"):
        exposure_of(folder)


def test_another_folder_is_no_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="no testbed checkpoint"):
        checked_manifest(tmp_path)
    with pytest.raises(BenchError, match="Only testbed models"):
        exposure_of(tmp_path)
