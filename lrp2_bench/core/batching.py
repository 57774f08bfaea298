"""Cutting sequences into batches by padded tokens, from the longest down, and again where memory runs out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence

import torch

log = logging.getLogger(__name__)


def by_tokens(lengths: Sequence[int], budget: int, *, most_padding: float = 1.0) -> Iterator[list[int]]:
    """Indices of ``lengths`` in batches of at most ``budget`` padded tokens (a longer item comes alone).

    Longest first, ties by index, so that memory peaks at once rather than late in a run; a batch also ends before
    more than the share ``most_padding`` of it would be padding. Deterministic.
    """
    order = sorted(range(len(lengths)), key=lambda index: (-lengths[index], index))
    batch: list[int] = []
    tokens = 0
    for index in order:
        if batch:
            padded = lengths[batch[0]] * (len(batch) + 1)
            filled = tokens + lengths[index]
            if padded > budget or filled < (1 - most_padding) * padded:
                yield batch
                batch, tokens = [], 0
        batch.append(index)
        tokens += lengths[index]
    if batch:
        yield batch


def in_halves(batch: list[int], run: Callable[[list[int]], None]) -> None:
    """``run(batch)``; where the device runs out of memory, its halves, down to single items, whose error goes on.

    What ``run`` had begun it must have left as it was.
    """
    try:
        run(batch)
        return
    except torch.OutOfMemoryError:
        if len(batch) == 1:
            raise
    # Here, where the error no longer holds on to the tensors it met.
    log.warning("The device ran out of memory; a batch of %d is halved.", len(batch))
    torch.cuda.empty_cache()
    middle = len(batch) // 2
    for half in (batch[:middle], batch[middle:]):
        in_halves(half, run)
