"""Where a model's states stop being finite numbers, and why: a weight of the checkpoint, or an overflow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch

from lrp2_bench.models.half import product_type
from lrp2_bench.models.layered import LayeredModel
from lrp2_bench.models.seq2seq.layers import EncoderDecoder

_SHOWN = 3


def broken_at(model: LayeredModel, ids: Sequence[int], positions: Sequence[int], targets: Sequence[int]) -> str | None:
    """The first part of ``model`` whose output is not finite on the sequence ``ids``, in words; None where the
    log-probabilities of the tokens ``targets`` at ``positions`` (an encoder-decoder's: of its decoder) are all finite.

    States that are not finite at other positions, or logits of other tokens that are minus infinity, break nothing.
    """
    with torch.inference_mode():
        batch = model.batch([ids])
        context, hidden = model.context(batch), model.embed(batch)
        layers = [hidden]
        for block in range(1, model.blocks + 1):
            layers.append(model.block(block, layers[-1], context))
        if isinstance(model, EncoderDecoder):
            scored = model.predicting(layers[-1], batch.keep, targets)[0]
        else:
            scored = layers[-1][0, list(positions)]
        logits = model.logits(scored).float()
        own = logits.log_softmax(dim=1).gather(1, torch.tensor(targets, device=logits.device).unsqueeze(1))
        if own.isfinite().all():
            return None
        for number, states in enumerate(layers):
            if not states.isfinite().all():
                return f"block {number}" if number else "the embedding"
        if not scored.isfinite().all():
            return "the decoder"
        bad = (logits.isnan() | (logits == torch.inf)).any(dim=0).nonzero().flatten().tolist()
        tokens = ", ".join(repr(token) for token in model.tokenizer.convert_ids_to_tokens(bad[:_SHOWN]))
        if not bad or not model.readout(scored).isfinite().all():
            return "the head"
        return f"the head, for {len(bad)} of {logits.shape[1]} tokens ({tokens}{', ...' if len(bad) > _SHOWN else ''})"


def way_out_of(model: LayeredModel) -> str:
    """What to do about a model whose states are not finite: its weights' doing, or its precision's."""
    damaged = list(_damaged_weights(model))
    if damaged:
        more = ", ..." if len(damaged) > _SHOWN else ""
        return (
            f"The checkpoint's weights are not finite themselves: {', '.join(damaged[:_SHOWN])}{more}.\n"
            "Get the checkpoint again, or from where it was trained; no precision helps."
        )
    if product_type(model.model) is torch.float16:
        return "float16 overflows above 65,504: set model.precision=bfloat16, or float32."
    if model.precision != "float32":
        return "Set model.precision=float32."
    return (
        "Its weights are finite, so a product overflows float32: the checkpoint is damaged, or no model for its code."
    )


def _damaged_weights(model: LayeredModel) -> Iterator[str]:
    """Each weight with numbers that are not finite, and how many; infinities alone may be half precision's doing."""
    for name, weight in model.model.named_parameters():
        if weight.is_meta:  # in memory or on disk until its block runs
            continue
        bad = ~weight.detach().isfinite()
        if bad.any() and (weight.dtype is torch.float32 or weight.isnan().any()):
            yield f"{name} ({int(bad.sum()):,} of {weight.numel():,} numbers)"
