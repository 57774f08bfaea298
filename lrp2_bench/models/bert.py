"""Masked language models: BERT, XLM-R and DistilBERT."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from jaxtyping import Float, Int
from torch import Tensor, nn

from lrp2_bench.models.base import Architecture
from lrp2_bench.models.layered import BlockContext, Family, LayeredModel, TokenBatch, Vocabulary, take


class EncoderModel(LayeredModel):
    """Every token sees every token that is not padding."""

    family: ClassVar[Family] = "masked"

    def __init__(self, model: Any, tokenizer: Any) -> None:
        super().__init__(model, tokenizer)
        if tokenizer.mask_token_id is None:
            raise ValueError("The tokenizer names no mask token; set mask_token in tokenizer_config.json.")
        for name, handled in (("is_decoder", False), ("position_embedding_type", "absolute")):
            value = getattr(model.config, name, handled)
            if value not in (handled, None):
                raise ValueError(f"{name}={value!r} in the model's config.json is not handled, only {handled!r} is.")

    def context(self, batch: TokenBatch) -> BlockContext:
        visible = batch.visible if batch.visible is not None else batch.keep.unsqueeze(1)
        return BlockContext(mask=self.additive(visible))

    def block(
        self, k: int, hidden: Float[Tensor, "row token hidden"], context: BlockContext
    ) -> Float[Tensor, "row token hidden"]:
        output: Tensor = self._layers()[k - 1](hidden, attention_mask=context.mask)
        return output

    def block_at(
        self,
        k: int,
        hidden: Float[Tensor, "row token hidden"],
        context: BlockContext,
        positions: Int[Tensor, "row scored"],
    ) -> Float[Tensor, "row scored hidden"]:
        layer = self._layers()[k - 1]
        query, key, value = self._projections(layer)
        scored = take(hidden, positions)
        mixed = nn.functional.scaled_dot_product_attention(
            self._heads(query(scored)), self._heads(key(hidden)), self._heads(value(hidden)), attn_mask=context.mask
        )
        return self._after_attention(layer, mixed.transpose(1, 2).flatten(2), scored)

    def _heads(self, projected: Float[Tensor, "row token hidden"]) -> Float[Tensor, "row head token dim"]:
        heads: int = self.model.config.num_attention_heads
        split: Tensor = projected.unflatten(-1, (heads, -1)).transpose(1, 2)
        return split

    @abstractmethod
    def _layers(self) -> nn.ModuleList:
        """The blocks, in order."""

    @abstractmethod
    def _projections(self, layer: Any) -> tuple[nn.Module, nn.Module, nn.Module]:
        """The layer's query, key and value projections."""

    @abstractmethod
    def _after_attention(self, layer: Any, mixed: Tensor, residual: Tensor) -> Tensor:
        """Everything of a layer behind the attention's weighted mean of values."""


class BertModel(EncoderModel):
    """``BertForMaskedLM``."""

    @property
    def max_tokens(self) -> int | None:
        limit: int = self.model.config.max_position_embeddings
        return limit

    def embed(self, batch: TokenBatch) -> Float[Tensor, "row token hidden"]:
        places = self._position_ids(batch.positions)
        output: Tensor = self._base().embeddings(input_ids=batch.ids, position_ids=places)
        return output

    def readout(self, hidden: Float[Tensor, "*any hidden"]) -> Float[Tensor, "*any hidden"]:
        output: Tensor = self.model.cls.predictions.transform(hidden)
        return output

    @property
    def vocabulary(self) -> Vocabulary:
        decoder = self.model.cls.predictions.decoder
        return Vocabulary(decoder.weight, decoder.bias)

    def _base(self) -> Any:
        return self.model.bert

    def _position_ids(self, positions: Int[Tensor, "row token"]) -> Int[Tensor, "row token"]:
        return positions

    def _layers(self) -> nn.ModuleList:
        layers: nn.ModuleList = self._base().encoder.layer
        return layers

    def _projections(self, layer: Any) -> tuple[nn.Module, nn.Module, nn.Module]:
        attention = layer.attention.self
        return attention.query, attention.key, attention.value

    def _after_attention(self, layer: Any, mixed: Tensor, residual: Tensor) -> Tensor:
        output: Tensor = layer.feed_forward_chunk(layer.attention.output(mixed, residual))
        return output


class XlmRobertaModel(BertModel):
    """``XLMRobertaForMaskedLM``: BERT's blocks, positions counted from ``pad_token_id + 1``."""

    @property
    def max_tokens(self) -> int | None:
        limit: int = self.model.config.max_position_embeddings - self._offset()
        return limit

    def readout(self, hidden: Float[Tensor, "*any hidden"]) -> Float[Tensor, "*any hidden"]:
        head = self.model.lm_head
        output: Tensor = head.layer_norm(nn.functional.gelu(head.dense(hidden)))
        return output

    @property
    def vocabulary(self) -> Vocabulary:
        decoder = self.model.lm_head.decoder
        return Vocabulary(decoder.weight, decoder.bias)

    def _base(self) -> Any:
        return self.model.roberta

    def _offset(self) -> int:
        pad: int = self.model.config.pad_token_id
        return pad + 1

    def _position_ids(self, positions: Int[Tensor, "row token"]) -> Int[Tensor, "row token"]:
        return positions + self._offset()


class DistilBertModel(EncoderModel):
    """``DistilBertForMaskedLM``."""

    @property
    def max_tokens(self) -> int | None:
        limit: int = self.model.config.max_position_embeddings
        return limit

    def embed(self, batch: TokenBatch) -> Float[Tensor, "row token hidden"]:
        output: Tensor = self.model.distilbert.embeddings(batch.ids, position_ids=batch.positions)
        return output

    def readout(self, hidden: Float[Tensor, "*any hidden"]) -> Float[Tensor, "*any hidden"]:
        output: Tensor = self.model.vocab_layer_norm(self.model.activation(self.model.vocab_transform(hidden)))
        return output

    @property
    def vocabulary(self) -> Vocabulary:
        return Vocabulary(self.model.vocab_projector.weight, self.model.vocab_projector.bias)

    def _layers(self) -> nn.ModuleList:
        layers: nn.ModuleList = self.model.distilbert.transformer.layer
        return layers

    def _projections(self, layer: Any) -> tuple[nn.Module, nn.Module, nn.Module]:
        return layer.attention.q_lin, layer.attention.k_lin, layer.attention.v_lin

    def _after_attention(self, layer: Any, mixed: Tensor, residual: Tensor) -> Tensor:
        attended = layer.sa_layer_norm(layer.attention.out_lin(mixed) + residual)
        output: Tensor = layer.output_layer_norm(layer.ffn(attended) + attended)
        return output


class Bert(Architecture):
    name = "bert"
    adapter = BertModel
    blocks, second_map = "bert.encoder.layer", "output.dense"
    embeddings = "word_embeddings.weight"


class XlmRoberta(Bert):
    name = "xlm-roberta"
    adapter = XlmRobertaModel
    blocks = "roberta.encoder.layer"


class DistilBert(Architecture):
    name = "distilbert"
    adapter = DistilBertModel
    blocks, second_map = "distilbert.transformer.layer", "ffn.lin2"
    embeddings = "word_embeddings.weight"
    small: ClassVar[Mapping[str, Any]] = {"hidden_dim": 128}
