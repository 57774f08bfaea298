"""A model's input embeddings and its tokens as text, read from files: no model is loaded, so any architecture goes."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Literal

import torch
from jaxtyping import Float
from safetensors import SafetensorError, safe_open
from tokenizers import decoders
from torch import Tensor

from lrp2_bench.core.errors import BenchError
from lrp2_bench.models.base import Architecture
from lrp2_bench.models.registry import architecture_of
from lrp2_bench.models.unhandled import read_json

log = logging.getLogger(__name__)

#: What architectures without a record usually call the matrix, the surer name first (T5 has three names for one).
_NAMES = ("word_embeddings.weight", "wte.weight", "shared.weight", "embed_tokens.weight")
# BERT's spare tokens are not marked as special; they have never been trained.
_SPARE = re.compile(r"\[unused\d+\]")
# What stands for bytes that are no whole character.
_BROKEN = "\N{REPLACEMENT CHARACTER}"

#: Why a token has no text.
Textless = Literal["special", "bytes"]


@dataclass(frozen=True)
class Token:
    """``text`` as a reader sees it, without the tokenizer's marks; None with the reason in ``textless``."""

    index: int
    text: str | None
    textless: Textless | None = None


def read_embeddings(folder: Path) -> Float[Tensor, "vocab hidden"]:
    """The checkpoint's input embedding matrix, float32, as stored: before any norm and without positions.

    Raises :class:`BenchError` where no weight, or no readable one, has a name that such a matrix has.
    """
    names: list[str] = []
    record = _record(folder)
    usual = tuple(dict.fromkeys([*([record.embeddings] if record else []), *_NAMES]))
    # Building the architecture takes a second or more, which the usual names spare.
    for wanted in chain(usual, _own_names(folder)):
        for path in sorted(folder.glob("*.safetensors")):
            try:
                with safe_open(path, framework="pt") as file:
                    for name in sorted(file.keys()):
                        if f".{name}".endswith(f".{wanted}"):
                            matrix: Tensor = file.get_tensor(name)
                            return matrix.to(torch.float32)
                        names.append(name)
            except (SafetensorError, OSError) as error:
                raise BenchError(f"'{path}' holds no weights that can be read: {error}.") from error
    matrices = sorted({name for name in names if "embed" in name}) or ["none with 'embed' in its name"]
    raise BenchError(
        f"The weights in '{folder}' have no input embeddings called {', '.join(usual)}, or as their architecture calls "
        f"them.\nThere: {', '.join(matrices[:8])}."
    )


def _own_names(folder: Path) -> Iterator[str]:
    """What the architecture that config.json names calls the matrix, from the whole path down to its last two parts;
    nothing where the library has none. No weight is read."""
    from transformers import AutoConfig, AutoModel

    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        with torch.device("meta"):
            model = AutoModel.from_config(config, trust_remote_code=False)
        wanted = model.get_input_embeddings().weight
        path = next(name for name, weight in model.named_parameters() if weight is wanted).split(".")
    except Exception as error:  # transformers raises anything for configurations it cannot build
        log.debug("No model of '%s' can be built: %s", folder, error)
        return
    for start in range(max(1, len(path) - 1)):
        yield ".".join(path[start:])


def _record(folder: Path) -> type[Architecture] | None:
    """Of the architecture that config.json names."""
    path = folder / "config.json"
    return architecture_of(read_json(path).get("model_type")) if path.is_file() else None


def read_tokens(folder: Path) -> list[Token]:
    """Every token of the checkpoint's tokenizer by its row in the embeddings.

    WordPiece's ``##`` and SentencePiece's ``▁`` go, byte-level tokens become the text their bytes spell. A token of
    part of a character's bytes, and a special or spare one, has no text.
    """
    from transformers import AutoTokenizer

    try:
        tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # transformers raises anything on damaged folders
        raise BenchError(f"Cannot load the tokenizer in '{folder}': {error}") from error
    added = tokenizer.added_tokens_decoder
    special = set(tokenizer.all_special_ids) | {index for index, token in added.items() if token.special}
    to_text = _reader(tokenizer)
    tokens = []
    for token, index in sorted(tokenizer.get_vocab().items(), key=lambda item: int(item[1])):
        if index in special or _SPARE.fullmatch(token):
            tokens.append(Token(index, None, "special"))
        else:
            # Tokens added later stand for themselves, whatever the others are made of.
            text = token if index in added else to_text(token)
            tokens.append(Token(index, None, "bytes") if _BROKEN in text else Token(index, text))
    return tokens


def _reader(tokenizer: Any) -> Any:
    """A function from a token of the vocabulary to its text."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        return lambda token: tokenizer.convert_tokens_to_string([token]).replace("▁", " ")
    # A byte-level tokenizer without its decoder would show every script as Latin.
    made_of_bytes = "ByteLevel" in f"{backend.pre_tokenizer!r} {backend.normalizer!r} {backend.decoder!r}"
    decoder = decoders.ByteLevel() if made_of_bytes else backend.decoder
    prefix = getattr(backend.model, "continuing_subword_prefix", None) or ""

    def text(token: str) -> str:
        bare = token.removeprefix(prefix) if prefix and token != prefix else token
        decoded = decoder.decode([bare]) if decoder is not None else bare
        return decoded.replace("▁", " ")

    return text
