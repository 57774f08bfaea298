"""Masked, causal or encoder-decoder, by a model's architecture. A tokenizer's mask token says nothing of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.settings import ModelFamily
from lrp2_bench.models.generic.support import SEQ2SEQ, refuse_unsupported
from lrp2_bench.models.layered import Family

_SUPPORTED = (
    "Supported: causal and masked language models of the Hugging Face library whose blocks are in one list, such as "
    "Llama, Qwen, Gemma, Mistral, GPT-2, GPT-NeoX, BLOOM, XGLM, OPT, Falcon, Cohere, BERT, RoBERTa, XLM-R, DistilBERT, "
    "DeBERTa, ModernBERT and EuroBERT; and the encoder-decoders T5, mT5 and umT5."
)


def choose_family(config: Mapping[str, Any], asked: ModelFamily, where: str) -> Family:
    """The family that ``config`` (of config.json) is of; ``asked`` decides where it could be either.

    Raises :class:`BenchError` for an architecture that is not known, or known not to run, and for a family that it has
    no head for. ``where`` the config was found.
    """
    refuse_unsupported(config, where)
    if not config.get("model_type"):
        raise BenchError(f"'{where}' names no model_type, so its architecture is not known.\n{_SUPPORTED}")
    kind = str(config["model_type"])
    possible = families_of(kind)
    if not possible:
        raise BenchError(_unknown(kind, where))
    if asked is not ModelFamily.auto:
        if asked.value not in possible:
            raise BenchError(
                f"model.family={asked.value}, but '{where}' (model_type {kind}) has no {asked.value} "
                f"language-modelling head, only a {possible[0]} one. Leave model.family out."
            )
        return possible[0] if possible[0] == asked.value else possible[1]
    if len(possible) == 1:
        return possible[0]
    named = config.get("architectures")
    classes = [str(name) for name in named] if isinstance(named, list) else []
    causal = any(name.endswith(("ForCausalLM", "LMHeadModel")) for name in classes)
    masked = any(name.endswith(("ForMaskedLM", "ForPreTraining")) for name in classes)
    return "causal" if (causal and not masked) or (config.get("is_decoder") and not masked) else "masked"


def families_of(kind: str) -> tuple[Family, ...]:
    """The heads that the installed Hugging Face library has for a ``model_type``; encoder-decoders' where they run."""
    from transformers.models.auto import modeling_auto

    heads: tuple[tuple[Family, Mapping[str, Any]], ...] = (
        ("masked", modeling_auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES),
        ("causal", modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES),
    )
    found: tuple[Family, ...] = tuple(family for family, names in heads if kind in names)
    return (*found, "seq2seq") if kind in SEQ2SEQ else found


def _unknown(kind: str, where: str) -> str:
    from transformers import CONFIG_MAPPING, __version__

    if kind in CONFIG_MAPPING:
        return (
            f"'{where}' is of an architecture (model_type {kind}) without a causal or masked language-modelling head.\n"
            f"{_SUPPORTED}"
        )
    return (
        f"Unknown architecture (model_type) '{kind}' of '{where}': transformers {__version__} has none of that name, "
        f"and code that comes with a checkpoint is never run.\n{_SUPPORTED}\n"
        "A newer transformers may know it (pip install --upgrade transformers); else choose a checkpoint in the "
        "library's own format."
    )
