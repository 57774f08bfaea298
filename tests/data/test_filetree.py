"""A folder and a zip of the same files read alike; what cannot be read is an error that says why."""

from __future__ import annotations

import zipfile
from pathlib import Path, PurePosixPath

import pytest

from lrp2_bench.core.errors import BenchError
from lrp2_bench.data.filetree import open_tree

FILES = {"a/b/one.txt": b"eins" * 500, "a/two.txt": b"zwei\n", "three.txt": b""}


def _zip(path: Path, prefix: str = "", compression: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr(f"{prefix}a/", b"")
        for name, data in reversed(FILES.items()):
            archive.writestr(prefix + name, data)
    return path


def _folder(path: Path) -> Path:
    for name, data in FILES.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return path


@pytest.mark.parametrize("kind", ["folder", "zip", "zip of ./"])
def test_every_file_is_found_sorted_and_read(kind: str, tmp_path: Path) -> None:
    prefix = "./" if kind == "zip of ./" else ""
    tree = open_tree(_folder(tmp_path / "x") if kind == "folder" else _zip(tmp_path / "x.zip", prefix))
    assert [str(path) for path in tree.paths()] == sorted(FILES)
    assert {str(path): tree.read(path) for path in tree.paths()} == FILES


def test_a_zip_with_backslashes_has_folders(tmp_path: Path) -> None:
    """As PowerShell 5 writes them; Python's own writer makes them slashes, so that names are replaced behind it."""
    data = _zip(tmp_path / "x.zip").read_bytes()
    (tmp_path / "x.zip").write_bytes(data.replace(b"a/b/one.txt", rb"a\b\one.txt").replace(b"a/two.txt", rb"a\two.txt"))
    tree = open_tree(tmp_path / "x.zip")
    assert {str(path): tree.read(path) for path in tree.paths()} == FILES
    (tmp_path / "y.zip").write_bytes(data.replace(b"a/b/one.txt", rb"..\\one.txt"))
    with pytest.raises(BenchError, match="leads out of the archive"):
        open_tree(tmp_path / "y.zip")


def test_a_member_with_a_password_is_no_damaged_one(tmp_path: Path) -> None:
    _zip(tmp_path / "x.zip")
    data = bytearray((tmp_path / "x.zip").read_bytes())
    for signature, flags in ((b"PK\1\2", 8), (b"PK\3\4", 6)):
        at = -1
        while (at := data.find(signature, at + 1)) >= 0:
            data[at + flags] |= 1
    (tmp_path / "x.zip").write_bytes(data)
    with pytest.raises(BenchError, match="'a/two.txt' inside .* has a password. Unpack the archive"):
        open_tree(tmp_path / "x.zip").read(PurePosixPath("a/two.txt"))


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_what_macos_adds_to_a_folder_is_no_file(kind: str, tmp_path: Path) -> None:
    forks = {"__MACOSX/a/b/._one.txt": b"\0\5\26\7", "a/._two.txt": b"\0\5\26\7", "__MACOSX/x": b""}
    for name, data in forks.items():
        (tmp_path / "x" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "x" / name).write_bytes(data)
    with zipfile.ZipFile(_zip(tmp_path / "x.zip"), "a") as archive:
        for name, data in forks.items():
            archive.writestr(name, data)
    tree = open_tree(_folder(tmp_path / "x") if kind == "folder" else tmp_path / "x.zip")
    assert [str(path) for path in tree.paths()] == sorted(FILES)


def test_a_path_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="There is no file or folder '.*nowhere.zip'"):
        open_tree(tmp_path / "nowhere.zip")


@pytest.mark.parametrize("data", [b"", b"<html>404</html>", b"PK\x03\x04 and then nothing"])
def test_a_file_that_is_no_zip_is_refused_with_the_next_step(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(data)
    with pytest.raises(BenchError, match="x.zip' is not a readable zip archive .* remove it and try again"):
        open_tree(tmp_path / "x.zip")


def test_a_zip_cut_off_anywhere_is_refused(tmp_path: Path) -> None:
    whole = _zip(tmp_path / "x.zip").read_bytes()
    for length in range(0, len(whole), 7):
        (tmp_path / "x.zip").write_bytes(whole[:length])
        with pytest.raises(BenchError, match="not a readable zip"):
            open_tree(tmp_path / "x.zip")


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_damaged_member_is_named_whatever_byte_is_wrong(compression: int, tmp_path: Path) -> None:
    path = _zip(tmp_path / "x.zip", compression=compression)
    whole, name = path.read_bytes(), PurePosixPath("a/b/one.txt")
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo(str(name))
    start, refused = info.header_offset + 30 + len(str(name)), 0
    for place in range(start, start + info.compress_size):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        try:
            data = open_tree(path).read(name)
        except BenchError as error:
            assert "'a/b/one.txt' inside" in str(error)
            refused += 1
        else:
            assert data == FILES[str(name)], "damage went unnoticed"
    assert refused > 0.7 * info.compress_size


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_a_file_that_is_gone_is_an_error_of_ours(kind: str, tmp_path: Path) -> None:
    tree = open_tree(_folder(tmp_path / "x") if kind == "folder" else _zip(tmp_path / "x.zip"))
    with pytest.raises(BenchError, match="none.txt"):
        tree.read(PurePosixPath("none.txt"))
