"""What a GGUF file's header says it holds, and whether the file is whole.

The package gguf has a reader, which takes 7 to 20 seconds for a vocabulary of 262,144 tokens and reads past the end of
a file that is cut short. The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md.
"""

from __future__ import annotations

import math
import os
import struct
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from lrp2_bench.core.errors import BenchError
from lrp2_bench.models.gguf_files import no_language_model, sharded

_VERSIONS = (2, 3)
#: struct's letters of the types of values; strings are 8 and arrays 9.
_NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9


@dataclass(frozen=True)
class Header:
    """``quantisation`` is the file's own word (Q4_K_M), None where it has none; ``types`` are those that its tensors
    are stored in, the one with most weights first; ``scaling`` is what of its rotary positions transformers drops;
    ``weights`` how many numbers there are in its tensors."""

    architecture: str
    quantisation: str | None
    types: tuple[str, ...]
    scaling: str | None
    weights: int


def read_header(path: Path) -> Header:
    """Raises :class:`BenchError` for a file that is cut short or damaged, and for one without a language model."""
    from gguf import GGMLQuantizationType, LlamaFileType

    try:
        with path.open("rb") as file:
            fields, tensors, start = _read(file)
        ends = [start + offset + _bytes(type_, shape) for _, offset, type_, shape in tensors]
        size, end = path.stat().st_size, max(ends, default=0)
    except (ArithmeticError, EOFError, KeyError, MemoryError, ValueError, struct.error) as error:
        raise _damaged(path, f"its header cannot be read ({type(error).__name__}: {error})") from error
    if size < end:
        raise _damaged(path, f"it has {size:,} bytes of {end:,}")
    kind, architecture = str(fields.get("general.type", "model")), str(fields.get("general.architecture", ""))
    if kind != "model":
        raise no_language_model(path, f"of type '{kind}'")
    if architecture == "clip":
        raise no_language_model(path, "a projector of images (architecture clip)")
    if int(fields.get("split.count", 1)) > 1:
        raise sharded(path.name, str(path.parent))
    if not tensors:
        raise no_language_model(path, "a vocabulary without weights")
    if fields.get("tokenizer.ggml.model") in (None, "none", "no_vocab"):
        raise BenchError(
            f"'{path}' has no tokenizer (tokenizer.ggml.model), so no query can be asked.\n"
            "Choose a GGUF file that has one; those made by llama.cpp's convert_hf_to_gguf.py do."
        )
    amounts: Counter[str] = Counter()
    for _, _, type_, shape in tensors:
        amounts[GGMLQuantizationType(type_).name] += math.prod(shape)
    known = {int(each): each.name.removeprefix("MOSTLY_").removeprefix("ALL_") for each in LlamaFileType}
    scaling = _scaling(architecture, fields, [name for name, *_ in tensors])
    types = tuple(name for name, _ in amounts.most_common())
    return Header(architecture, known.get(fields.get("general.file_type", -1)), types, scaling, amounts.total())


def _read(file: BinaryIO) -> tuple[dict[str, Any], list[tuple[str, int, int, tuple[int, ...]]], int]:
    """Values by key (of an array its length); each tensor's name, offset, type and shape; where the data starts."""
    size = os.fstat(file.fileno()).st_size
    file.seek(4)  # the magic
    if (version := _number(file, "I")) not in _VERSIONS:
        raise ValueError(f"GGUF version {version}; versions 2 and 3 in little-endian order are read")
    tensors, values = _number(file, "Q"), _number(file, "Q")
    fields = {_text(file, size): _value(file, size, _number(file, "I")) for _ in range(values)}
    found = []
    for _ in range(tensors):
        name = _text(file, size)
        shape = tuple(_number(file, "Q") for _ in range(_number(file, "I")))
        type_ = _number(file, "I")
        found.append((name, _number(file, "Q"), type_, shape))
    alignment = int(fields.get("general.alignment", 32))
    return fields, found, -(-file.tell() // alignment) * alignment


def _value(file: BinaryIO, size: int, type_: int) -> Any:
    if type_ == _STRING:
        return _text(file, size)
    if type_ != _ARRAY:
        return _number(file, _NUMBERS[type_])
    element, count = _number(file, "I"), _number(file, "Q")
    if element in _NUMBERS:
        _skip(file, size, count * struct.calcsize(_NUMBERS[element]))
        return count
    for _ in range(count):
        if element == _STRING:
            _skip(file, size, _number(file, "Q"))
        else:
            _value(file, size, element)
    return count


def _skip(file: BinaryIO, size: int, length: int) -> None:
    if length > size - file.tell():
        raise EOFError("it ends within the header")
    file.seek(length, os.SEEK_CUR)


def _number(file: BinaryIO, letter: str) -> Any:
    data = file.read(struct.calcsize(letter))
    if len(data) < struct.calcsize(letter):
        raise EOFError("it ends within the header")
    return struct.unpack(f"<{letter}", data)[0]


def _text(file: BinaryIO, size: int) -> str:
    length = _number(file, "Q")
    if length > size - file.tell():
        raise EOFError("it ends within the header")
    return file.read(length).decode("utf-8")


def _bytes(type_: int, shape: tuple[int, ...]) -> int:
    from gguf import GGML_QUANT_SIZES, GGMLQuantizationType

    weights, bytes_ = GGML_QUANT_SIZES[GGMLQuantizationType(type_)]
    return math.prod(shape) // weights * bytes_


def _scaling(architecture: str, fields: Mapping[str, Any], tensors: list[str]) -> str | None:
    """transformers reads neither of these but for gpt-oss, so that rotary positions stay unscaled."""
    if architecture.startswith("gpt"):
        return None
    factors = next((name for name in tensors if name.startswith(("rope_freqs", "rope_factors"))), None)
    kind = fields.get(f"{architecture}.rope.scaling.type")
    return factors or (f"rope.scaling.type={kind}" if kind not in (None, "none") else None)


def _damaged(path: Path, why: str) -> BenchError:
    return BenchError(f"'{path}' is cut short or damaged: {why}.\nDownload it again, and compare its size or SHA-256.")
