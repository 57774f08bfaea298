"""Causal language models: BLOOM."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from lrp2_bench.models.base import Architecture
from lrp2_bench.models.layered import BlockContext, Family, LayeredModel, TokenBatch, Vocabulary, take


class BloomModel(LayeredModel):
    """``BloomForCausalLM``: ALiBi instead of positions, one fused projection per block."""

    family: ClassVar[Family] = "causal"

    def __init__(self, model: Any, tokenizer: Any) -> None:
        super().__init__(model, tokenizer)
        self._heads: int = model.config.n_head
        two_tokens = torch.ones(1, 2, dtype=torch.long, device=model.device)
        ramp: Tensor = model.transformer.build_alibi_tensor(two_tokens, self._heads, torch.float32)
        self._slopes = ramp[:, :, 1:].view(1, self._heads, 1, 1)

    @classmethod
    def runs(cls, config: Mapping[str, Any]) -> bool:
        return not config.get("slow_but_exact")

    @property
    def max_tokens(self) -> int | None:
        return None

    def context(self, batch: TokenBatch) -> BlockContext:
        visible = batch.visible
        if visible is None:
            length = batch.ids.shape[1]
            causal = torch.ones(length, length, dtype=torch.bool, device=batch.ids.device).tril()
            visible = causal & batch.keep.unsqueeze(1)
        # The bias of a key is its head's slope times its place; rounded as Hugging Face rounds it.
        alibi = (self._slopes * batch.positions[:, None, None, :]).to(self.dtype)
        return BlockContext(mask=self.additive(visible), alibi=alibi)

    def embed(self, batch: TokenBatch) -> Float[Tensor, "row token hidden"]:
        transformer = self.model.transformer
        output: Tensor = transformer.word_embeddings_layernorm(transformer.word_embeddings(batch.ids))
        return output

    def block(
        self, k: int, hidden: Float[Tensor, "row token hidden"], context: BlockContext
    ) -> Float[Tensor, "row token hidden"]:
        block = self.model.transformer.h[k - 1]
        normed = block.input_layernorm(hidden)
        residual = normed if block.apply_residual_connection_post_layernorm else hidden
        attended = block.self_attention(normed, residual, _alibi(context).flatten(0, 1), context.mask)[0]
        return self._feed_forward(block, attended)

    def block_at(
        self,
        k: int,
        hidden: Float[Tensor, "row token hidden"],
        context: BlockContext,
        positions: Int[Tensor, "row scored"],
    ) -> Float[Tensor, "row scored hidden"]:
        block = self.model.transformer.h[k - 1]
        normed = block.input_layernorm(hidden)
        scored = take(normed, positions)
        query, key, value = self._projected(block.self_attention, scored, normed)
        mixed = nn.functional.scaled_dot_product_attention(
            query, key, value, attn_mask=self._bias(context, positions), scale=1 / math.sqrt(query.shape[-1])
        )
        after_norm = block.apply_residual_connection_post_layernorm
        residual = scored if after_norm else take(hidden, positions)
        attended = block.self_attention.dense(mixed.transpose(1, 2).flatten(2)) + residual
        return self._feed_forward(block, attended)

    def _feed_forward(self, block: Any, attended: Tensor) -> Tensor:
        """The second half. Its activation is Hugging Face's formula in one pass over memory instead of eight."""
        normed = block.post_attention_layernorm(attended)
        residual = normed if block.apply_residual_connection_post_layernorm else attended
        inner = nn.functional.gelu(block.mlp.dense_h_to_4h(normed), approximate="tanh")
        output: Tensor = block.mlp.dense_4h_to_h(inner) + residual
        return output

    def readout(self, hidden: Float[Tensor, "*any hidden"]) -> Float[Tensor, "*any hidden"]:
        output: Tensor = self.model.transformer.ln_f(hidden)
        return output

    @property
    def vocabulary(self) -> Vocabulary:
        return Vocabulary(self.model.lm_head.weight, None)

    def _projected(
        self, attention: Any, scored: Float[Tensor, "row scored hidden"], normed: Float[Tensor, "row token hidden"]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Queries of the scored positions, keys and values of all: ``[row, head, scored or token, dim]`` each.

        The fused weight is laid out ``[head, (query, key, value), dim]``.
        """
        fused = attention.query_key_value
        weight = fused.weight.view(self._heads, 3, -1, self.hidden_size)
        bias = fused.bias.view(self._heads, 3, -1)

        def project(states: Tensor, part: int) -> Tensor:
            flat = nn.functional.linear(states, weight[:, part].flatten(0, 1), bias[:, part].flatten())
            split: Tensor = flat.unflatten(-1, (self._heads, -1)).transpose(1, 2)
            return split

        return project(scored, 0), project(normed, 1), project(normed, 2)

    def _bias(
        self, context: BlockContext, positions: Int[Tensor, "row scored"]
    ) -> Float[Tensor, "row head scored token"]:
        """Mask and ALiBi of the scored positions."""
        keys = context.mask.shape[-1]
        mask = context.mask.squeeze(1).gather(1, positions.unsqueeze(-1).expand(-1, -1, keys)).unsqueeze(1)
        return _alibi(context) + mask


def _alibi(context: BlockContext) -> Float[Tensor, "row head 1 key"]:
    if context.alibi is None:
        raise ValueError("the context has no ALiBi: it is another model's")
    return context.alibi


class Bloom(Architecture):
    name = "bloom"
    adapter = BloomModel
    blocks, second_map = "transformer.h", "mlp.dense_4h_to_h"
    embeddings = "word_embeddings.weight"
