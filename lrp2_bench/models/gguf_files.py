"""GGUF files as they are found: which of several is meant, and what their names and first bytes say."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from lrp2_bench.core.errors import BenchError

SUFFIX = ".gguf"
_MAGIC = b"GGUF"
#: The names that llama.cpp's gguf-split gives.
_SHARD = re.compile(r"-[0-9]{5}-of-[0-9]{5}\.gguf", re.IGNORECASE)
#: In the names of files that turn images into embeddings; they lie beside the language model.
_PROJECTOR = "mmproj"


def is_gguf(path: str | Path) -> bool:
    return str(path).lower().endswith(SUFFIX)


def choose(names: Sequence[str], where: str) -> str | None:
    """The one language model among the GGUF files of a folder or repository; None where there is none.

    Raises :class:`BenchError` where there are several, with how to name one, and for one in several files.
    """
    found = sorted(name for name in names if is_gguf(name))
    models = [name for name in found if _PROJECTOR not in Path(name).name.lower()]
    if len(models) == 1 or (found and not models):
        return (models or found)[0]  # what is wrong with it is told when it is read
    shards = [name for name in models if _SHARD.search(name)]
    if shards and len(shards) == len(models):
        raise sharded(shards[0], where)
    if not found:
        return None
    raise BenchError(
        f"'{where}' holds {len(models)} GGUF files; which one is meant?\n  "
        + "\n  ".join(models)
        + f"\nGive its path: model.path={where}/{models[0]}"
    )


def refuse_by_name(path: Path) -> None:
    """Raise :class:`BenchError` for a part of a model, a projector of images, and what is no GGUF file."""
    if _SHARD.search(path.name):
        raise sharded(path.name, str(path.parent))
    if _PROJECTOR in path.name.lower():
        raise no_language_model(path, "a projector of images (mmproj)")
    with path.open("rb") as file:
        start = file.read(len(_MAGIC))
    if start != _MAGIC:
        what = "It is empty." if not start else f"It starts with {start!r} instead of {_MAGIC!r}."
        raise BenchError(
            f"'{path}' is not a GGUF file. {what}\n"
            "Download it again (a page or a Git LFS pointer may have been saved in its place)."
        )


def no_language_model(path: Path, what: str) -> BenchError:
    """The refusal of a file that is something else."""
    return BenchError(
        f"'{path}' is {what}, not a language model.\nGive the GGUF file of the model itself, which lies beside it."
    )


def sharded(name: str, where: str) -> BenchError:
    """The refusal of one of a model's several files."""
    whole = _SHARD.sub(SUFFIX, name)
    return BenchError(
        f"'{where}' holds a GGUF model in several files ('{name}'), which transformers does not read.\n"
        f"Merge them with llama-gguf-split of llama.cpp (its option merge; {name} goes in, {whole} comes out), "
        f"then give model.path={whole}."
    )
