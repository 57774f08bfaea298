"""A block's feed-forward neurons: what its nonlinearity puts out, read or changed on the way to the second map."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from lrp2_bench.core.errors import BenchError
from lrp2_bench.models.layered import LayeredModel

#: Hugging Face's ``model_type`` -> its blocks, and the linear map that reads the neurons within each.
FEED_FORWARDS: dict[str, tuple[str, str]] = {
    "bert": ("bert.encoder.layer", "output.dense"),
    "xlm-roberta": ("roberta.encoder.layer", "output.dense"),
    "distilbert": ("distilbert.transformer.layer", "ffn.lin2"),
    "bloom": ("transformer.h", "mlp.dense_4h_to_h"),
}


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
    known = f"Known: {', '.join(sorted(FEED_FORWARDS))}. Add the place of its second linear map to FEED_FORWARDS."
    if model_type not in FEED_FORWARDS:
        raise BenchError(f"Where '{model_type}' keeps its feed-forward neurons is not known.\n{known}")
    blocks, inside = FEED_FORWARDS[model_type]
    try:
        found = model.model.get_submodule(f"{blocks}.{k - 1}.{inside}")
    except AttributeError:
        found = None
    if not isinstance(found, nn.Linear):
        raise BenchError(
            f"Block {k} of this '{model_type}' model has no linear map '{blocks}.{k - 1}.{inside}' after its neurons "
            f"(found: {type(found).__name__ if found is not None else 'nothing'}).\n{known}"
        )
    return found
