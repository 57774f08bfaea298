"""Which modules of a model are its transformer blocks, found by watching one forward pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn


@dataclass(frozen=True)
class Blocks:
    """``modules[k - 1]`` is block k; one module may stand there several times (ALBERT shares its blocks).

    ``outputs[k - 1]`` is 0 where block k gives back its states alone, else the length of the tuple they come first in.
    """

    modules: tuple[nn.Module, ...]
    outputs: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.modules)


def find_blocks(model: nn.Module, count: int, run: Callable[[], object]) -> Blocks:
    """The largest list of modules whose members are called ``count`` times in all by ``run``, one plain forward pass.

    Blocks hold experts, and multimodal models other towers, in lists too: those are smaller, or not called so often. Of
    nested lists with the same weights the outer one is taken. Raises :class:`ValueError` where there is no such list.
    """
    lists = [module for module in model.modules() if isinstance(module, nn.ModuleList)]
    calls: list[list[tuple[nn.Module, int]]] = [[] for _ in lists]

    def watch(number: int) -> Callable[..., None]:
        return lambda module, inputs, output: calls[number].append((module, _outputs(output)))

    handles = [
        member.register_forward_hook(watch(number))
        for number, members in enumerate(lists)
        for member in dict.fromkeys(members)
    ]
    try:
        run()
    finally:
        for handle in handles:
            handle.remove()
    fitting = [number for number, seen in enumerate(calls) if len(seen) == count]
    if not fitting:
        raise ValueError(f"its forward pass runs no list of {count} blocks (num_hidden_layers)")
    largest = max(fitting, key=lambda number: sum(parameter.numel() for parameter in lists[number].parameters()))
    return Blocks(*zip(*calls[largest], strict=True))


def _outputs(output: Any) -> int:
    if isinstance(output, Tensor):
        return 0
    if isinstance(output, tuple | list) and output and isinstance(output[0], Tensor):
        return len(output)
    return -1  # neither states nor a tuple that begins with them: refused where it is asked for
