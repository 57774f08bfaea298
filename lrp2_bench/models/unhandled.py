"""What a checkpoint may hold that would change its scores from one machine to the next: refused, with the way out.

Each of these makes transformers load something else where another package, another version of it or another device is
there, though the folder is the same.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lrp2_bench.core.errors import BenchError
from lrp2_bench.models.quantised import stored_quantisation

_ADAPTERS = ("adapter_config.json", "adapter_model.*", "pytorch_adapter.bin")

#: The names that transformers' distributed checkpoints have; they go before ``model.safetensors``.
_DISTRIBUTED = re.compile(r"shard-[0-9]{5}-model-[0-9]{5}-of-[0-9]{5}\.safetensors")

#: Keys of config.json that are not handled: what they do, and what to do about them.
_CONFIG = {
    "transformers_weights": (
        "Weights by another name are not handled.",
        "Name them model.safetensors (or model.safetensors.index.json for an index) and take the key out.",
    ),
    "configuration_files": (
        "A configuration that changes with the version of transformers is not handled.",
        "Keep the file that fits your version as config.json, and take the key out.",
    ),
}


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object. Raises :class:`BenchError` where the file holds none."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise BenchError(f"'{path}' is not JSON: {error}.") from error
    if not isinstance(found, dict):
        raise BenchError(f"'{path}' is not a JSON object.")
    return found


def refuse_adapter(folder: Path) -> None:
    """Raise :class:`BenchError` for an adapter, alone or beside whole weights.

    With the package peft installed transformers would apply it, without it would not.
    """
    found = sorted({path.name for pattern in _ADAPTERS for path in folder.glob(pattern)})
    if not found:
        return
    try:
        base = read_json(folder / "adapter_config.json").get("base_model_name_or_path")
    except BenchError:
        base = None
    of = f" of the base model '{base}'" if base else ""
    raise BenchError(
        f"'{folder}' holds an adapter{of} ({', '.join(found)}), and adapters are not applied.\n"
        f"{merging(str(base or 'BASE'), str(folder))}\n"
        "Or, for the base model alone, give a folder without the adapter's files."
    )


def merging(base: str, adapter: str) -> str:
    """How an adapter becomes a model that can be run."""
    return (
        "Merge it into its base model with peft, and give model.path=MERGED:\n"
        f"  model = AutoModelForMaskedLM.from_pretrained({base!r})  # or AutoModelForCausalLM\n"
        f"  PeftModel.from_pretrained(model, {adapter!r}).merge_and_unload().save_pretrained('MERGED')\n"
        f"  AutoTokenizer.from_pretrained({base!r}).save_pretrained('MERGED')"
    )


def refuse_unhandled(folder: Path, config: Mapping[str, Any]) -> None:
    """Raise :class:`BenchError` for what the folder's ``config.json`` or its files' names ask for and nothing runs."""
    for key, (what, way_out) in _CONFIG.items():
        if config.get(key) is not None:
            raise BenchError(f"'{folder / 'config.json'}' has the key {key}. {what}\n{way_out}")
    stored_quantisation(config, str(folder / "config.json"))
    for key in ("attn_implementation", "_attn_implementation"):
        if config.get(key) not in (None, "eager", "sdpa"):
            raise BenchError(
                f"'{folder / 'config.json'}' asks for {key}={config[key]!r}, which only some machines have.\n"
                "Give a copy of the folder without the key, or with 'eager' or 'sdpa'."
            )
    distributed = sorted(path.name for path in folder.iterdir() if _DISTRIBUTED.match(path.name))
    if distributed:
        raise BenchError(
            f"'{folder}' holds a distributed checkpoint ({distributed[0]}), which is not handled.\n"
            "Save the model again with model.save_pretrained(DIR), which writes model.safetensors."
        )
    tokenizer = folder / "tokenizer_config.json"
    if tokenizer.is_file() and read_json(tokenizer).get("fast_tokenizer_files"):
        raise BenchError(
            f"'{tokenizer}' has the key fast_tokenizer_files. A tokenizer that changes with the version of "
            "transformers is not handled.\n"
            "Keep the file that fits your version as tokenizer.json, and take the key out."
        )
