"""The adapter of encoder-decoders: :class:`EncoderDecoder`, refused where it does not equal the model's own forward."""

from __future__ import annotations

import logging
from typing import Any

from lrp2_bench.models.half import float32_products
from lrp2_bench.models.seq2seq.check import TOLERANCE, check
from lrp2_bench.models.seq2seq.layers import EncoderDecoder

log = logging.getLogger(__name__)


class Seq2SeqModel(EncoderDecoder):
    """Raises :class:`ValueError`, saying what differs, for a model that it does not run exactly."""

    def __init__(self, model: Any, tokenizer: Any) -> None:
        try:
            with float32_products():
                super().__init__(model, tokenizer)
                self.parity = check(self)
        except ValueError as error:
            raise _refused(model, str(error)) from error
        except (AttributeError, IndexError, KeyError, RuntimeError, TypeError) as error:
            # Whatever a block does that is called as its own model does not call it.
            raise _refused(model, f"its blocks cannot be run one by one ({type(error).__name__}: {error})") from error
        for what, found in (("sentences", self.parity.plain), ("targets packed into a tree", self.parity.packed)):
            if not found.passes:
                raise _refused(
                    model,
                    f"run block by block over {what}, it differs from its own forward by {found.size:.2g} of the "
                    f"spread, first {found.place} (allowed: {TOLERANCE:.0e})",
                )
        log.info(
            "%s: encoder-decoder, LRP2 on the encoder's %d blocks, targets packed into trees (%.1e of the spread); "
            "equals its own forward (%.1e)",
            type(model).__name__, self.blocks, self.parity.packed.size, self.parity.plain.size,
        )  # fmt: skip


def _refused(model: Any, reason: str) -> ValueError:
    reason, _, way_out = reason.partition("\n")
    return ValueError(
        f"the encoder-decoder adapter does not run {type(model).__name__}: {reason.removesuffix('.')}.\n"
        + (way_out or "Choose a model of another architecture or family; docs/models.md lists those that run.")
    )
