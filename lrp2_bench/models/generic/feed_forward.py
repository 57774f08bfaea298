"""Where a block keeps its feed-forward neurons: what its second map reads, found by running the block.

A map's *feeders* are the linear maps whose outputs reach it by no other linear map. Those of an attention's output map
are queries, keys and values, which carry from token to token; those of a feed-forward's second map (the first map, or
gate and up) reach it token by token. Of the maps back to the hidden states whose feeders all do, the widest is the
second map: narrower ones are adapters and gates (Gemma 4's per-layer inputs).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from lrp2_bench.models.generic.blocks import Blocks
from lrp2_bench.models.layered import LayeredModel
from lrp2_bench.models.quantised import UnpackedLinear

#: Tokens of the sentence that is run, and the one of them whose states are disturbed.
_TOKENS, _DISTURBED = 6, 2


def inputs_of(linear: nn.Module) -> int:
    """How many numbers a linear map reads: GPT-2's lie the other way round."""
    weight: Any = linear.weight
    return int(getattr(linear, "in_features", weight.shape[0]))


@torch.no_grad()
def find_second_maps(model: LayeredModel, blocks: Blocks) -> list[nn.Module]:
    """Each block's, by block. Raises :class:`ValueError`, saying why, where one has none."""
    for k, block in enumerate(blocks.modules, start=1):
        if experts := _experts(block, model.hidden_size):
            raise ValueError(
                f"block {k} is a mixture of experts ({experts}): each token runs through neurons of its own choice, so "
                "that a prompt's neurons cannot be scaled together"
            )
    batch = model.batch([[5 + place for place in range(_TOKENS)]])
    context, hidden = model.context(batch), model.embed(batch)
    found = []
    for k, block in enumerate(blocks.modules, start=1):
        before = hidden

        def run(k: int = k, before: Tensor = before) -> Tensor:
            return model.block(k, before, context)

        found.append(_second_map(block, k, run, model.hidden_size))
        hidden = run()
    return found


def _second_map(block: nn.Module, k: int, run: Callable[[], Tensor], hidden_size: int) -> nn.Module:
    trace = _Trace([module for module in block.modules() if _is_linear(module)], run)
    found: nn.Module | None = None
    for number, module in enumerate(trace.modules):
        if trace.outputs[number].shape[-1] != hidden_size or not trace.apart(number):
            continue
        if found is None or inputs_of(module) >= inputs_of(found):
            found = module
    if found is None:
        raise ValueError(f"block {k} has no feed-forward, in which each token goes through a nonlinearity by itself")
    return found


class _Trace:
    """The linear maps of a block that one run calls once each, in their order, and how they feed each other."""

    def __init__(self, modules: Sequence[nn.Module], run: Callable[[], Tensor]) -> None:
        self._run = run
        called: list[tuple[nn.Module, Tensor, Tensor]] = []

        def note(module: nn.Module, inputs: Any, output: Tensor) -> None:
            called.append((module, inputs[0].clone(), output.clone()))

        handles = [module.register_forward_hook(note) for module in modules]
        try:
            run()
        finally:
            for handle in handles:
                handle.remove()
        once = [call for call in called if sum(other[0] is call[0] for other in called) == 1]
        self.modules = [module for module, _, _ in once]
        self._inputs = [given for _, given, _ in once]
        self.outputs = [output for _, _, output in once]
        #: ``[feeder][fed]``: the tokens of what ``fed`` reads that change with one token of what ``feeder`` puts out.
        self._reached = [self._disturb(number) for number in range(len(once))]

    def apart(self, fed: int) -> bool:
        """Whether a map has feeders, and each reaches it token by token."""
        reached = [reached[fed] for reached in self._reached if reached[fed].any()]
        itself = torch.arange(_TOKENS) == _DISTURBED
        return bool(reached) and all(bool((tokens <= itself).all()) for tokens in reached)

    def _disturb(self, feeder: int) -> list[Tensor]:
        """Run again with all outputs as they were but one token of the feeder's."""
        place = {id(module): number for number, module in enumerate(self.modules)}
        reached = [torch.zeros(_TOKENS, dtype=torch.bool) for _ in self.modules]
        disturbed = self.outputs[feeder].clone()
        rows = disturbed.view(_TOKENS, -1)
        noise = torch.randn(rows.shape[1], generator=torch.Generator().manual_seed(feeder))
        rows[_DISTURBED] += (rows.std() * noise.to(rows.device)).to(rows.dtype)

        def hook(module: nn.Module, inputs: Any, output: Tensor) -> Tensor:
            number = place[id(module)]
            if inputs[0].shape == self._inputs[number].shape:
                differing = (inputs[0] != self._inputs[number]).reshape(_TOKENS, -1)
                reached[number] = differing.any(dim=1).cpu()
            return (disturbed if number == feeder else self.outputs[number]).clone()  # some blocks write into it

        handles = [module.register_forward_hook(hook) for module in self.modules]
        try:
            self._run()
        finally:
            for handle in handles:
                handle.remove()
        return reached


def _is_linear(module: nn.Module) -> bool:
    """Also those that are no ``nn.Linear``, such as GPT-2's and packed ones."""
    weight = getattr(module, "weight", None)
    return isinstance(module, nn.Linear | UnpackedLinear) or (
        type(module).__name__ == "Conv1D" and isinstance(weight, Tensor) and weight.dim() == 2
    )


def _experts(block: nn.Module, hidden_size: int) -> str:
    """What a block calls its experts: several maps of hidden states in one tensor, or a list of feed-forwards; '' for
    none."""
    for name, module in block.named_modules():
        own = [weight for weight in module.parameters(recurse=False) if weight.dim() == 3]
        if any(hidden_size in weight.shape[1:] for weight in own) and not isinstance(module, nn.Conv1d):
            return f"{name}: {type(module).__name__}"
        if isinstance(module, nn.ModuleList) and len(module) > 1 and all(_has_linear(member) for member in module):
            return f"{name}: {len(module)} x {type(module[0]).__name__}"
    return ""


def _has_linear(module: nn.Module) -> bool:
    return not _is_linear(module) and any(_is_linear(member) for member in module.modules())
