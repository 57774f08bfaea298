"""What a model is called in folders and tables."""

from __future__ import annotations

from pathlib import Path

from lrp2_bench.core.filenames import file_name, is_text


def folder_name(name: str | None, path: str) -> str:
    """``name`` where one is given, else the last part of a folder or hub id.

    A folder's name with bytes that are no UTF-8 is given as :func:`~lrp2_bench.core.filenames.file_name` writes it,
    since no table or manifest can hold it.
    """
    found = name or Path(path).expanduser().resolve().name
    return found if is_text(found) else file_name(found)
