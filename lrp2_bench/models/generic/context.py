"""What the blocks of a batch are called with, cut to rows and tokens when a block asks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from lrp2_bench.models.generic.dry_run import Call
from lrp2_bench.models.generic.visibility import Role


class GenericContext:
    """One :class:`Call` a block, of a whole batch, and the rows and tokens of it that are meant (None: all).

    A tensor that blocks share is cut once.
    """

    def __init__(
        self,
        calls: Sequence[Call],
        roles: Sequence[Sequence[Role]],
        rows: Int[Tensor, " selected"] | None = None,
        tokens: int | None = None,
    ) -> None:
        self._calls, self._roles, self._rows, self._tokens = calls, roles, rows, tokens
        self._cut: dict[int, Any] = {}

    def select(self, rows: Int[Tensor, " selected"], tokens: int) -> GenericContext:
        return GenericContext(self._calls, self._roles, rows if self._rows is None else self._rows[rows], tokens)

    def call(self, k: int) -> Call:
        """Block ``k``'s."""
        rows, tokens = self._rows, self._tokens
        if rows is None or tokens is None:  # both are set where rows were selected
            return self._calls[k - 1]
        return self._mapped(k, lambda leaf, role: self._once(leaf, role, rows, tokens))

    def call_at(self, k: int, positions: Int[Tensor, "row scored"]) -> Call:
        """Block ``k``'s, for the tokens at ``positions`` alone."""
        call, roles = self.call(k), self._roles[k - 1]
        leaves = tuple(role.at(leaf, positions) for leaf, role in zip(call.leaves, roles, strict=True))
        return Call(leaves, call.nesting)

    def _mapped(self, k: int, change: Callable[[Any, Role], Any]) -> Call:
        call = self._calls[k - 1]
        pairs = zip(call.leaves, self._roles[k - 1], strict=True)
        return Call(tuple(change(leaf, role) for leaf, role in pairs), call.nesting)

    def _once(self, leaf: Any, role: Role, rows: Tensor, tokens: int) -> Any:
        if not isinstance(leaf, torch.Tensor):
            return leaf
        if id(leaf) not in self._cut:
            self._cut[id(leaf)] = role.select(leaf, rows, tokens)
        return self._cut[id(leaf)]
