"""How much runs at once: from the memory allowed to the sizes of batches."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.settings import GridSettings
from lrp2_bench.grid.dry_count import model_shape
from lrp2_bench.grid.plan import GridPlan
from lrp2_bench.models.layered import LayeredModel
from lrp2_bench.models.memory import free_bytes
from lrp2_bench.probing.probe import Workload

_GIB = 2**30
_MOST_GIB = 1e6

#: Copies of the frontier alive at the moment it grows: old, new, and the final states.
_COPIES = 3

#: Share of the free memory taken where none is set, and the most that helps.
_SHARE, _MOST = 0.25, {"cpu": 1.0, "cuda": 16.0}

#: Tokens of a query for which room is made for attention's scores, where a block holds them.
_TOKENS = 64

#: Share of the free memory that a single long query may take where none is set.
_MOST_FREE = 0.9


@dataclass(frozen=True)
class Limits:
    """``query_tokens``: padded tokens of the queries of a batch; ``step_tokens``: tokens that pass a block at once.

    ``cell_bytes`` is what a padded token takes in one setting, ``most_tokens`` the longest query that may run alone
    (None: any). Where no memory is set, that is one that fits into nine tenths of what is free: a long query of the
    default kind runs by itself rather than being refused.
    """

    query_tokens: int
    step_tokens: int
    cell_bytes: int = 0
    most_tokens: int | None = None

    def require(self, work: Workload, settings: int) -> None:
        """Raise :class:`BenchError` where a single query does not fit, naming the least memory that would do."""
        longest = max((max(shape.lengths) for shape in work.certain + work.possible), default=0)
        if self.most_tokens is None or longest <= max(self.most_tokens, 1):
            return
        least = 2 * longest * settings * self.cell_bytes / _GIB
        allowed = 2 * self.most_tokens * settings * self.cell_bytes / _GIB
        raise BenchError(
            f"A query of {longest} tokens in {settings} configurations does not fit into grid.memory_gb (about "
            f"{allowed:.3g} GiB).\nSet grid.memory_gb={least * 1.01:.3g} or more."
        )


def require_limits(settings: GridSettings) -> None:
    """Raise :class:`BenchError` for limits that are none."""
    if settings.memory_gb is not None and not 0 < settings.memory_gb <= _MOST_GIB:
        raise BenchError(
            f"grid.memory_gb={settings.memory_gb} is not a size of memory. Give a positive number of GiB, or null."
        )
    if settings.batch_tokens is not None and settings.batch_tokens < 1:
        raise BenchError(f"grid.batch_tokens={settings.batch_tokens}: give a number of tokens from 1, or null.")


def allowed_bytes(device: torch.device, free: int, settings: GridSettings) -> float:
    """``grid.memory_gb``, or a share of the bytes ``free`` on ``device``."""
    require_limits(settings)
    return settings.memory_gb * _GIB if settings.memory_gb else min(_MOST.get(device.type, 1.0) * _GIB, _SHARE * free)


def limits_for(model: LayeredModel, plan: GridPlan, settings: GridSettings) -> Limits:
    """Sizes that keep the engine's own tensors within ``grid.memory_gb`` (default: a quarter of what is free)."""
    kind = model.device.type
    free = free_bytes(model.device)
    memory = allowed_bytes(model.device, free, settings)
    token_bytes = model.hidden_size * model.dtype.itemsize
    step_tokens = settings.batch_tokens or (32_768 if kind == "cuda" else 1_024)
    # A block's widest moment: of a plain one its activations, four times the hidden size and twice at once.
    shape = model_shape(model)
    wide = max(10.0 * token_bytes, shape.token_bytes + _TOKENS * shape.pair_bytes)
    step_tokens = max(1, min(step_tokens, int(memory / 2 / wide)))
    query_bytes = 2 * len(plan.settings) * token_bytes * _COPIES
    most_tokens = int((memory if settings.memory_gb else _MOST_FREE * free) / query_bytes)
    return Limits(int(memory / query_bytes), step_tokens, token_bytes * _COPIES, most_tokens)
