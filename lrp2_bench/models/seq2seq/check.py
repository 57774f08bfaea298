"""Whether an encoder-decoder equals its own forward: over plain sentences and targets, and over targets in a tree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from lrp2_bench.models.generic.check import TOLERANCE, Difference, Draw, Worst, layers_of, packed
from lrp2_bench.models.layered import TokenBatch
from lrp2_bench.models.seq2seq.layers import EncoderDecoder

__all__ = ["TOLERANCE", "Parity", "check"]

#: Tokens of the sentences and of their targets; of a tree's stem and of its branches.
_SENTENCES, _TARGETS, _STEM, _BRANCHES = (9, 14, 5), (4, 2, 6), 2, (3, 1, 5, 2)


@dataclass(frozen=True)
class Parity:
    """Of the encoder's blocks and the logits of plain targets; of the logits of packed ones."""

    plain: Difference
    packed: Difference


@torch.no_grad()
def check(adapter: EncoderDecoder) -> Parity:
    """Sentences pass the encoder's blocks one by one and together, targets the decoder together."""
    draw = Draw(adapter)
    sentences = adapter.batch([draw(length) for length in _SENTENCES])
    targets = adapter.batch([[adapter.start, *draw(length)] for length in _TARGETS])
    return Parity(_plain(adapter, sentences, targets), _packed(adapter, sentences, draw))


def _plain(adapter: EncoderDecoder, sentences: TokenBatch, targets: TokenBatch) -> Difference:
    """Rows alone are compared with rows alone, or a model whose attention is sharp would amplify mere rounding."""
    found = Worst()
    rows = zip(_rows(adapter, sentences), _rows(adapter, targets), strict=True)
    for batch, asked, where in [(*row, "") for row in rows] + [(sentences, targets, ", in a padded batch")]:
        own, own_logits = _own(adapter, batch, asked)
        layers = layers_of(adapter, batch, together=True)
        for k in range(1, adapter.blocks + 1):
            for row, states in enumerate(layers[k]):
                found.add(states, own[k - 1][row, : len(states)], f"after block {k} of the encoder{where}")
        last = torch.nn.utils.rnn.pad_sequence(layers[-1], batch_first=True)
        logits = adapter.logits(adapter.decode(last, batch.keep, causal(asked)))
        for row, length in enumerate(asked.keep.sum(dim=1).tolist()):
            found.add(logits[row, :length], own_logits[row, :length], f"at the logits{where}")
    return found.difference


def _rows(adapter: EncoderDecoder, batch: TokenBatch) -> list[TokenBatch]:
    """Each row as a batch of its own, without padding."""
    return [adapter.batch([ids[keep].tolist()]) for ids, keep in zip(batch.ids, batch.keep, strict=True)]


def _packed(adapter: EncoderDecoder, sentences: TokenBatch, draw: Draw) -> Difference:
    stem, branches = [adapter.start, *draw(_STEM - 1)], [draw(length) for length in _BRANCHES]
    last = layers_of(adapter, sentences)[-1]
    found = Worst()
    tree = packed(adapter, stem, branches)
    for states, alone in zip(last, _rows(adapter, sentences), strict=True):
        keep = torch.ones(1, len(states), dtype=torch.bool, device=adapter.device)
        logits = adapter.logits(adapter.decode(states.unsqueeze(0), keep, tree))[0]
        start = len(stem)
        for branch in branches:
            own = adapter.own(alone, torch.tensor([stem + branch], device=adapter.device)).logits[0]
            ours = torch.cat([logits[: len(stem)], logits[start : start + len(branch)]])
            found.add(ours, own, "at the logits")
            start += len(branch)
    return found.difference


def causal(targets: TokenBatch) -> TokenBatch:
    """Plain ``targets`` as :meth:`EncoderDecoder.decode` takes them: a token sees those before it, and itself."""
    width = targets.ids.shape[1]
    before = torch.ones(width, width, dtype=torch.bool, device=targets.ids.device).tril()
    return TokenBatch(targets.ids, targets.keep, targets.positions, targets.keep.unsqueeze(1) & before)


def _own(adapter: EncoderDecoder, sentences: TokenBatch, targets: TokenBatch) -> tuple[list[Tensor], Tensor]:
    """Layers 1 to L of the model's own encoder, and the logits of its decoder."""
    layers: list[Tensor] = []

    def keep(module: Any, inputs: Any, output: Any) -> None:
        layers.append(output if isinstance(output, Tensor) else output[0])

    handles = [block.register_forward_hook(keep) for block in adapter.model.encoder.block]
    try:
        logits: Tensor = adapter.own(sentences, targets.ids).logits
    finally:
        for handle in handles:
            handle.remove()
    return layers, logits
