"""The abstract adapter: a language model as an embedding, blocks 1..L and a head, each called by itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from lrp2_bench.models.half import product_type

Family = Literal["masked", "causal"]


@dataclass(frozen=True)
class TokenBatch:
    """Right-padded token ids, which of them are tokens rather than padding, and each one's place in its sentence.

    ``visible`` says which tokens a token may look at where that is not simply its sentence: in a packed tree, a token
    sees its own path. None: every token of the row (encoders), or those before it and itself (decoders).
    """

    ids: Int[Tensor, "row token"]
    keep: Bool[Tensor, "row token"]
    positions: Int[Tensor, "row token"]
    visible: Bool[Tensor, "row query key"] | None = None


@dataclass(frozen=True)
class BlockContext:
    """What every block of a batch needs beside the hidden states; built once per batch by the adapter.

    ``mask`` is added to attention scores, ``[row, 1, query or 1, key]``: 0 where a query may look, the type's lowest
    finite number elsewhere (minus infinity would turn a fully masked row into NaN). ``alibi`` is BLOOM's position
    bias ``[row, head, 1, key]``, None elsewhere.
    """

    mask: Float[Tensor, "row 1 query key"]
    alibi: Float[Tensor, "row head 1 key"] | None = None

    def select(self, rows: Int[Tensor, " selected"], tokens: int) -> BlockContext:
        """The context of some rows, repeats allowed, cut to their first ``tokens`` tokens."""
        mask = self.mask[rows][..., :tokens, :tokens]
        return BlockContext(mask, self.alibi[rows][..., :tokens] if self.alibi is not None else None)


@dataclass(frozen=True)
class Vocabulary:
    """The head's last linear map: a row and a bias per token (bias None: zero)."""

    weight: Float[Tensor, "vocab hidden"]
    bias: Float[Tensor, " vocab"] | None


class LayeredModel(ABC):
    """One architecture, block by block, equal to Hugging Face's own forward.

    Blocks are numbered 1..``blocks``; ``block(k, ...)`` maps layer k-1's hidden states to layer k's, before any final
    norm. ``readout`` and ``vocabulary`` make up the head.
    """

    family: ClassVar[Family]

    def __init__(self, model: Any, tokenizer: Any) -> None:
        self.model = model.eval()
        self.tokenizer = tokenizer
        self.blocks: int = model.config.num_hidden_layers
        self.hidden_size: int = model.config.hidden_size
        self.vocab_size: int = model.config.vocab_size
        # A tokenizer larger than the embedding would index past its end, deep inside a batch.
        if len(tokenizer) > self.vocab_size:
            raise ValueError(f"The tokenizer has {len(tokenizer)} tokens, the model only {self.vocab_size}.")

    @property
    def device(self) -> torch.device:
        device: torch.device = self.model.device
        return device

    @property
    def dtype(self) -> torch.dtype:
        dtype: torch.dtype = self.model.dtype
        return dtype

    @property
    def precision(self) -> str:
        """The type in which the blocks multiply: states and the head are in :attr:`dtype` all the same."""
        return str(product_type(self.model)).removeprefix("torch.")

    @property
    @abstractmethod
    def max_tokens(self) -> int | None:
        """The longest sequence the model has positions for, special tokens included; None without a limit."""

    @abstractmethod
    def context(self, batch: TokenBatch) -> BlockContext:
        """Masks and position biases of a batch."""

    @abstractmethod
    def embed(self, batch: TokenBatch) -> Float[Tensor, "row token hidden"]:
        """Layer 0: the embedding output."""

    @abstractmethod
    def block(
        self, k: int, hidden: Float[Tensor, "row token hidden"], context: BlockContext
    ) -> Float[Tensor, "row token hidden"]:
        """Run block ``k`` (1..L) on every token."""

    @abstractmethod
    def block_at(
        self,
        k: int,
        hidden: Float[Tensor, "row token hidden"],
        context: BlockContext,
        positions: Int[Tensor, "row scored"],
    ) -> Float[Tensor, "row scored hidden"]:
        """Block ``k``'s output at ``positions`` alone: every token is looked at, only those are computed."""

    @abstractmethod
    def readout(self, hidden: Float[Tensor, "*any hidden"]) -> Float[Tensor, "*any hidden"]:
        """Everything between layer L's hidden states and the head's last linear map, final norm included."""

    @property
    @abstractmethod
    def vocabulary(self) -> Vocabulary:
        """The head's last linear map."""

    def logits(self, hidden: Float[Tensor, "*any hidden"]) -> Float[Tensor, "*any vocab"]:
        """The head over layer L's hidden states."""
        return torch.nn.functional.linear(self.readout(hidden), self.vocabulary.weight, self.vocabulary.bias)

    def batch(self, sequences: Sequence[Sequence[int]]) -> TokenBatch:
        """Right-padded on the model's device."""
        width = max(len(sequence) for sequence in sequences)
        pad = self.tokenizer.pad_token_id or 0
        ids = torch.full((len(sequences), width), pad, dtype=torch.long)
        keep = torch.zeros((len(sequences), width), dtype=torch.bool)
        for row, sequence in enumerate(sequences):
            ids[row, : len(sequence)] = torch.tensor(sequence, dtype=torch.long)
            keep[row, : len(sequence)] = True
        positions = torch.arange(width).expand_as(ids)
        return TokenBatch(ids.to(self.device), keep.to(self.device), positions.to(self.device))

    def additive(self, visible: Bool[Tensor, "row query key"]) -> Float[Tensor, "row 1 query key"]:
        """The one place where a boolean mask becomes an additive one (eager attention adds booleans without a word)."""
        mask = torch.zeros(visible.shape, dtype=self.dtype, device=visible.device)
        return mask.masked_fill(~visible, torch.finfo(self.dtype).min).unsqueeze(1)


def take(
    hidden: Float[Tensor, "row token hidden"], positions: Int[Tensor, "row scored"]
) -> Float[Tensor, "row scored hidden"]:
    """The hidden states at ``positions``."""
    return hidden.gather(1, positions.unsqueeze(-1).expand(-1, -1, hidden.shape[-1]))
