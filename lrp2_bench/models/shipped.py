"""Checkpoints that ship with the package, and the manifest that a checkpoint made by us carries: its files' digests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lrp2_bench.core.errors import BenchError, UnknownNameError
from lrp2_bench.core.files import sha256_file
from lrp2_bench.core.reading import MissingFileError, find_object, read_object

#: ``model.path=shipped:NAME``.
PREFIX = "shipped:"
MANIFEST = "manifest.json"
_FOLDER = Path(__file__).resolve().parent.parent / "checkpoints"


def shipped_folder(path: str) -> Path | None:
    """The folder ``shipped:NAME`` stands for, None for any other path; :class:`UnknownNameError` for a wrong name."""
    if not path.startswith(PREFIX):
        return None
    name = path.removeprefix(PREFIX)
    names = shipped_names()
    if name not in names:
        hint = f"Rebuild it with `lrp2-bench pretrain model={name} output=DIR` and pass model.path=DIR."
        raise UnknownNameError("checkpoint in this installation:", name, names, hint)
    return _FOLDER / name


def shipped_names() -> list[str]:
    """The checkpoints in this installation."""
    return sorted(path.name for path in _FOLDER.iterdir() if path.is_dir()) if _FOLDER.is_dir() else []


def is_ours(folder: Path) -> bool:
    """Whether ``folder`` has a manifest that our pretraining wrote. Other tools leave a file of that name too."""
    manifest = find_object(folder / MANIFEST)
    return isinstance(manifest.get("files"), dict) and "spec" in manifest


def checked_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of the checkpoint in ``folder``, every file it names present and of its digest.

    Raises :class:`BenchError` naming the file that is missing or damaged.
    """
    rebuild = "Rebuild it with `lrp2-bench pretrain`, or install the package again."
    path = folder / MANIFEST
    try:
        manifest = read_object(path)
        files = dict(manifest["files"])
    except MissingFileError as error:
        raise BenchError(f"'{folder}' is not a testbed checkpoint: {MANIFEST} is missing. {rebuild}") from error
    except (BenchError, KeyError, TypeError, ValueError) as error:
        raise BenchError(f"'{path}' cannot be read ({error!r}). {rebuild}") from error
    for name, digest in files.items():
        file = folder / name
        if not file.is_file():
            raise BenchError(f"'{file}' is missing from the checkpoint. {rebuild}")
        found = sha256_file(file)
        if found != digest:
            raise BenchError(f"'{file}' is damaged: its SHA-256 is {found}, not {digest}. {rebuild}")
    return dict(manifest)
