"""GGUF files of tiny models, written with the package gguf from folders of Hugging Face checkpoints."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file


def write_gguf(path: Path, folder: Path, type_: str = "F32", lacking: tuple[str, ...] = (), **fields: Any) -> Path:
    """The Llama in ``folder``, which has a byte-level tokenizer, as llama.cpp would write it.

    ``type_`` is that of its matrices (F32, F16, Q8_0, ...). ``fields`` (dots as two underscores) replace or add values;
    None leaves one out. Tensors whose names start with one of ``lacking`` are left out.
    """
    import gguf

    config = json.loads((folder / "config.json").read_text("utf-8"))
    blocks, heads, pairs = (config[f"num_{name}"] for name in ("hidden_layers", "attention_heads", "key_value_heads"))
    file_type = {"F32": "ALL_F32"}.get(type_, f"MOSTLY_{type_}")
    values: dict[str, Any] = {
        "general.file_type": int(gguf.LlamaFileType[file_type]),
        "llama.context_length": config["max_position_embeddings"],
        "llama.embedding_length": config["hidden_size"],
        "llama.block_count": blocks,
        "llama.feed_forward_length": config["intermediate_size"],
        "llama.rope.dimension_count": config["head_dim"],
        "llama.attention.head_count": heads,
        "llama.attention.head_count_kv": pairs,
        "llama.attention.layer_norm_rms_epsilon": config["rms_norm_eps"],
        "llama.vocab_size": config["vocab_size"],
        **_tokenizer(folder),
    }
    values |= {name.replace("__", "."): value for name, value in fields.items()}
    writer = gguf.GGUFWriter(path, values.pop("general.architecture", "llama"))
    for name, value in values.items():
        if isinstance(value, list):
            writer.add_array(name, value)
        elif value is not None:
            add = {bool: writer.add_bool, int: writer.add_uint32, float: writer.add_float32, str: writer.add_string}
            add[type(value)](name, value)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, blocks)
    for name, weights in load_file(folder / "model.safetensors").items():
        target = names.get_name(name, try_suffixes=(".weight",))
        if target.startswith(lacking):
            continue
        if ".q_proj." in name or ".k_proj." in name:
            weights = _permuted(weights, heads if ".q_proj." in name else pairs)
        wanted = gguf.GGMLQuantizationType[type_ if weights.ndim > 1 else "F32"]
        writer.add_tensor(target, gguf.quantize(np.ascontiguousarray(weights), wanted), raw_dtype=wanted)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    if lacking != ("",):
        writer.write_tensors_to_file()
    else:
        writer.write_ti_data_to_file()
    writer.close()
    return path


def _tokenizer(folder: Path) -> dict[str, Any]:
    tokenizer = json.loads((folder / "tokenizer.json").read_text("utf-8"))
    special = {entry["content"]: entry["id"] for entry in tokenizer["added_tokens"]}
    vocabulary = sorted(tokenizer["model"]["vocab"].items(), key=lambda item: item[1])
    return {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.tokens": [token for token, _ in vocabulary],
        "tokenizer.ggml.token_type": [3 if token in special else 1 for token, _ in vocabulary],
        "tokenizer.ggml.merges": [" ".join(pair) for pair in tokenizer["model"]["merges"]],
        "tokenizer.ggml.bos_token_id": special["<s>"],
        "tokenizer.ggml.eos_token_id": special["</s>"],
        "tokenizer.ggml.unknown_token_id": special["<unk>"],
        "tokenizer.ggml.padding_token_id": special["<pad>"],
        "tokenizer.ggml.add_bos_token": False,
    }


def _permuted(weights: np.ndarray, heads: int) -> np.ndarray:
    """Rotary halves side by side, as llama.cpp keeps Llama's queries and keys."""
    rows = weights.shape[0] // heads // 2
    return weights.reshape(heads, 2, rows, -1).swapaxes(1, 2).reshape(weights.shape)
