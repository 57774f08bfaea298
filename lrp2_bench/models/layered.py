"""The abstract adapter: a language model as an embedding, blocks 1..L and a head, each called by itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, ClassVar, Literal, Protocol

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from lrp2_bench.core.errors import BenchError
from lrp2_bench.models.devices import send
from lrp2_bench.models.half import product_type
from lrp2_bench.models.quantised import packed_as

Family = Literal["masked", "causal", "seq2seq"]


@dataclass(frozen=True)
class TokenBatch:
    """Right-padded token ids, which of them are tokens rather than padding, and each one's place in its sentence.

    ``visible`` says which tokens a token may look at where that is not simply its sentence: in a packed tree, a token
    sees its own path. None: every token of the row (encoders), or those before it and itself (decoders). ``common`` is
    how many tokens a fact's filled sentences begin with in common, before the candidates differ; None: a row is no
    candidate's.
    """

    ids: Int[Tensor, "row token"]
    keep: Bool[Tensor, "row token"]
    positions: Int[Tensor, "row token"]
    visible: Bool[Tensor, "row query key"] | None = None
    common: Int[Tensor, " row"] | None = None

    def to(self, device: torch.device) -> TokenBatch:
        """The same on ``device``."""
        visible = None if self.visible is None else send(self.visible, device)
        common = None if self.common is None else send(self.common, device)
        return TokenBatch(
            send(self.ids, device), send(self.keep, device), send(self.positions, device), visible, common
        )


class Context(Protocol):
    """What blocks need beside the hidden states. Only the adapter that made it looks inside."""

    def select(self, rows: Int[Tensor, " selected"], tokens: int) -> Context:
        """The context of some rows, repeats allowed, cut to their first ``tokens`` tokens."""


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
        mask = self.mask[rows][..., :tokens, :tokens]
        return BlockContext(mask, self.alibi[rows][..., :tokens] if self.alibi is not None else None)


@dataclass(frozen=True)
class Vocabulary:
    """The head's last linear map: a row and a bias per token (bias None: zero).

    ``cap`` bounds what comes out of it: logits are ``cap * tanh(product / cap)`` (Gemma 2); None leaves them alone.
    """

    weight: Float[Tensor, "vocab hidden"]
    bias: Float[Tensor, " vocab"] | None
    cap: float | None = None

    def finish(self, products: Float[Tensor, "*any"]) -> Float[Tensor, "*any"]:
        """From the linear map's products, bias added, to logits."""
        return products if self.cap is None else self.cap * torch.tanh(products / self.cap)


class LayeredModel(ABC):
    """One architecture, block by block, equal to Hugging Face's own forward.

    Blocks are numbered 1..``blocks``; ``block(k, ...)`` maps layer k-1's hidden states to layer k's, before any final
    norm. ``readout`` and ``vocabulary`` make up the head.
    """

    family: ClassVar[Family]

    def __init__(self, model: Any, tokenizer: Any) -> None:
        self.model = model.eval()
        self.tokenizer = tokenizer
        sizes = model.config.get_text_config()  # of the language model within a multimodal one
        self.blocks: int = sizes.num_hidden_layers
        self.hidden_size: int = sizes.hidden_size
        self.vocab_size: int = sizes.vocab_size

    @classmethod
    def runs(cls, config: Mapping[str, Any]) -> bool:
        """Whether this adapter handles the variant of its architecture that ``config`` (of config.json) asks for."""
        return True

    @property
    def device(self) -> torch.device:
        """Where states live: its embeddings'. Blocks may lie elsewhere."""
        device: torch.device = self.model.get_input_embeddings().weight.device
        return device

    @property
    def dtype(self) -> torch.dtype:
        """The type of states: its embeddings'."""
        dtype: torch.dtype = self.model.get_input_embeddings().weight.dtype
        return dtype

    @property
    def packs(self) -> bool:
        """Whether a tree of sentences can run as one row. False: a token sees what stands before it in its row,
        whatever the mask says (recurrence, convolutions), so that every sentence needs a row to itself."""
        return True

    @property
    def padding(self) -> int:
        """The id that fills rows up: the tokenizer's own, unless the model has no embedding for it."""
        pad: int | None = self.tokenizer.pad_token_id
        return pad if pad is not None and pad < self.vocab_size else 0

    @property
    def precision(self) -> str:
        """The type in which the blocks multiply, behind what their matrices are packed as, such as nf4+bfloat16: states
        and the head are in :attr:`dtype` all the same."""
        kind, dtype = packed_as(self.model) or (None, product_type(self.model))
        name = str(dtype).removeprefix("torch.")
        return f"{kind}+{name}" if kind else name

    @property
    @abstractmethod
    def max_tokens(self) -> int | None:
        """The longest sequence the model has positions for, special tokens included; None without a limit."""

    @abstractmethod
    def context(self, batch: TokenBatch) -> Context:
        """Masks and position biases of a batch; ``block`` and ``block_at`` take no other adapter's."""

    @abstractmethod
    def embed(self, batch: TokenBatch) -> Float[Tensor, "row token hidden"]:
        """Layer 0: the embedding output."""

    @abstractmethod
    def block(
        self, k: int, hidden: Float[Tensor, "row token hidden"], context: Any
    ) -> Float[Tensor, "row token hidden"]:
        """Run block ``k`` (1..L) on every token."""

    @abstractmethod
    def block_at(
        self,
        k: int,
        hidden: Float[Tensor, "row token hidden"],
        context: Any,
        positions: Int[Tensor, "row scored"],
    ) -> Float[Tensor, "row scored hidden"]:
        """Block ``k``'s output at ``positions`` alone: every token is looked at, only those are computed."""

    def runs_at(self, k: int) -> bool:
        """Whether :meth:`block_at` computes block ``k`` at positions alone. False: it runs it whole and takes them."""
        return True

    @abstractmethod
    def readout(self, hidden: Float[Tensor, "*any hidden"]) -> Float[Tensor, "*any hidden"]:
        """Everything between layer L's hidden states and the head's last linear map, final norm included."""

    @property
    @abstractmethod
    def vocabulary(self) -> Vocabulary:
        """The head's last linear map."""

    def logits(self, hidden: Float[Tensor, "*any hidden"]) -> Float[Tensor, "*any vocab"]:
        """The head over layer L's hidden states."""
        vocabulary = self.vocabulary
        products = torch.nn.functional.linear(self.readout(hidden), vocabulary.weight, vocabulary.bias)
        return vocabulary.finish(products)

    def tokenize(self, texts: Sequence[str], *, special: bool = True) -> list[list[int]]:
        """Token ids of ``texts``, the tokenizer's own special tokens added (or not), each one that the model has."""
        if not texts:
            return []
        sequences: list[list[int]] = self.tokenizer(list(texts), add_special_tokens=special, verbose=False)["input_ids"]
        self.check_ids(texts, sequences)
        return sequences

    def check_ids(self, texts: Sequence[str], sequences: Sequence[Sequence[int]]) -> None:
        """Raise :class:`BenchError` for the first text with a token that the model has no embedding for.

        A tokenizer may be larger than the vocabulary (Gemma 3 1B's image token), as long as no text uses the excess.
        """
        for text, ids in zip(texts, sequences, strict=True):
            if ids and max(ids) >= self.vocab_size:
                raise BenchError(
                    f"The tokenizer turns '{text}' into token {max(ids)} "
                    f"('{self.tokenizer.convert_ids_to_tokens(max(ids))}'), but the model has {self.vocab_size}, "
                    f"0 to {self.vocab_size - 1}.\nUse the tokenizer that the model was trained with."
                )

    def batch(self, sequences: Sequence[Sequence[int]]) -> TokenBatch:
        """Right-padded on the model's device."""
        return self.padded(sequences).to(self.device)

    def padded(self, sequences: Sequence[Sequence[int]]) -> TokenBatch:
        """:meth:`batch` on the host."""
        lengths = np.array([len(sequence) for sequence in sequences])
        keep = np.arange(lengths.max()) < lengths[:, None]
        ids = np.full(keep.shape, self.padding, dtype=np.int64)
        ids[keep] = list(chain.from_iterable(sequences))
        rows = torch.from_numpy(ids)
        return TokenBatch(rows, torch.from_numpy(keep), torch.arange(keep.shape[1]).repeat(len(keep), 1))

    def additive(self, visible: Bool[Tensor, "row query key"]) -> Float[Tensor, "row 1 query key"]:
        """The one place where a boolean mask becomes an additive one (eager attention adds booleans without a word)."""
        mask = torch.zeros(visible.shape, dtype=self.dtype, device=visible.device)
        return mask.masked_fill(~visible, torch.finfo(self.dtype).min).unsqueeze(1)


def take(
    hidden: Float[Tensor, "row token hidden"], positions: Int[Tensor, "row scored"]
) -> Float[Tensor, "row scored hidden"]:
    """The hidden states at ``positions``."""
    return hidden.gather(1, positions.unsqueeze(-1).expand(-1, -1, hidden.shape[-1]))
