"""A block's feed-forward neurons: what its nonlinearity puts out, read or changed on the way to the second map."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from lrp2_bench.core.errors import BenchError
from lrp2_bench.models.generic.adapter import GenericModel
from lrp2_bench.models.generic.feed_forward import inputs_of
from lrp2_bench.models.layered import LayeredModel
from lrp2_bench.models.registry import architecture_of

#: Share of what a block's activations do to its states below which half of them does the same.
_UNCHANGED = 0.05


def neuron_count(model: LayeredModel) -> int:
    """Neurons of a block. Raises :class:`BenchError` for a model without one feed-forward a block, saying why."""
    widths = {inputs_of(_second_map(model, k)) for k in range(1, model.blocks + 1)}
    if len(widths) != 1:
        raise BenchError(f"The blocks have feed-forwards of different widths ({sorted(widths)}), which is not handled.")
    return widths.pop()


@torch.no_grad()
def normalised_blocks(model: LayeredModel) -> list[int]:
    """Blocks that normalise what their feed-forward puts out before it joins the states (Gemma 2 and 3, OLMo 2): half
    of all activations gives the state that all of them give."""
    batch = model.batch([[5, 6, 7, 8]])
    context, hidden = model.context(batch), model.embed(batch)
    found = []
    for k in range(1, model.blocks + 1):
        whole = model.block(k, hidden, context)
        half, none = (_scaled(model, k, hidden, context, share) for share in (0.5, 0.0))
        if (half - whole).abs().max() < _UNCHANGED * (none - whole).abs().max():
            found.append(k)
        hidden = whole
    return found


def _scaled(model: LayeredModel, k: int, hidden: Tensor, context: Any, share: float) -> Tensor:
    with changed_neurons(model, k, lambda activations: share * activations):
        return model.block(k, hidden, context)


@contextmanager
def changed_neurons(model: LayeredModel, k: int, change: Callable[[Tensor], Tensor]) -> Iterator[None]:
    """Inside, block ``k`` goes on with ``change(activations)``, ``[row, token, neuron]`` of whatever tokens it runs."""
    block = model.modules.modules[k - 1] if isinstance(model, GenericModel) else None
    rows: list[int] = []

    def note_rows(module: nn.Module, inputs: tuple[Any, ...], named: dict[str, Any]) -> None:
        hidden = inputs[0] if inputs else named["hidden_states"]
        rows[:] = [len(hidden)]

    def hook(module: nn.Module, inputs: tuple[Any, ...]) -> tuple[Tensor]:
        activations = inputs[0]
        if activations.dim() == 3:
            return (change(activations),)
        if not rows:  # whose token a row is could only be guessed
            raise BenchError(
                f"Block {k} of this '{model.model.config.model_type}' model runs the tokens of all rows as one list "
                "through its feed-forward.\nIts adapter must keep rows apart for its neurons to be read."
            )
        return (change(activations.unflatten(0, (rows[0], -1))).flatten(0, 1),)

    handles = [_second_map(model, k).register_forward_pre_hook(hook)]
    if block is not None:
        handles.append(block.register_forward_pre_hook(note_rows, with_kwargs=True))
    try:
        yield
    finally:
        for handle in handles:
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


def _second_map(model: LayeredModel, k: int) -> nn.Module:
    """By its architecture's record; else found by running the blocks."""
    model_type = str(model.model.config.model_type)
    if isinstance(model, GenericModel):
        try:
            return model.second_maps[k - 1]
        except ValueError as error:
            raise BenchError(
                f"The neurons of this '{model_type}' model cannot be attributed: {error}.\n"
                "Choose another model (docs/analyses.md names those that are refused), or another analysis."
            ) from error
    record = architecture_of(model_type)
    if record is None:
        raise BenchError(
            f"Where '{model_type}' keeps its feed-forward neurons is not known.\n"
            "docs/extending.md says how its record names them."
        )
    path = f"{record.blocks}.{k - 1}.{record.second_map}"
    try:
        found = model.model.get_submodule(path)
    except AttributeError:
        found = None
    if not isinstance(found, nn.Linear):
        raise BenchError(
            f"Block {k} of this '{model_type}' model has no linear map '{path}' after its neurons "
            f"(found: {type(found).__name__ if found is not None else 'nothing'}).\n"
            "docs/extending.md says how its record names them."
        )
    return found
