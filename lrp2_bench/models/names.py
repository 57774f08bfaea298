"""What a model is called in folders and tables."""

from __future__ import annotations

from lrp2_bench.core.filenames import file_name, is_text
from lrp2_bench.core.files import at_home
from lrp2_bench.models.gguf_files import is_gguf


def folder_name(name: str | None, path: str) -> str:
    """``name`` where one is given, else the last part of a folder or hub id, a GGUF file's without its ending.

    A folder's name with bytes that are no UTF-8 is given as :func:`~lrp2_bench.core.filenames.file_name` writes it,
    since no table or manifest can hold it.
    """
    place = at_home(path)
    # A link's own name: the hub's cache keeps files under their digests.
    found = name or (place.stem if is_gguf(path) and not place.is_dir() else place.resolve().name)
    return found if is_text(found) else file_name(found)
