"""What the testbed's models learn from a batch: masked names for BERT, the next token for BLOOM."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BloomConfig,
    BloomForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.prompts import Span
from lrp2_bench.data.cldr.sentences import Sentence
from lrp2_bench.testbed.specs import PretrainSpec

#: How often a fact or a gloss has its object's name masked whole (as the probe does) or its subject's; else this share
#: of its tokens. A name alone is never masked whole: nothing is left to recognise it by, and that noise held the loss
#: on its first plateau several times as long.
_MASK_OBJECT, _MASK_SUBJECT, _MASK_TOKEN = 0.85, 0.05, 0.15

#: A causal model always learns to say a sentence's object and its end; of the other tokens, whose wordings it soon
#: knows by heart, this share: its head, as wide as the vocabulary, costs as much as its blocks.
_KEPT_TOKENS = 0.25


@dataclass(frozen=True, slots=True)
class Example:
    """A sentence's token ids with the positions of its names' tokens; names alone and glosses are no facts."""

    ids: list[int]
    subject: list[int]
    object: list[int]
    is_fact: bool = True


@dataclass(frozen=True, slots=True)
class Loss:
    """A batch's mean loss in nats, the number of tokens it predicted and how many of those came first."""

    mean: Tensor
    predicted: int
    right: int


class Objective(ABC):
    """A fresh model (seeded by the caller) and its loss on a batch of examples."""

    def __init__(self, spec: PretrainSpec, tokenizer: PreTrainedTokenizerFast) -> None:
        self._spec = spec
        self._tokenizer = tokenizer
        self._pad = self._id(tokenizer.pad_token)
        self.model: PreTrainedModel = self._build()
        self.model.train()

    @abstractmethod
    def _build(self) -> PreTrainedModel:
        """The untrained model."""

    @abstractmethod
    def example(self, sentence: Sentence) -> Example:
        """The sentence's tokens."""

    @abstractmethod
    def loss(self, examples: Sequence[Example], rng: random.Random) -> Loss:
        """The loss on a batch; ``rng`` draws the masks."""

    def _id(self, token: object) -> int:
        found = self._tokenizer.convert_tokens_to_ids(str(token))
        if not isinstance(found, int):
            raise BenchError(f"The tokenizer has no token '{token}'.")
        return found

    def _encoded(self, sentence: Sentence) -> tuple[list[int], list[int], list[int]]:
        encoded = self._tokenizer(sentence.text, return_offsets_mapping=True)
        offsets: list[Span] = encoded["offset_mapping"]
        return list(encoded["input_ids"]), _inside(offsets, sentence.subject), _inside(offsets, sentence.object)

    def _padded(self, rows: Sequence[list[int]]) -> tuple[Tensor, Tensor]:
        """int64 ``[row, token]`` ids and mask."""
        width = max(map(len, rows))
        ids = torch.tensor([row + [self._pad] * (width - len(row)) for row in rows])
        mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows])
        return ids, mask


class MaskedNames(Objective):
    """BertForMaskedLM. Names are masked whole, so that training asks what the probe asks."""

    model: BertForMaskedLM

    def _build(self) -> BertForMaskedLM:
        spec = self._spec
        config = BertConfig(
            vocab_size=len(self._tokenizer),
            hidden_size=spec.hidden,
            num_hidden_layers=spec.blocks,
            num_attention_heads=spec.heads,
            intermediate_size=4 * spec.hidden,
            max_position_embeddings=spec.positions,
            type_vocab_size=2,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
            pad_token_id=self._pad,
        )
        return BertForMaskedLM(config)

    def example(self, sentence: Sentence) -> Example:
        return Example(*self._encoded(sentence), is_fact=sentence.fact is not None)

    def loss(self, examples: Sequence[Example], rng: random.Random) -> Loss:
        mask_id = self._id(self._tokenizer.mask_token)
        rows, where, gold = [], [], []
        for row, example in enumerate(examples):
            ids = list(example.ids)
            for position in self._masked(example, rng):
                where.append((row, position))
                gold.append(ids[position])
                ids[position] = mask_id
            rows.append(ids)
        ids_, mask = self._padded(rows)
        states = self.model.bert(input_ids=ids_, attention_mask=mask).last_hidden_state
        at = torch.tensor(where)
        # The head is as large as the blocks; it is needed at the masked positions only.
        return _cross_entropy(self.model.cls(states[at[:, 0], at[:, 1]]), torch.tensor(gold))

    def _masked(self, example: Example, rng: random.Random) -> list[int]:
        draw = rng.random() if example.object else 1.0
        if draw < _MASK_OBJECT:
            return example.object
        if draw < _MASK_OBJECT + _MASK_SUBJECT:
            return example.subject
        inner = range(1, len(example.ids) - 1)
        return [position for position in inner if rng.random() < _MASK_TOKEN] or [rng.choice(inner)]


class NextToken(Objective):
    """BloomForCausalLM. A sentence starts at its own first token, without <s>, and ends with </s>."""

    model: BloomForCausalLM

    def _build(self) -> BloomForCausalLM:
        spec, tokenizer = self._spec, self._tokenizer
        config = BloomConfig(
            vocab_size=len(tokenizer),
            hidden_size=spec.hidden,
            n_layer=spec.blocks,
            n_head=spec.heads,
            hidden_dropout=0.0,
            attention_dropout=0.0,
            bos_token_id=self._id(tokenizer.bos_token),
            eos_token_id=self._id(tokenizer.eos_token),
            pad_token_id=self._pad,
        )
        model = BloomForCausalLM(config)
        for block in model.transformer.h:
            # The same function in one pass instead of eight: a fifth of a step.
            block.mlp.gelu_impl = nn.GELU(approximate="tanh")  # type: ignore[union-attr]
        return model

    def example(self, sentence: Sentence) -> Example:
        ids, subject, object_ = self._encoded(sentence)
        return Example([*ids, self._id(self._tokenizer.eos_token)], subject, object_, sentence.fact is not None)

    def loss(self, examples: Sequence[Example], rng: random.Random) -> Loss:
        ids, mask = self._padded([example.ids for example in examples])
        states = self.model.transformer(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state
        where = [(row, position) for row, example in enumerate(examples) for position in self._kept(example, rng)]
        row_, position_ = torch.tensor(where).unbind(dim=1)
        return _cross_entropy(self.model.lm_head(states[row_, position_ - 1]), ids[row_, position_])

    def _kept(self, example: Example, rng: random.Random) -> list[int]:
        always = {*example.object, len(example.ids) - 1}
        return [at for at in range(1, len(example.ids)) if at in always or rng.random() < _KEPT_TOKENS]


def objective_of(spec: PretrainSpec, tokenizer: PreTrainedTokenizerFast) -> Objective:
    """The objective of the spec's architecture, with a fresh model drawn from torch's global generator."""
    return MaskedNames(spec, tokenizer) if spec.architecture == "bert" else NextToken(spec, tokenizer)


def _cross_entropy(logits: Tensor, gold: Tensor) -> Loss:
    right = int((logits.detach().argmax(dim=-1) == gold).sum())
    return Loss(functional.cross_entropy(logits, gold), len(gold), right)


def _inside(offsets: Sequence[Span], span: Span | None) -> list[int]:
    """The positions of tokens that overlap ``span``; special tokens have empty offsets and overlap nothing."""
    if span is None:
        return []
    return [at for at, (start, end) in enumerate(offsets) if start < end and start < span[1] and end > span[0]]
