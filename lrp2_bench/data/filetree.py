"""A folder or a zip archive, read the same way and never unpacked."""

from __future__ import annotations

import zipfile
from abc import ABC, abstractmethod
from pathlib import Path, PurePosixPath

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.files import require_reachable


class FileTree(ABC):
    """Read-only files under relative POSIX paths."""

    @abstractmethod
    def paths(self) -> list[PurePosixPath]:
        """Every file's path, sorted, without what macOS adds to a folder."""

    @abstractmethod
    def read(self, path: PurePosixPath) -> bytes:
        """The file's bytes. Raises :class:`BenchError` where they cannot be read."""

    @abstractmethod
    def source(self, path: PurePosixPath) -> str:
        """Where the file lies, for messages: its whole path, that of the archive in front."""


class _Folder(FileTree):
    def __init__(self, root: Path) -> None:
        self._root = root

    def paths(self) -> list[PurePosixPath]:
        files = (path.relative_to(self._root) for path in self._root.rglob("*") if path.is_file())
        return sorted(path for file in files if not _is_of_macos(path := PurePosixPath(file.as_posix())))

    def source(self, path: PurePosixPath) -> str:
        return str(self._root / path)

    def read(self, path: PurePosixPath) -> bytes:
        try:
            return (self._root / path).read_bytes()
        except OSError as error:
            raise BenchError(f"Cannot read '{self._root / path}': {error.strerror}.") from error


class _Zip(FileTree):
    def __init__(self, file: Path) -> None:
        self._file = file
        try:
            self._archive = zipfile.ZipFile(file)
        except Exception as error:  # zipfile raises anything from BadZipFile to UnicodeDecodeError on damaged archives
            raise BenchError(
                f"'{file}' is not a readable zip archive ({error}). "
                "If its download broke off, remove it and try again; a folder with the unpacked files works as well."
            ) from error
        # Some packers write './de/P36.jsonl' or 'de\\P36.jsonl', no normal paths: a member is asked for by its entry.
        self._members = {
            PurePosixPath(info.filename.replace("\\", "/")): info
            for info in self._archive.infolist()
            if not info.is_dir()
        }
        # Nothing is unpacked, so these could do no harm; but whoever made such an archive meant some.
        for path in self._members:
            if path.is_absolute() or ".." in path.parts:
                raise BenchError(
                    f"'{file}' holds a file '{path}' that leads out of the archive. "
                    "No data set does: fetch the archive again, from where it was published."
                )

    def paths(self) -> list[PurePosixPath]:
        return sorted(path for path in self._members if not _is_of_macos(path))

    def source(self, path: PurePosixPath) -> str:
        return f"{self._file}/{path}"

    def read(self, path: PurePosixPath) -> bytes:
        if (info := self._members.get(path)) is not None and info.flag_bits & 1:
            raise BenchError(
                f"'{path}' inside '{self._file}' has a password. Unpack the archive, and give the folder instead."
            )
        try:
            return self._archive.read(self._members[path])
        except Exception as error:  # zipfile raises anything from BadZipFile to zlib.error on damaged members
            raise BenchError(
                f"'{path}' inside '{self._file}' is damaged ({error}). Fetch the archive again."
            ) from error


def _is_of_macos(path: PurePosixPath) -> bool:
    """A resource fork (``__MACOSX/de/._P36.jsonl``), which has the name of a file of data and none in it."""
    return path.parts[0] == "__MACOSX" or path.name.startswith("._")


def open_tree(path: Path, setting: str = "dataset.path") -> FileTree:
    """The files of a folder or zip archive. Raises :class:`BenchError` where there is neither, naming the ``setting``
    that gives it."""
    require_reachable(path, setting)
    if path.is_dir():
        return _Folder(path)
    if not path.exists():
        raise BenchError(f"There is no file or folder '{path}'. Give the one there is as {setting}=ZIP_OR_DIR.")
    return _Zip(path)
