"""The same projections written with nnsight, an optional extra, for comparison."""

from __future__ import annotations

import importlib.util
import warnings
from typing import Any

from torch import Tensor

from lrp2_bench.bench.naive import Forward, blocks_path
from lrp2_bench.core.types import LayerPair
from lrp2_bench.models.layered import LayeredModel


def nnsight_is_here() -> bool:
    return importlib.util.find_spec("nnsight") is not None


def nnsight_forward(model: LayeredModel, language: Tensor, pivot: Tensor) -> Forward:
    """``language`` and ``pivot`` are language vectors, ``[layer, hidden]``."""
    import nnsight

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # BERT has submodules named output, which nnsight renames
        traced = nnsight.NNsight(model.model)
    blocks: Any = traced
    for name in blocks_path(model).split("."):
        blocks = getattr(blocks, name)

    def forward(batch: Any, pair: LayerPair | None) -> Tensor:
        steps = [] if pair is None else [(pair.lirp, language, pivot), (pair.lsrp, pivot, language)]
        with traced.trace(**batch):
            for layer, subtract, add in steps:
                block = blocks[layer - 1]
                output = block.output
                if isinstance(output, tuple):
                    block.output = (output[0] - subtract[layer] + add[layer], *output[1:])
                else:
                    block.output = output - subtract[layer] + add[layer]
            logits = traced.output.logits.save()
        result: Tensor = logits
        return result

    return forward
