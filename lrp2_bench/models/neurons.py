"""A block's feed-forward neurons: what its nonlinearity puts out, read or changed on the way to the second map."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from lrp2_bench.core.errors import BenchError
from lrp2_bench.models.layered import LayeredModel
from lrp2_bench.models.registry import ARCHITECTURES, architecture_of


def neuron_count(model: LayeredModel) -> int:
    """Neurons of a block. Raises :class:`BenchError` for a model without the expected feed-forward."""
    widths = {_second_map(model, k).in_features for k in range(1, model.blocks + 1)}
    if len(widths) != 1:
        raise BenchError(f"The blocks have feed-forwards of different widths ({sorted(widths)}), which is not handled.")
    return widths.pop()


@contextmanager
def changed_neurons(model: LayeredModel, k: int, change: Callable[[Tensor], Tensor]) -> Iterator[None]:
    """Inside, block ``k`` goes on with ``change(activations)``, ``[row, token, neuron]`` of whatever tokens it runs."""

    def hook(module: nn.Module, inputs: tuple[Any, ...]) -> tuple[Tensor]:
        if inputs[0].dim() != 3:  # whose token a row is could only be guessed
            raise BenchError(
                f"Block {k} of this '{model.model.config.model_type}' model runs the tokens of all rows as one list "
                "through its feed-forward.\nIts adapter must keep rows apart for its neurons to be read."
            )
        return (change(inputs[0]),)

    handle = _second_map(model, k).register_forward_pre_hook(hook)
    try:
        yield
    finally:
        handle.remove()


@contextmanager
def frozen(model: LayeredModel) -> Iterator[None]:
    """Inside, no weight asks for a gradient, so that a backward pass keeps nothing for one."""
    asked = [parameter for parameter in model.model.parameters() if parameter.requires_grad]
    try:
        for parameter in asked:
            parameter.requires_grad_(False)
        yield
    finally:
        for parameter in asked:
            parameter.requires_grad_(True)


def _second_map(model: LayeredModel, k: int) -> nn.Linear:
    model_type = str(model.model.config.model_type)
    known = f"Known: {', '.join(sorted(ARCHITECTURES.names()))}. docs/extending.md says how to add an architecture."
    record = architecture_of(model_type)
    if record is None:
        raise BenchError(f"Where '{model_type}' keeps its feed-forward neurons is not known.\n{known}")
    path = f"{record.blocks}.{k - 1}.{record.second_map}"
    try:
        found = model.model.get_submodule(path)
    except AttributeError:
        found = None
    if not isinstance(found, nn.Linear):
        raise BenchError(
            f"Block {k} of this '{model_type}' model has no linear map '{path}' after its neurons "
            f"(found: {type(found).__name__ if found is not None else 'nothing'}).\n{known}"
        )
    return found
