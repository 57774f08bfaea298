"""Tiny encoder-decoders of T5's family, with a tokenizer that has sentinels, and what Hugging Face's own model says."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, normalizers, pre_tokenizers
from tokenizers import models as tokenizer_models

from tests.support import models, toy

_SIZES: dict[str, Any] = {
    "d_model": 32, "d_kv": 12, "d_ff": 64, "num_layers": 4, "num_decoder_layers": 3, "num_heads": 3,
    "relative_attention_num_buckets": 8, "relative_attention_max_distance": 6, "decoder_start_token_id": 0,
}  # fmt: skip

#: The configuration's class, and what sets the family apart: T5 1.0 scales the decoder's states and has a ReLU, 1.1 has
#: gates and no scale, mT5 never scales, umT5 does and has relative positions in every block.
SEQ2SEQ: dict[str, tuple[str, Mapping[str, Any]]] = {
    "t5": ("T5Config", {"feed_forward_proj": "relu"}),
    "t5-1.1": ("T5Config", {"feed_forward_proj": "gated-gelu", "tie_word_embeddings": False}),
    "mt5": ("MT5Config", {}),
    "umt5": ("UMT5Config", {}),
}


def build_seq2seq(
    folder: Path, family: str, texts: Sequence[str] | None = None, spread: float = 0.25, **changes: Any
) -> Path:
    """Save a tiny random model and its tokenizer; ``changes`` of its configuration."""
    tokenizer = sentinel_tokenizer(toy.all_texts() if texts is None else texts)
    name, sizes = SEQ2SEQ[family]
    config = getattr(transformers, name)(**{"vocab_size": len(tokenizer), **_SIZES, **sizes, **changes})
    torch.manual_seed(0)
    model = transformers.AutoModelForSeq2SeqLM.from_config(config).eval()
    models.randomise(model, spread)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def sentinel_tokenizer(texts: Sequence[str], vocab: int = 260, sentinels: int = 4) -> Any:
    """T5's own kind of tokenizer, over the pieces of ``texts``."""
    plain = Tokenizer(tokenizer_models.Unigram())
    plain.normalizer = normalizers.NFKC()
    plain.pre_tokenizer = pre_tokenizers.Metaspace()
    pieces = models.frequent_pieces(plain, texts, "")[: vocab - 3 - sentinels]
    total = sum(count for _, count in pieces)
    scored = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    scored += [(piece, math.log((count or 1) / total)) for piece, count in pieces]
    scored += [(f"<extra_id_{number}>", 0.0) for number in reversed(range(sentinels))]
    return transformers.T5Tokenizer(vocab=scored, extra_ids=sentinels)
