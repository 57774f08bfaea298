"""T5, mT5 and umT5, block by block: the encoder as the engine runs it, and the decoder over trees of targets."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from lrp2_bench.models.layered import Family, LayeredModel, TokenBatch, Vocabulary, take
from lrp2_bench.models.seq2seq.sentinels import sentinels_of


@dataclass(frozen=True)
class EncoderContext:
    """What the encoder's blocks need beside the hidden states: the additive mask of padding, and the relative position
    bias that the first block computes for all (None where each block computes its own: umT5)."""

    mask: Float[Tensor, "row 1 query key"]
    bias: Float[Tensor, "1 head query key"] | None

    def select(self, rows: Int[Tensor, " selected"], tokens: int) -> EncoderContext:
        bias = self.bias[..., :tokens, :tokens] if self.bias is not None else None
        return EncoderContext(self.mask[rows][..., :tokens], bias)


class EncoderDecoder(LayeredModel):
    """Blocks 1..L are the encoder's; ``readout``, ``vocabulary`` and ``logits`` are those of the decoder's last states,
    which :meth:`decode` gives. Raises :class:`ValueError` for a tokenizer without sentinels, and for another head."""

    family: ClassVar[Family] = "seq2seq"

    def __init__(self, model: Any, tokenizer: Any) -> None:
        super().__init__(model, tokenizer)
        self.sentinels = sentinels_of(tokenizer, self.vocab_size)
        self._shares_bias = "position_bias" in inspect.signature(model.encoder.block[0].forward).parameters
        with torch.no_grad():
            self._scale = self._measured_scale()

    # The encoder, as the engine runs it -------------------------------------------------------------------------------
    @property
    def max_tokens(self) -> int | None:
        """None: positions are relative, and beyond ``relative_attention_max_distance`` all alike."""
        return None

    def context(self, batch: TokenBatch) -> EncoderContext:
        bias = None
        if self._shares_bias:
            length = batch.ids.shape[1]
            bias = self.model.encoder.block[0].layer[0].SelfAttention.compute_bias(length, length)
        return EncoderContext(self.additive(batch.keep.unsqueeze(1)), bias)

    def embed(self, batch: TokenBatch) -> Float[Tensor, "row token hidden"]:
        states: Tensor = self.model.encoder.embed_tokens(batch.ids)
        return states

    def block(
        self, k: int, hidden: Float[Tensor, "row token hidden"], context: EncoderContext
    ) -> Float[Tensor, "row token hidden"]:
        bias = {"position_bias": context.bias} if self._shares_bias else {}
        return _states(self.model.encoder.block[k - 1](hidden, attention_mask=context.mask, **bias))

    def block_at(
        self,
        k: int,
        hidden: Float[Tensor, "row token hidden"],
        context: EncoderContext,
        positions: Int[Tensor, "row scored"],
    ) -> Float[Tensor, "row scored hidden"]:
        """The whole block's: the decoder looks at every token."""
        return take(self.block(k, hidden, context), positions)

    # The decoder ------------------------------------------------------------------------------------------------------
    @property
    def start(self) -> int:
        """The token that the decoder begins with; T5 takes padding where its config names none."""
        for config in (self.model.config, self.model.generation_config):
            if (token := getattr(config, "decoder_start_token_id", None)) is not None:
                return int(token)
        return self.padding

    def decode(
        self,
        states: Float[Tensor, "row token hidden"],
        keep: Bool[Tensor, "row token"],
        targets: TokenBatch,
    ) -> Float[Tensor, "row node hidden"]:
        """The decoder's last states, before its final norm, over packed ``targets`` that begin with :attr:`start`.

        ``states`` are layer L's of the encoder, before its final norm, and ``keep`` says which of them are tokens. A
        node sees its own path (``targets.visible``), and relative positions are of depths (``targets.positions``).
        """
        decoder = self.model.decoder
        memory = self.model.encoder.final_layer_norm(states)
        visible = targets.keep.unsqueeze(1) if targets.visible is None else targets.visible
        # A node that may look nowhere makes some kernels give NaN; padding may look at itself.
        visible = visible | torch.eye(visible.shape[-1], dtype=torch.bool, device=visible.device)
        own, cross = self.additive(visible), self.additive(keep.unsqueeze(1))
        hidden: Tensor = decoder.embed_tokens(targets.ids)
        bias: dict[str, Any] = {}
        for block in decoder.block:
            attention = block.layer[0].SelfAttention
            if not self._shares_bias:
                with _position_bias(attention, _bias_at(attention, targets.positions)):
                    output = block(hidden, own, encoder_hidden_states=memory, encoder_attention_mask=cross)
            else:
                bias = bias or {"position_bias": _bias_at(attention, targets.positions)}
                output = block(hidden, own, encoder_hidden_states=memory, encoder_attention_mask=cross, **bias)
                bias["encoder_decoder_position_bias"] = output[2]
            hidden = _states(output)
        return hidden

    def predicting(
        self, states: Float[Tensor, "1 token hidden"], keep: Bool[Tensor, "1 token"], targets: Sequence[int]
    ) -> Float[Tensor, "1 target hidden"]:
        """:meth:`decode` of one object's tokens ``targets`` behind the opening sentinel, where they are predicted."""
        chain = self.batch([[self.start, self.sentinels.opening, *targets[:-1]]])
        before = torch.ones(1, chain.ids.shape[1], chain.ids.shape[1], dtype=torch.bool, device=self.device).tril()
        return self.decode(states, keep, replace(chain, visible=before))[:, 1:]

    def readout(self, hidden: Float[Tensor, "*any hidden"]) -> Float[Tensor, "*any hidden"]:
        found: Tensor = self.model.decoder.final_layer_norm(hidden)
        return found if self._scale == 1.0 else found * self._scale

    @property
    def vocabulary(self) -> Vocabulary:
        return Vocabulary(self.model.lm_head.weight, None)

    def own(self, batch: TokenBatch, targets: Int[Tensor, "row token"]) -> Any:
        """The model's own forward over plain sentences and plain targets."""
        return self.model(
            input_ids=batch.ids, attention_mask=batch.keep.long(), decoder_input_ids=targets, use_cache=False
        )

    def _measured_scale(self) -> float:
        """What stands between the decoder's final norm and the head: T5 and umT5 shrink states where the head is tied
        to the embeddings, mT5 never does."""
        given: list[Tensor] = []
        watched = (self.model.decoder.final_layer_norm, self.model.lm_head)
        handles = [
            watched[0].register_forward_hook(lambda module, inputs, output: given.append(output)),
            watched[1].register_forward_pre_hook(lambda module, inputs: given.append(inputs[0])),
        ]
        try:
            sample = torch.tensor([[self.start, self.sentinels.opening]], device=self.device)
            logits = self.own(self.batch([[self.sentinels.opening]]), sample).logits
        finally:
            for handle in handles:
                handle.remove()
        if not torch.isfinite(logits).all():
            raise ValueError("its own forward gives logits that are not finite numbers, as damaged weights do")
        if len(given) != 2:
            raise ValueError(f"its forward pass runs its head and the norm before it {len(given)} times instead of 2")
        for scale in (1.0, float(self.model.config.d_model**-0.5)):
            if torch.equal(given[0] * scale, given[1]):
                return scale
        raise ValueError("what it does to its decoder's states before the head is not the scale that T5 has")


def _states(output: Any) -> Tensor:
    """umT5's blocks give back their states alone, the others a tuple that begins with them."""
    states: Tensor = output if isinstance(output, Tensor) else output[0]
    return states


def _bias_at(attention: Any, depths: Int[Tensor, "row node"]) -> Float[Tensor, "row head node node"]:
    """A plain sentence's relative position bias, gathered at any depths."""
    length = int(depths.max()) + 1
    plain: Tensor = attention.compute_bias(length, length)[0]
    return plain[:, depths.unsqueeze(2), depths.unsqueeze(1)].transpose(0, 1)


@contextmanager
def _position_bias(attention: Any, bias: Tensor) -> Iterator[None]:
    """Inside, ``attention`` has this bias: umT5's blocks compute theirs by index, and take none."""
    try:
        attention.compute_bias = lambda *args, **named: bias
        yield
    finally:
        attention.__dict__.pop("compute_bias", None)
