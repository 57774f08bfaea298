"""Architectures that cannot be run, by config.json alone: why, and what to do instead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lrp2_bench.core.errors import BenchError

#: Hugging Face's ``model_type`` -> (why it is not run, what to do).
_REFUSED = {
    "canine": (
        "CANINE reads characters and has no language-modelling head that could name an object",
        "Choose an encoder with a masked language-modelling head, such as FacebookAI/xlm-roberta-base.",
    ),
    "xmod": (
        "X-MOD runs each sentence through an adapter of its language, so a pivot's vectors are not of the same model",
        "Choose FacebookAI/xlm-roberta-base, on which X-MOD is built.",
    ),
    "gemma3n": (
        "Gemma 3n's blocks pass on four versions of the hidden states, and language vectors are of one",
        "Choose google/gemma-3-1b-pt (accept its terms first).",
    ),
    "xlm": (
        "XLM's forward has no modules that are blocks, and each sentence needs a language's embedding",
        "Choose FacebookAI/xlm-roberta-base.",
    ),
}
_REFUSED["gemma3n_text"] = _REFUSED["gemma3n"]

#: The encoder-decoders that run (lrp2_bench/models/seq2seq), by their ``model_type``.
SEQ2SEQ = ("t5", "mt5", "umt5")

_OTHER_ENCODER_DECODERS = (
    "of the encoder-decoder models only T5's family (T5, mT5, umT5) is run, whose queries have a sentinel, "
    "<extra_id_0>, in the object's place and whose decoder writes what belongs there; others are asked in other ways",
    "Choose an encoder-decoder of T5's family such as google/mt5-small, an encoder such as "
    "FacebookAI/xlm-roberta-base, or a decoder such as bigscience/bloom-560m.",
)

#: Classes of checkpoints whose head was trained to detect replaced tokens, not to name them.
_DISCRIMINATORS = {"ElectraForPreTraining": "its generator, such as google/electra-base-generator"}


def refuse_unsupported(config: Mapping[str, Any], where: str) -> None:
    """Raise :class:`BenchError` for a ``config.json`` of a model known not to run; ``where`` it was found."""
    kind = str(config.get("model_type"))
    text = config.get("text_config")
    sizes: Mapping[str, Any] = text if isinstance(text, Mapping) else config
    found: tuple[str, str] | None = None
    if kind in _REFUSED:
        found = _REFUSED[kind]
    elif kind.startswith("gemma4") and sizes.get("num_kv_shared_layers"):
        found = (
            "this Gemma 4's last blocks read the keys and values of earlier ones (num_kv_shared_layers), so a block "
            "cannot be run by itself",
            "Choose a Gemma 4 without shared keys and values, or google/gemma-3-1b-pt (accept its terms first).",
        )
    elif _is_another_encoder_decoder(kind, config):
        found = _OTHER_ENCODER_DECODERS
    for name in config.get("architectures") or ():
        if name in _DISCRIMINATORS:
            found = (
                f"{name} separates replaced tokens from true ones and has no language-modelling head",
                f"Choose {_DISCRIMINATORS[name]}.",
            )
    if found:
        raise BenchError(f"Cannot run '{where}' (model_type {kind}): {found[0]}.\n{found[1]}")


def headless_hint(config: Mapping[str, Any]) -> str:
    """What to add for a checkpoint whose head is missing, where the hub's are known to have none."""
    if config.get("model_type") != "deberta-v2":
        return ""
    return "\nThe hub's DeBERTa v3 and mDeBERTa v3 are discriminators without one; choose FacebookAI/xlm-roberta-base."


def _is_another_encoder_decoder(kind: str, config: Mapping[str, Any]) -> bool:
    """A config.json need not say that it is one where its architecture is one by default (BART); the decoder of such
    a model by itself says that it is none."""
    from transformers import CONFIG_MAPPING
    from transformers.models.auto import modeling_auto

    if kind in SEQ2SEQ:
        return False
    told = config.get("is_encoder_decoder")
    if told is None and kind in CONFIG_MAPPING:
        told = getattr(CONFIG_MAPPING[kind], "is_encoder_decoder", False)
    others = (modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES, modeling_auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES)
    has_both = kind in modeling_auto.MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES
    return bool(told) or (has_both and not any(kind in names for names in others))
