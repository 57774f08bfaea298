"""The testbed's tokenizers, trained on the pretraining text: WordPiece as in mBERT, byte-level BPE as in BLOOM."""

from __future__ import annotations

from collections.abc import Iterable

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from lrp2_bench.testbed.specs import PretrainSpec

_BERT_SPECIALS = {"pad": "[PAD]", "unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]"}
_BLOOM_SPECIALS = {"unk": "<unk>", "bos": "<s>", "eos": "</s>", "pad": "<pad>"}


def train_tokenizer(spec: PretrainSpec, texts: Iterable[str]) -> PreTrainedTokenizerFast:
    """A tokenizer of ``spec.vocabulary`` entries at most; the same texts in the same order give the same one."""
    if spec.architecture == "bert":
        return _wordpiece(spec, texts)
    return _byte_bpe(spec, texts)


def _wordpiece(spec: PretrainSpec, texts: Iterable[str]) -> PreTrainedTokenizerFast:
    texts = list(texts)
    tokenizer = _bare_wordpiece(models.WordPiece(unk_token=_BERT_SPECIALS["unk"]))
    # The trainer numbers "##x" in the random order of a hash map, and breaks ties by number: two trainings would
    # differ. Numbered beforehand, as if they were special tokens, they do not.
    characters, inner = _characters(tokenizer, texts)
    trainer = trainers.WordPieceTrainer(
        vocab_size=spec.vocabulary,
        min_frequency=2,
        special_tokens=[*_BERT_SPECIALS.values(), *characters, *(f"##{character}" for character in inner)],
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    trained = _bare_wordpiece(models.WordPiece(vocab=tokenizer.get_vocab(), unk_token=_BERT_SPECIALS["unk"]))
    cls, sep = _BERT_SPECIALS["cls"], _BERT_SPECIALS["sep"]
    trained.post_processor = processors.TemplateProcessing(
        single=f"{cls} $A {sep}",
        pair=f"{cls} $A {sep} $B {sep}",
        special_tokens=[(token, trained.token_to_id(token)) for token in (cls, sep)],
    )
    return _wrapped(trained, _BERT_SPECIALS, spec)


def _bare_wordpiece(model: models.WordPiece) -> Tokenizer:
    tokenizer = Tokenizer(model)
    # Accents and case stay, as in bert-base-multilingual-cased: Hindi and Korean lose letters without them.
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=False, strip_accents=False, handle_chinese_chars=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    return tokenizer


def _characters(tokenizer: Tokenizer, texts: Iterable[str]) -> tuple[list[str], list[str]]:
    """The characters that start a word and those inside one, sorted."""
    first: set[str] = set()
    inner: set[str] = set()
    for text in texts:
        for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(tokenizer.normalizer.normalize_str(text)):
            first.add(word[0])
            inner.update(word[1:])
    return sorted(first), sorted(inner)


def _byte_bpe(spec: PretrainSpec, texts: Iterable[str]) -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=spec.vocabulary,
        min_frequency=2,
        special_tokens=list(_BLOOM_SPECIALS.values()),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    # No post-processor: like BLOOM's own, the tokenizer adds neither <s> nor </s>.
    return _wrapped(tokenizer, _BLOOM_SPECIALS, spec)


def _wrapped(tokenizer: Tokenizer, specials: dict[str, str], spec: PretrainSpec) -> PreTrainedTokenizerFast:
    named = {f"{name}_token": token for name, token in specials.items()}
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, model_max_length=spec.positions, clean_up_tokenization_spaces=False, **named
    )
