"""A model's own forward with its blocks taken out: what it embeds, and what it would call each block with."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.utils._pytree import TreeSpec, tree_flatten, tree_unflatten

from lrp2_bench.models.generic.blocks import Blocks

#: What a block that is taken out does instead: of its number, its hidden states, and its other arguments.
Instead = Callable[[int, Tensor, tuple[Any, ...], dict[str, Any]], Tensor]


class Found(Exception):  # noqa: N818 (no error: what was looked for)
    """Carries what was looked for out of a forward pass that need not go on."""

    def __init__(self, value: Any) -> None:
        self.value = value


@dataclass(frozen=True)
class Call:
    """What a block is called with beside its hidden states: the leaves of (arguments, named arguments), and how they
    nest. Rotary angles, masks, per-layer inputs, flags."""

    leaves: tuple[Any, ...]
    nesting: TreeSpec

    @property
    def arguments(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        args, named = tree_unflatten(list(self.leaves), self.nesting)
        return args, named


def recorded(args: tuple[Any, ...], named: dict[str, Any]) -> Call:
    """A call of these arguments."""
    leaves, nesting = tree_flatten((args, named))
    return Call(tuple(leaves), nesting)


class DryRun:
    """``positions`` says whether the model gets its tokens' positions (decoders); encoders find them by themselves."""

    def __init__(self, model: Any, *, positions: bool) -> None:
        self.model = model
        self.blocks = Blocks((), ())
        self._takes = _parameters(model) - (set() if positions else {"position_ids"})

    def run(self, ids: Int[Tensor, "row token"], keep: Bool[Tensor, "row token"], places: Tensor | None = None) -> Any:
        """The model's own forward, or what was :class:`Found` on its way."""
        asked = {"attention_mask": keep.long(), "position_ids": places, "use_cache": False}
        known = {name: value for name, value in asked.items() if name in self._takes and value is not None}
        try:
            return self.model(input_ids=ids, **known)
        except Found as found:
            return found.value

    def embed(
        self, ids: Int[Tensor, "row token"], keep: Bool[Tensor, "row token"], places: Int[Tensor, "row token"]
    ) -> Float[Tensor, "row token hidden"]:
        """What the first block is given: the embedding output, scaled and projected as the model does it."""
        with torch.no_grad(), self.without_blocks(lambda k, hidden, args, named: _stop_with(hidden)):
            states: Tensor = self.run(ids, keep, places)
        return states

    def calls(
        self, ids: Int[Tensor, "row token"], keep: Bool[Tensor, "row token"], places: Int[Tensor, "row token"]
    ) -> list[Call]:
        """What each block would be called with."""
        calls: list[Call] = []

        def record(k: int, hidden: Tensor, args: tuple[Any, ...], named: dict[str, Any]) -> Tensor:
            calls.append(recorded(args, named))
            return _stop_with(hidden) if k == len(self.blocks) else hidden

        with torch.no_grad(), self.without_blocks(record):
            self.run(ids, keep, places)
        return calls

    def behind(self, states: Float[Tensor, "row 1 hidden"], token: int, head: nn.Module) -> Float[Tensor, "row 1 head"]:
        """What ``head`` would be given if these were the last block's states of sentences of one ``token``."""
        ids = torch.full(states.shape[:2], token, device=states.device)
        handle = head.register_forward_pre_hook(lambda module, inputs: _stop_with(inputs[0]))
        last = len(self.blocks)
        try:
            with self.without_blocks(lambda k, hidden, args, named: states if k == last else hidden):
                found: Tensor = self.run(ids, torch.ones_like(ids, dtype=torch.bool), torch.zeros_like(ids))
        finally:
            handle.remove()
        return found

    @contextmanager
    def without_blocks(self, instead: Instead) -> Iterator[None]:
        """Inside, the k-th block called gives back ``instead(k, ...)``."""
        called = 0

        def forward(*args: Any, **named: Any) -> Any:
            nonlocal called
            called += 1
            hidden, rest = (args[0], args[1:]) if args else (named.pop("hidden_states"), ())
            states, outputs = instead(called, hidden, rest, named), self.blocks.outputs[called - 1]
            return (states, *[None] * (outputs - 1)) if outputs else states

        # A module that lies elsewhere has a forward of its own, which fetches its weights first.
        modules = {module: module.__dict__.get("forward") for module in self.blocks.modules}
        try:
            for module in modules:
                module.forward = forward
            yield
        finally:
            for module, own in modules.items():
                module.__dict__.pop("forward")
                if own is not None:
                    module.forward = own


def _stop_with(value: Tensor) -> Tensor:
    raise Found(value)


def _parameters(model: Any) -> set[str]:
    """Names the model's forward takes; those of the model within it where it hands on what it does not know."""
    own = inspect.signature(model.forward).parameters
    names = set(own)
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in own.values()):
        names |= set(inspect.signature(model.base_model.forward).parameters)
    return names
