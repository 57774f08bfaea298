"""Large files are read once, and what is known of them is never another file's."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from lrp2_bench.models import known_digests
from lrp2_bench.models.known_digests import known_sha256


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Files that were read; all are large."""
    read: list[Path] = []
    real = known_digests.sha256_file
    monkeypatch.setattr(known_digests, "LARGE", 1)
    monkeypatch.setattr(known_digests, "sha256_file", lambda path: read.append(path) or real(path))
    return read


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    path.write_text("weights")
    return path


def test_a_large_file_is_read_once(file: Path, tmp_path: Path, reads: list[Path]) -> None:
    assert [known_sha256(file, tmp_path / "cache") for _ in range(3)] == [_sha256("weights")] * 3
    assert len(reads) == 1
    link = tmp_path / "link"
    link.symlink_to(file)
    assert known_sha256(link, tmp_path / "cache") == _sha256("weights")
    assert len(reads) == 1


def test_a_file_of_another_size_time_or_path_is_read(file: Path, tmp_path: Path, reads: list[Path]) -> None:
    cache = tmp_path / "cache"
    known_sha256(file, cache)
    file.write_text("weights!")
    assert known_sha256(file, cache) == _sha256("weights!")
    before = file.stat()
    file.write_text("weightS!")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    assert known_sha256(file, cache) == _sha256("weightS!")
    other = tmp_path / "other"
    other.write_text("weights?")
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    assert known_sha256(other, cache) == _sha256("weights?")
    assert len(reads) == 4


@pytest.mark.parametrize(
    "damage", ["", "{", "[]", '{"sha256": "short"}', '{"sha256": null}', '{"sha256": "%s"}' % ("a" * 64)]
)
def test_what_is_damaged_in_the_cache_is_found_again(
    damage: str, file: Path, tmp_path: Path, reads: list[Path]
) -> None:
    cache = tmp_path / "cache"
    known_sha256(file, cache)
    [entry] = (cache / "digests").iterdir()
    entry.write_text(damage)
    assert known_sha256(file, cache) == known_sha256(file, cache) == _sha256("weights")
    assert len(reads) == 2


def test_a_cache_that_cannot_be_written_costs_time_alone(file: Path, tmp_path: Path, reads: list[Path]) -> None:
    (tmp_path / "cache").write_text("a file")
    assert [known_sha256(file, tmp_path / "cache") for _ in range(2)] == [_sha256("weights")] * 2
    assert len(reads) == 2


@pytest.mark.parametrize(
    ("name", "trusted"), [("a" * 64, True), ("a" * 40, False), ("A" * 64, False), ("b" * 65, False)]
)
@pytest.mark.parametrize(
    "folder", ["models--acme--tiny/blobs", "datasets--acme--tiny/blobs", "models--acme--tiny/other"]
)
def test_a_blob_of_the_hubs_large_file_storage_is_its_name_and_no_other_file_is(
    folder: str, name: str, trusted: bool, tmp_path: Path, reads: list[Path]
) -> None:
    blob = tmp_path / folder / name
    blob.parent.mkdir(parents=True)
    blob.write_text("weights")
    link = tmp_path / "model.safetensors"
    link.symlink_to(blob)
    trusted = trusted and folder == "models--acme--tiny/blobs"
    assert known_sha256(link, tmp_path / "cache") == (name if trusted else _sha256("weights"))
    assert bool(reads) != trusted


def test_small_files_are_read_every_time(file: Path, tmp_path: Path) -> None:
    known_sha256(file, tmp_path / "cache")
    assert not (tmp_path / "cache").exists()
