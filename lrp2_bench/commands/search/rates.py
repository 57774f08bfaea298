"""How fast this machine is: a model's own block and head, timed for a moment."""

from __future__ import annotations

from collections.abc import Callable

import torch

from lrp2_bench.grid.cost import ModelShape, block_flops
from lrp2_bench.grid.limits import Limits
from lrp2_bench.models.devices import clock
from lrp2_bench.models.layered import LayeredModel
from lrp2_bench.probing.log_partition import LogPartition
from lrp2_bench.probing.probe import ProbeCounts

#: Seconds spent on timing each part.
_TIMING = 1.0


def block_rate(model: LayeredModel, shape: ModelShape, limits: Limits) -> float:
    """Operations per second of the model's second block on a full step of short queries."""
    length = min(16, limits.step_tokens)
    batch = model.batch([[5] * length] * max(1, limits.step_tokens // length))
    with torch.inference_mode():
        context, hidden = model.context(batch), model.embed(batch)
        passes = _per_second(model, lambda: model.block(min(2, model.blocks), hidden, context))
    return passes * len(batch.ids) * block_flops(shape, length)


def log_partition_rate(model: LayeredModel, log_partition: LogPartition) -> float:
    """Rows of the head per second, the way they are first computed."""
    width = model.vocabulary.weight.shape[1]  # not always the hidden size: ALBERT's and ELECTRA's heads are narrower
    rows = torch.randn(256, width, device=model.device, dtype=model.dtype)
    with torch.inference_mode():
        return 256 * _per_second(model, lambda: log_partition.bounds(rows, ProbeCounts()))


def _per_second(model: LayeredModel, run: Callable[[], object]) -> float:
    """The best of some passes: the machine at rest is what a long run mostly sees."""
    run()
    best, start = float("inf"), clock(model.device)
    while best == float("inf") or clock(model.device) - start < _TIMING:
        once = clock(model.device)
        run()
        best = min(best, clock(model.device) - once)
    return 1 / best
