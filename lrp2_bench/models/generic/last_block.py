"""The last block at scored positions alone, for any block that takes a cache of keys and values.

A cache's ``update`` is handed a block's new keys and values. One call that stops there gives those of all tokens; a
second call, over the scored tokens, is given them back as if they had been cached.
"""

from __future__ import annotations

from typing import Any

from jaxtyping import Float, Int
from torch import Tensor, nn

from lrp2_bench.models.generic.context import GenericContext
from lrp2_bench.models.generic.dry_run import Call, Found
from lrp2_bench.models.layered import take

#: What blocks call their cache.
_NAMES = ("past_key_values", "layer_past", "past_key_value")


class _Cache:
    """Empty, as far as a block asks."""

    def get_seq_length(self, *args: Any, **named: Any) -> int:
        return 0


class _Catch(_Cache):
    def update(self, key: Tensor, value: Tensor, *args: Any, **named: Any) -> Any:
        raise Found((key, value))


class _Give(_Cache):
    def __init__(self, keys_and_values: tuple[Tensor, Tensor]) -> None:
        self._keys_and_values = keys_and_values

    def update(self, key: Tensor, value: Tensor, *args: Any, **named: Any) -> tuple[Tensor, Tensor]:
        return self._keys_and_values


def run_at(
    block: nn.Module,
    k: int,
    hidden: Float[Tensor, "row token hidden"],
    context: GenericContext,
    positions: Int[Tensor, "row scored"],
) -> Float[Tensor, "row scored hidden"]:
    """Block ``k`` at ``positions``. Raises whatever ``block`` raises where it is none for this."""
    try:
        _with_cache(block, hidden, context.call(k), _Catch())
    except Found as found:
        keys_and_values = found.value
    else:
        raise ValueError("the block does not ask its cache")
    return _with_cache(block, take(hidden, positions), context.call_at(k, positions), _Give(keys_and_values))


def _with_cache(block: nn.Module, hidden: Tensor, call: Call, cache: _Cache) -> Tensor:
    args, named = call.arguments
    name = next((name for name in _NAMES if name in named), None)
    if name is not None:
        output = block(hidden, *args, **{**named, name: cache})
    else:
        output = block(hidden, cache, *args[1:], **named)  # GPT-2 takes it by place, the first behind the states
    states: Tensor = output if isinstance(output, Tensor) else output[0]
    return states
