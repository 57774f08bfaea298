"""Small random models in the hub's own layout, with tokenizers trained on the texts they will meet."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForMaskedLM,
    BertConfig,
    BertForMaskedLM,
    BloomConfig,
    BloomForCausalLM,
    DistilBertConfig,
    DistilBertForMaskedLM,
    PreTrainedTokenizerFast,
    XLMRobertaConfig,
    XLMRobertaForMaskedLM,
)

from lrp2_bench.models import registry
from lrp2_bench.models.base import Architecture
from lrp2_bench.models.layered import Family

#: Every architecture with a fast adapter, those of installed packages too, and a tokenizer that leaves masks spaced.
ARCHITECTURES = ("xlm-roberta-spaced-masks", *registry.ARCHITECTURES.names())


def family_of(architecture: str) -> Family:
    return _record(architecture).family()


def _record(architecture: str) -> type[Architecture]:
    return registry.ARCHITECTURES.get(architecture.removesuffix("-spaced-masks"))


def small_config(architecture: str, **sizes: Any) -> Any:
    """A configuration by an architecture's record: ``sizes`` replace or add to those that most call alike."""
    usual = {"hidden_size": 32, "num_hidden_layers": 4, "num_attention_heads": 4, "intermediate_size": 128,
             "max_position_embeddings": 64}  # fmt: skip
    record = _record(architecture)
    return AutoConfig.for_model(record.name, **{**usual, **sizes, **record.small})


def build_model(
    folder: Path,
    architecture: str,
    texts: Sequence[str],
    *,
    blocks: int = 4,
    hidden: int = 32,
    heads: int = 4,
    vocab: int = 400,
    model_vocab: int | None = None,
    positions: int = 64,
    seed: int = 0,
    spread: float = 0.25,
) -> Path:
    """Save a random model of ``architecture`` and its tokenizer; ``spread`` is the weights' standard deviation,
    far above a usual initialisation so that hits vary between facts and layer pairs."""
    tokenizer = tokenizer_of(architecture, texts, vocab)
    torch.manual_seed(seed)
    sizes: dict[str, Any] = {"vocab_size": model_vocab or len(tokenizer), "pad_token_id": tokenizer.pad_token_id}
    if architecture == "bert":
        config = BertConfig(
            hidden_size=hidden, num_hidden_layers=blocks, num_attention_heads=heads, intermediate_size=4 * hidden,
            max_position_embeddings=positions, **sizes,
        )  # fmt: skip
        model: Any = BertForMaskedLM(config)
    elif architecture.startswith("xlm-roberta"):
        config = XLMRobertaConfig(
            hidden_size=hidden, num_hidden_layers=blocks, num_attention_heads=heads, intermediate_size=4 * hidden,
            max_position_embeddings=positions + tokenizer.pad_token_id + 1, type_vocab_size=1, **sizes,
        )  # fmt: skip
        model = XLMRobertaForMaskedLM(config)
    elif architecture == "distilbert":
        config = DistilBertConfig(
            dim=hidden,
            n_layers=blocks,
            n_heads=heads,
            hidden_dim=4 * hidden,
            max_position_embeddings=positions,
            **sizes,
        )
        model = DistilBertForMaskedLM(config)
    elif architecture == "bloom":
        config = BloomConfig(hidden_size=hidden, n_layer=blocks, n_head=heads, **sizes)
        model = BloomForCausalLM(config)
    else:
        config = small_config(
            architecture, hidden_size=hidden, num_hidden_layers=blocks, num_attention_heads=heads,
            intermediate_size=4 * hidden, max_position_embeddings=positions, **sizes,
        )  # fmt: skip
        kind = AutoModelForMaskedLM if family_of(architecture) == "masked" else AutoModelForCausalLM
        model = kind.from_config(config)
    randomise(model, spread)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def tokenizer_of(architecture: str, texts: Sequence[str], vocab: int = 400) -> PreTrainedTokenizerFast:
    """The tokenizer that :func:`build_model` trains for ``architecture``."""
    usual = "xlm-roberta" if family_of(architecture) == "masked" else "bloom"
    tokenizer: PreTrainedTokenizerFast = _TOKENIZERS.get(architecture, _TOKENIZERS[usual])(texts, vocab)
    return tokenizer


def randomise(model: torch.nn.Module, spread: float) -> None:
    """Draw every matrix with standard deviation ``spread``, and every bias."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() > 1:
                parameter.normal_(std=spread)
            elif name.endswith("bias"):
                parameter.normal_(std=0.1)


def frequent_pieces(tokenizer: Tokenizer, texts: Sequence[str], inner: str) -> list[tuple[str, int]]:
    """Every character, then words and their three-letter parts, the frequent first; ``inner`` marks a word's inside.

    The library's own trainers for WordPiece and Unigram break ties differently in every process.
    """
    words: Counter[str] = Counter()
    for text in texts:
        normal = tokenizer.normalizer.normalize_str(text)
        words.update(word for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(normal))
    letters: Counter[str] = Counter()
    pieces: Counter[str] = Counter()
    for word, count in words.items():
        for place, letter in enumerate(word):
            letters[letter] += count if place == 0 else 0
            letters[inner + letter] += count if place else 0
        pieces[word] += count
        for start in range(0, len(word), 3):
            pieces[(inner if start else "") + word[start : start + 3]] += count
    by_frequency = sorted(pieces.items(), key=lambda item: (-item[1], item[0]))
    return sorted(letters.items()) + [(piece, count) for piece, count in by_frequency if piece not in letters]


def _wordpiece(texts: Sequence[str], vocab: int) -> PreTrainedTokenizerFast:
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=False, strip_accents=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    pieces = [*special, *(piece for piece, _ in frequent_pieces(tokenizer, texts, "##"))][:vocab]
    tokenizer.model = models.WordPiece({piece: number for number, piece in enumerate(pieces)}, unk_token="[UNK]")
    tokenizer.add_special_tokens(special)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.decoder = decoders.WordPiece()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]",
        mask_token="[MASK]",
    )  # fmt: skip


def _unigram(texts: Sequence[str], vocab: int, greedy_mask: bool = True) -> PreTrainedTokenizerFast:
    # As XLM-R's own: the mask takes the space before it, so that masks in a row are neighbours.
    mask = AddedToken("<mask>", lstrip=True, special=True)
    special = ["<s>", "<pad>", "</s>", "<unk>", *([mask] if greedy_mask else ["<mask>"])]
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    pieces = frequent_pieces(tokenizer, texts, "")[: vocab - len(special)]
    total = sum(count for _, count in pieces)
    scores = [(str(name), 0.0) for name in special] + [
        (piece, math.log((count or 1) / total)) for piece, count in pieces
    ]
    tokenizer.model = models.Unigram(scores, unk_id=3)
    tokenizer.add_special_tokens(special)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    tokenizer.decoder = decoders.Metaspace()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", pad_token="<pad>", eos_token="</s>", unk_token="<unk>",
        mask_token=mask if greedy_mask else "<mask>",
    )  # fmt: skip


def _byte_level(texts: Sequence[str], vocab: int) -> PreTrainedTokenizerFast:
    special = ["<unk>", "<s>", "</s>", "<pad>"]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=vocab, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
        ),
    )
    tokenizer.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="<unk>", bos_token="<s>", eos_token="</s>", pad_token="<pad>"
    )


_TOKENIZERS = {
    "bert": _wordpiece,
    "xlm-roberta": _unigram,
    "xlm-roberta-spaced-masks": partial(_unigram, greedy_mask=False),
    "distilbert": _wordpiece,
    "bloom": _byte_level,
}
