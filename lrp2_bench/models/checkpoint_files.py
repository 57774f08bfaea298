"""Which files of a checkpoint decide what its model computes, and the digests over them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.files import sha256_json
from lrp2_bench.models.known_digests import known_sha256
from lrp2_bench.models.shipped import MANIFEST

#: What transformers looks for, in this order. Other files in safetensors, as ``consolidated.safetensors``, stay unread.
WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"

#: Endings of configurations and of tokenizers' files.
_TEXTS = {".json", ".txt", ".model", ".codes", ".spm", ".tiktoken", ".tokenizer"}

#: Files with those endings that decide no score: how to generate and chat, what training left, and what others read.
_IDLE = {
    MANIFEST,
    "README.txt",
    "LICENSE.txt",
    "NOTICE.txt",
    "requirements.txt",
    "generation_config.json",
    "chat_template.json",
    "trainer_state.json",
    "all_results.json",
    "train_results.json",
    "eval_results.json",
    "test_results.json",
}


def digests_of(folder: Path, cache: Path) -> tuple[str, str]:
    """The digest of the files in ``folder`` that decide results, and the one that earlier versions gave it.

    Large files are read once: ``cache`` keeps what they were. Raises :class:`BenchError` where there are no weights
    that can be loaded.
    """
    deciding, formerly = deciding_files(folder), _files_of_the_former_rule(folder)
    hashes = {name: known_sha256(folder / name, cache) for name in {*deciding, *formerly}}
    return _digest(hashes, deciding), _digest(hashes, formerly)


def deciding_files(folder: Path) -> list[str]:
    """Paths in ``folder`` of the weights that are loaded, the configuration and the tokenizer, sorted."""
    texts = [path.name for path in folder.iterdir() if path.suffix in _TEXTS and path.is_file()]
    # An index is read only where it is what names the weights.
    texts = [name for name in texts if name not in _IDLE and not name.endswith(".index.json")]
    return sorted({*texts, *weight_files(folder)})


def weight_files(folder: Path) -> list[str]:
    """Paths in ``folder`` of the weights that transformers loads, an index among them. Raises :class:`BenchError`."""
    if (folder / WEIGHTS).is_file():
        return [WEIGHTS]
    if (folder / INDEX).is_file():
        return [INDEX, *_shards(folder)]
    others = sorted(path.name for pattern in ("*.bin", "*.safetensors") for path in folder.glob(pattern))
    pickled = all(name.endswith(".bin") for name in others)
    why = "but pickled weights are never loaded" if pickled else f"but neither {WEIGHTS} nor {INDEX}, which are loaded"
    found = f" It has {_some(others)}, {why}." if others else ""
    raise BenchError(
        f"'{folder}' has no weights in safetensors that can be loaded.{found}\n"
        f"Save the model again with model.save_pretrained(DIR), which writes {WEIGHTS}."
    )


def _shards(folder: Path) -> list[str]:
    """The files that the index names."""
    index = folder / INDEX
    try:
        named = set(json.loads(index.read_text("utf-8"))["weight_map"].values())
        names = sorted(str(PurePosixPath(name)) for name in named)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BenchError(f"'{index}' is not an index of weights that can be read ({error!r}).") from error
    outside = [name for name in names if name.startswith("/") or ".." in name.split("/")]
    if outside:
        raise BenchError(f"'{index}' names weights outside of its folder ({_some(outside)}), which are never loaded.")
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise BenchError(
            f"'{folder}' lacks {len(missing)} of the {len(names)} files of weights that {INDEX} names "
            f"({_some(missing)}).\nGet them from where the others came from."
        )
    return names


def _files_of_the_former_rule(folder: Path) -> list[str]:
    """What the digest covered in version 0.1.0, all with these endings: stored hits and vectors hold such digests."""
    endings = {".json", ".safetensors", ".txt", ".model"}
    return [
        path.name
        for path in folder.iterdir()
        if path.suffix in endings and path.name not in {"README.txt", MANIFEST} and path.is_file()
    ]


def _digest(hashes: dict[str, str], names: Iterable[str]) -> str:
    return sha256_json({name: hashes[name] for name in names})


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
