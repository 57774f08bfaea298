"""Cutting sequences into batches by padded tokens, from the longest down."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


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
