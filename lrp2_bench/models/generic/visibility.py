"""Which tensors of a block's call belong to rows and tokens, and who may look where, carried over to packed trees.

A decoder's masks are a function of two *depths*, the query's and the key's place in its own sentence: causal, sliding,
chunked, or with ALiBi added. A dry run over one plain sentence writes that function down as a table; a packed tree's
mask is the table at the tree's depths wherever the tree allows a look at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from lrp2_bench.models.generic.dry_run import Call


@dataclass(frozen=True)
class Role:
    """Of one tensor: the dimensions that count tokens; how many entries of the first belong to a row (heads, or 1; 0
    where all rows share the tensor); and whether it says who may look where: its last two are queries and keys."""

    tokens: tuple[int, ...] = ()
    per_row: int = 0
    looks: bool = False

    def select(self, leaf: Any, rows: Int[Tensor, " selected"], tokens: int) -> Any:
        """``leaf`` of some rows, cut to their first ``tokens`` tokens."""
        if not isinstance(leaf, Tensor) or not self.tokens:
            return leaf
        # One row may stand for all: models leave masks out, or unexpanded, where there is no padding.
        if self.per_row and leaf.shape[0] > self.per_row:
            leaf = leaf.unflatten(0, (-1, self.per_row))[rows].flatten(0, 1)
        elif self.per_row and len(rows) > 1:
            leaf = leaf.repeat(len(rows), *[1] * (leaf.dim() - 1))
        for dim in self.tokens:
            leaf = leaf.narrow(dim, 0, tokens)
        return leaf

    def at(self, leaf: Any, positions: Int[Tensor, "row scored"]) -> Any:
        """``leaf`` as the tokens at ``positions`` would be given it, with all keys."""
        if not isinstance(leaf, Tensor) or not self.tokens:
            return leaf
        rows, scored = positions.shape
        if self.looks:
            if leaf.dim() - 2 not in self.tokens:  # by key alone
                return leaf
            leaf = leaf.expand(max(leaf.shape[0], rows * max(self.per_row, 1)), *leaf.shape[1:])
            each = positions.repeat_interleave(leaf.shape[0] // rows, dim=0)
            index = each.view(len(each), *[1] * (leaf.dim() - 3), scored, 1)
            return leaf.gather(-2, index.expand(*leaf.shape[:-2], scored, leaf.shape[-1]))
        if self.tokens == (1,) and leaf.shape[0] in (1, rows):
            leaf = leaf.expand(rows, *leaf.shape[1:])
            return leaf[torch.arange(rows, device=leaf.device).unsqueeze(1), positions]
        return leaf


def learn_roles(
    first: Sequence[Call], second: Sequence[Call], sizes: tuple[tuple[int, int], tuple[int, int]]
) -> list[list[Role]]:
    """A role for each leaf of each block's call, from two dry runs of (rows, tokens) ``sizes`` that differ in both.

    Raises :class:`ValueError` for a tensor whose size follows neither.
    """
    roles = []
    for k, (one, other) in enumerate(zip(first, second, strict=True), start=1):
        if one.nesting != other.nesting:
            raise ValueError(f"what block {k} is called with differs from sentence to sentence")
        pairs = zip(one.leaves, other.leaves, strict=True)
        roles.append([_role(a, b, sizes, f"block {k}") for a, b in pairs])
    return roles


def _role(first: Any, second: Any, sizes: tuple[tuple[int, int], tuple[int, int]], where: str) -> Role:
    if not isinstance(first, Tensor) or not isinstance(second, Tensor):
        return Role()
    (rows, length), (other_rows, other_length) = sizes
    shapes = list(zip(first.shape, second.shape, strict=True))
    tokens = tuple(dim for dim, size in enumerate(shapes) if size == (length, other_length))
    varying = [dim for dim, (a, b) in enumerate(shapes) if a != b and dim not in tokens]
    per_row = 0
    if varying == [0] and first.shape[0] * other_rows == second.shape[0] * rows and first.shape[0] % rows == 0:
        per_row, varying = first.shape[0] // rows, []
    if varying:
        raise ValueError(f"{where} is called with a tensor of {tuple(first.shape)} for {rows} rows of {length} tokens")
    looks = len(shapes) >= 3 and len(shapes) - 1 in tokens and first.shape[-2] in (1, length)
    return Role(tokens, per_row, looks and (per_row > 0 or first.shape[0] == 1))


def at_depths(
    plain: Tensor, role: Role, depths: Int[Tensor, "row token"], visible: Bool[Tensor, "row query key"]
) -> Tensor:
    """``plain``, made for a plain sentence (its first row), at other ``depths`` and ``visible`` alike."""
    entries = role.per_row or plain.shape[0]
    table = plain[:entries]
    if table.shape[-2] == 1:  # ALiBi by key: a query's own depth shifts all of its scores equally
        picked = table[..., 0, :][..., depths].movedim(-2, 0).unsqueeze(-2)
    else:
        picked = table[..., depths.unsqueeze(2), depths.unsqueeze(1)].movedim(-3, 0)
        seen = visible.view(len(visible), *[1] * (picked.dim() - 3), *visible.shape[1:])
        if picked.dtype == torch.bool:
            # Every token sees itself, so the first entry shows whether True means a look or (MPT) none.
            picked = picked & seen if table[..., 0, 0].all() else picked | ~seen
        elif picked.is_floating_point():
            # The lowest finite number: minus infinity would turn a fully masked row into NaN.
            picked = picked.masked_fill(~seen, torch.finfo(picked.dtype).min)
    return picked.flatten(0, 1)  # [row, entries, ...] as the block is given them: [row x entries, ...]
