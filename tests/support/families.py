"""Every family of models that the generic adapter is tried on, as a tiny configuration of transformers.

Sizes are chosen so that what sets a family apart is felt by a sentence of ten tokens: windows of four, soft caps of a
few units, heads that share keys, scales that are no powers of two.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from unittest.mock import patch

import torch
import transformers

from lrp2_bench.models import loading
from lrp2_bench.models.generic.adapter import GenericModel
from lrp2_bench.models.registry import ARCHITECTURES
from tests.support import models, toy
from tests.support.loading import load_as

#: Tokens a window spans.
WINDOW = 4

_POSITIONS = 64
_ENCODER: dict[str, Any] = {
    "hidden_size": 32, "num_hidden_layers": 4, "num_attention_heads": 4, "intermediate_size": 64,
    "max_position_embeddings": _POSITIONS,
}  # fmt: skip
_DECODER = {**_ENCODER, "num_key_value_heads": 2, "head_dim": 8}
_GPT2: dict[str, Any] = {"n_embd": 32, "n_layer": 4, "n_head": 4, "n_positions": _POSITIONS}
_MIXED = ["sliding_attention", "full_attention"] * 2
_LINEAR = ["linear_attention", "full_attention"] * 2


@dataclass(frozen=True)
class ModelFamily:
    """``config`` is the name of a configuration class, ``sizes`` its arguments; ``blocks`` the path of the blocks in
    the Hugging Face model, told apart from how the adapter finds them. ``packs``: whether a tree can run as one row."""

    config: str
    blocks: str
    sizes: Mapping[str, Any]
    family: Literal["causal", "masked"] = "causal"
    packs: bool = True


def _decoder(config: str, blocks: str = "model.layers", *, packs: bool = True, **sizes: Any) -> ModelFamily:
    return ModelFamily(config, blocks, {**_DECODER, **sizes}, packs=packs)


def _experts(config: str, **sizes: Any) -> ModelFamily:
    return _decoder(config, **{"num_local_experts": 4, "num_experts": 4, "num_experts_per_tok": 2, **sizes})


def _encoder(config: str, blocks: str, **sizes: Any) -> ModelFamily:
    return ModelFamily(config, blocks, {**_ENCODER, **sizes}, "masked")


_QWEN3_5: dict[str, Any] = {
    **_DECODER, "layer_types": _LINEAR, "linear_num_key_heads": 2, "linear_num_value_heads": 4,
    "linear_key_head_dim": 8, "linear_value_head_dim": 8, "linear_conv_kernel_dim": 4,
}  # fmt: skip
_VISION = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 4, "num_attention_heads": 2,
           "image_size": 16, "patch_size": 8}  # fmt: skip
_GEMMA3 = {**_DECODER, "sliding_window": WINDOW, "layer_types": _MIXED, "query_pre_attn_scalar": 8}
_ROBERTA = {"max_position_embeddings": _POSITIONS + 2, "type_vocab_size": 1}

FAMILIES: dict[str, ModelFamily] = {
    "llama": _decoder("LlamaConfig"),
    "llama-scaled-rope": _decoder(
        "LlamaConfig",
        rope_parameters={
            "rope_type": "llama3", "rope_theta": 10000.0, "factor": 8.0, "low_freq_factor": 1.0,
            "high_freq_factor": 4.0, "original_max_position_embeddings": 16,
        },
    ),
    "mistral": _decoder("MistralConfig", sliding_window=WINDOW),
    "ministral3": _decoder("Ministral3Config"),
    "qwen2": _decoder("Qwen2Config"),
    "qwen2-window": _decoder("Qwen2Config", use_sliding_window=True, sliding_window=WINDOW, max_window_layers=2),
    "qwen3": _decoder("Qwen3Config"),
    "gemma": _decoder("GemmaConfig"),
    "gemma2": _decoder(
        "Gemma2Config", sliding_window=WINDOW, query_pre_attn_scalar=8, final_logit_softcapping=3.0,
        attn_logit_softcapping=5.0,
    ),
    "gemma3": ModelFamily("Gemma3TextConfig", "model.layers", _GEMMA3),
    "gemma3-multimodal": ModelFamily(
        "Gemma3Config", "model.language_model.layers", {"text_config": _GEMMA3, "vision_config": _VISION}
    ),
    "gemma4": _decoder(
        "Gemma4TextConfig", sliding_window=WINDOW, layer_types=_MIXED, final_logit_softcapping=3.0,
        num_kv_shared_layers=0, hidden_size_per_layer_input=8, global_head_dim=8, vocab_size_per_layer_input=400,
    ),
    "phi": _decoder("PhiConfig"),
    "phi3": _decoder("Phi3Config", sliding_window=WINDOW),
    "olmo": _decoder("OlmoConfig"),
    "olmo2": _decoder("Olmo2Config"),
    "olmo3": _decoder("Olmo3Config", sliding_window=WINDOW, layer_types=_MIXED),
    "gpt2": ModelFamily("GPT2Config", "transformer.h", _GPT2),
    "gpt_neox": _decoder("GPTNeoXConfig", "gpt_neox.layers"),
    "gptj": ModelFamily("GPTJConfig", "transformer.h", {**_GPT2, "rotary_dim": 4}),
    "gpt_bigcode": ModelFamily("GPTBigCodeConfig", "transformer.h", _GPT2),
    "gpt_neo": ModelFamily(
        "GPTNeoConfig", "transformer.h",
        {"hidden_size": 32, "num_layers": 4, "num_heads": 4, "attention_types": [[["global", "local"], 2]],
         "window_size": WINDOW, "max_position_embeddings": _POSITIONS}, packs=False,
    ),
    "xglm": ModelFamily(
        "XGLMConfig", "model.layers",
        {"d_model": 32, "ffn_dim": 64, "num_layers": 4, "attention_heads": 4, "max_position_embeddings": _POSITIONS},
    ),
    "opt": ModelFamily(
        "OPTConfig", "model.decoder.layers",
        {"hidden_size": 32, "ffn_dim": 64, "num_hidden_layers": 4, "num_attention_heads": 4, "word_embed_proj_dim": 32,
         "max_position_embeddings": _POSITIONS},
    ),
    "falcon-rotary": ModelFamily(
        "FalconConfig", "transformer.h",
        {"hidden_size": 32, "num_hidden_layers": 4, "num_attention_heads": 4, "alibi": False},
    ),
    "falcon-alibi": ModelFamily(
        "FalconConfig", "transformer.h",
        {"hidden_size": 32, "num_hidden_layers": 4, "num_attention_heads": 4, "alibi": True,
         "new_decoder_architecture": False, "multi_query": False, "parallel_attn": False},
    ),
    "cohere": _decoder("CohereConfig", logit_scale=0.3),
    "cohere2": _decoder("Cohere2Config", logit_scale=0.3, sliding_window=WINDOW, layer_types=_MIXED),
    "bloom": ModelFamily("BloomConfig", "transformer.h", {"hidden_size": 32, "n_layer": 4, "n_head": 4}),
    "bloom-slow": ModelFamily(
        "BloomConfig", "transformer.h", {"hidden_size": 32, "n_layer": 4, "n_head": 4, "slow_but_exact": True}
    ),
    "mixtral": _experts("MixtralConfig", sliding_window=WINDOW),
    "qwen3_moe": _experts("Qwen3MoeConfig", moe_intermediate_size=32),
    "olmoe": _experts("OlmoeConfig"),
    "gpt_oss": _experts("GptOssConfig", sliding_window=WINDOW, layer_types=_MIXED),
    "deepseek_v3": _decoder(
        "DeepseekV3Config", num_key_value_heads=4, n_routed_experts=4, n_group=2, topk_group=1, num_experts_per_tok=2,
        first_k_dense_replace=1, moe_intermediate_size=32, q_lora_rank=16, kv_lora_rank=16, qk_rope_head_dim=8,
        qk_nope_head_dim=8, v_head_dim=8, n_shared_experts=1,
    ),
    "smollm3": _decoder("SmolLM3Config"),
    "apertus": _decoder("ApertusConfig"),
    "hunyuan": _decoder("HunYuanDenseV1Config"),
    "granite": _decoder("GraniteConfig", logits_scaling=3.0, residual_multiplier=0.7, embedding_multiplier=1.7),
    "stablelm": _decoder("StableLmConfig"),
    "glm4": _decoder("Glm4Config"),
    "exaone4": _decoder("Exaone4Config", sliding_window=WINDOW, layer_types=_MIXED),
    "nemotron": _decoder("NemotronConfig"),
    "starcoder2": _decoder("Starcoder2Config", sliding_window=WINDOW),
    "seed_oss": _decoder("SeedOssConfig"),
    "ernie4_5": _decoder("Ernie4_5Config"),
    "helium": _decoder("HeliumConfig"),
    "arcee": _decoder("ArceeConfig"),
    "vaultgemma": _decoder(
        "VaultGemmaConfig", sliding_window=WINDOW, query_pre_attn_scalar=8, final_logit_softcapping=3.0,
        layer_types=_MIXED,
    ),
    "modernbert-decoder": _decoder(
        "ModernBertDecoderConfig", local_attention=2 * WINDOW, sliding_window=WINDOW, layer_types=_MIXED
    ),
    "mpt": ModelFamily(
        "MptConfig", "transformer.blocks", {"d_model": 32, "n_layers": 4, "n_heads": 4, "max_seq_len": 64}, packs=False
    ),
    "minicpm3": _decoder(
        "MiniCPM3Config", num_key_value_heads=4, q_lora_rank=16, kv_lora_rank=16, qk_rope_head_dim=8,
        qk_nope_head_dim=8, v_head_dim=8, scale_emb=3.0, scale_depth=1.4, dim_model_base=8,
    ),
    "llama4": _decoder("Llama4TextConfig", num_local_experts=2, attention_chunk_size=WINDOW, intermediate_size_mlp=64),
    "bert-decoder": ModelFamily("BertConfig", "bert.encoder.layer", {**_ENCODER, "is_decoder": True}),
    "recurrent_gemma": _decoder(
        "RecurrentGemmaConfig", packs=False, lru_width=32, logits_soft_cap=3.0, block_types=["recurrent", "attention"]
    ),
    "jamba": _decoder("JambaConfig", packs=False, num_experts=2, attn_layer_period=2, attn_layer_offset=1),
    "mamba": ModelFamily("MambaConfig", "backbone.layers", {"hidden_size": 32, "num_hidden_layers": 4}, packs=False),
    "lfm2": _decoder(
        "Lfm2Config", packs=False, layer_types=["conv", "full_attention"] * 2, block_multiple_of=8, conv_L_cache=3
    ),
    "qwen3_next": ModelFamily(
        "Qwen3NextConfig", "model.layers",
        {**_QWEN3_5, "num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16,
         "shared_expert_intermediate_size": 16}, packs=False,
    ),
    "qwen3_5": ModelFamily("Qwen3_5TextConfig", "model.layers", _QWEN3_5, packs=False),
    "modernbert": _encoder(
        "ModernBertConfig", "model.layers", local_attention=2 * WINDOW, global_attn_every_n_layers=2
    ),
    "bert": _encoder("BertConfig", "bert.encoder.layer"),
    "roberta": _encoder("RobertaConfig", "roberta.encoder.layer", **_ROBERTA),
    "camembert": _encoder("CamembertConfig", "roberta.encoder.layer", **_ROBERTA),
    "xlm-roberta": _encoder("XLMRobertaConfig", "roberta.encoder.layer", **_ROBERTA),
    "xlm-roberta-xl": _encoder("XLMRobertaXLConfig", "roberta.encoder.layer", **_ROBERTA),
    "rembert": _encoder("RemBertConfig", "rembert.encoder.layer", input_embedding_size=16, output_embedding_size=24),
    "mdeberta": _encoder(
        "DebertaV2Config", "deberta.encoder.layer", relative_attention=True, position_buckets=8,
        pos_att_type=["p2c", "c2p"], norm_rel_ebd="layer_norm", share_att_key=True, position_biased_input=False,
        type_vocab_size=0, max_relative_positions=-1,
    ),
    "albert": _encoder("AlbertConfig", "albert.encoder.albert_layer_groups", embedding_size=16),
    "electra": _encoder("ElectraConfig", "electra.encoder.layer", embedding_size=16),
    "eurobert": _encoder("EuroBertConfig", "model.layers", num_key_value_heads=2, head_dim=8),
    "ernie": _encoder("ErnieConfig", "ernie.encoder.layer"),
    "deberta": _encoder("DebertaConfig", "deberta.encoder.layer", relative_attention=True, pos_att_type=["c2p", "p2c"]),
    "roformer": _encoder("RoFormerConfig", "roformer.encoder.layer"),
    "mpnet": _encoder("MPNetConfig", "mpnet.encoder.layer", max_position_embeddings=_POSITIONS + 2),
    "distilbert": ModelFamily(
        "DistilBertConfig", "distilbert.transformer.layer",
        {"dim": 32, "n_layers": 4, "n_heads": 4, "hidden_dim": 64, "max_position_embeddings": _POSITIONS}, "masked",
    ),
}  # fmt: skip


#: Those of architectures with a fast adapter that are not above, by their records.
REGISTERED: dict[str, ModelFamily] = {
    name: ModelFamily(
        type(config := models.small_config(name)).__name__, record.blocks, config.to_diff_dict(), record.family()
    )
    for name in ARCHITECTURES.names()
    if name not in FAMILIES and (record := ARCHITECTURES.get(name))
}

EVERY = {**FAMILIES, **REGISTERED}


def blocks_of(model: Any) -> Any:
    """The list of a Hugging Face model's blocks, by its configuration's class."""
    paths = {family.config: family.blocks for family in EVERY.values()}
    paths |= dict.fromkeys(("T5Config", "MT5Config", "UMT5Config"), "encoder.block")
    return model.get_submodule(paths[type(model.config).__name__])


def build_family(folder: Path, name: str, tokenizer: str | None = None, **changes: Any) -> Path:
    """Save a tiny random model of a family and its tokenizer; ``changes`` of its configuration.

    ``tokenizer`` names the architecture of another kind of tokenizer than the family's.
    """
    family = EVERY[name]
    kind = tokenizer or ("xlm-roberta" if family.family == "masked" else "bloom")
    trained = models.tokenizer_of(kind, toy.all_texts())
    ids = {"vocab_size": len(trained), "pad_token_id": trained.pad_token_id,
           "bos_token_id": trained.bos_token_id, "eos_token_id": trained.eos_token_id}  # fmt: skip
    sizes = {**family.sizes, **changes}
    if "text_config" in sizes:
        sizes["text_config"] = {**ids, **sizes["text_config"]}
        ids = {name: ids[name] for name in ("pad_token_id", "bos_token_id", "eos_token_id")}
    config = getattr(transformers, family.config)(**{**ids, **sizes})
    kinds: dict[str, Callable[..., Any]] = {
        "causal": transformers.AutoModelForCausalLM.from_config,
        "masked": transformers.AutoModelForMaskedLM.from_config,
    }
    torch.manual_seed(0)
    model = kinds[family.family](config).eval()
    models.randomise(model, 0.25)
    model.save_pretrained(folder)
    trained.save_pretrained(folder)
    return folder


def load_generic(folder: Path, **settings: Any) -> GenericModel:
    """The generic adapter of a model, also where its architecture has a fast path."""
    with patch.object(loading, "fast_adapter", lambda config, family: None):
        model = load_as(folder, **settings)
    assert isinstance(model, GenericModel)
    return model
