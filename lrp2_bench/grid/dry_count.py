"""What a model's blocks do and hold, counted while each runs once over a few tokens.

No table of architectures: gated feed-forwards, grouped queries, the experts that a token is sent to and what is shared
between blocks are all in the count, because it is PyTorch's own of the very operations.
"""

from __future__ import annotations

import json
import weakref
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from lrp2_bench.models.layered import LayeredModel

#: Lengths of the sequences that are run, and (length, scored positions) of the last block.
_LENGTHS, _SCORED = (6, 18), ((6, 1), (18, 1), (18, 4), (12, 2), (6, 4))


@dataclass(frozen=True)
class ModelShape:
    """What decides a model's cost, in floating-point operations: of a block (the mean of all) for each ``token`` and
    each ``pair`` of tokens; of the last block for each token (``keys``, ``keys_pair`` where it runs whole), and for
    each ``scored`` position and pair of one with a token. ``hidden`` is the width of the head's rows.

    ``token_bytes`` and ``pair_bytes``: what a block holds at its widest moment, states in and out included.
    ``decoder_blocks`` are an encoder-decoder's, behind its ``blocks``.
    """

    blocks: int
    hidden: int
    vocab: int
    token: float
    pair: float
    keys: float
    keys_pair: float
    scored: float
    scored_pair: float
    token_bytes: float = 0.0
    pair_bytes: float = 0.0
    decoder_blocks: int = 0

    @classmethod
    def plain(cls, blocks: int, hidden: int, intermediate: int, vocab: int) -> ModelShape:
        """Of a transformer with four square projections and a feed-forward of two maps."""
        keys, rest = 4.0 * hidden**2, 4.0 * hidden**2 + 4.0 * hidden * intermediate
        return cls(blocks, hidden, vocab, keys + rest, 4.0 * hidden, keys, 0.0, rest, 4.0 * hidden)


_shapes: weakref.WeakKeyDictionary[LayeredModel, ModelShape] = weakref.WeakKeyDictionary()
_of_architectures: dict[Hashable, ModelShape] = {}


def model_shape(model: LayeredModel) -> ModelShape:
    """What ``model``'s blocks do, counted once for all jobs of a process on models of one configuration."""
    if model not in _shapes:
        kind = _architecture(model)
        if kind not in _of_architectures:
            _of_architectures[kind] = _count(model)
        _shapes[model] = _of_architectures[kind]
    return _shapes[model]


def _architecture(model: LayeredModel) -> Hashable:
    """All that decides the work of a model's blocks: its weights' values do not."""
    weights = [(name, tuple(each.shape), each.dtype) for name, each in model.model.named_parameters()]
    config = json.dumps(model.model.config.to_dict(), default=str, sort_keys=True)
    attention = getattr(model.model.config, "_attn_implementation", None)  # not a part of what is written
    return type(model), type(model.model), model.blocks, str(model.device), config, attention, tuple(weights)


def _count(model: LayeredModel) -> ModelShape:
    with torch.no_grad(), _experts_one_by_one(model):
        blocks = [_over(model, length, _flops) for length in _LENGTHS]
        held = [_over(model, length, _held) for length in _LENGTHS]
        last = [_last(model, length, scored) for length, scored in _SCORED]
    token, pair = _line([[length, length**2] for length in _LENGTHS], [sum(each) / model.blocks for each in blocks])
    keys, keys_pair, scored, scored_pair = _line(
        [[length, length**2, some, some * length] for length, some in _SCORED], last
    )
    token_bytes, pair_bytes = _line([[length, length**2] for length in _LENGTHS], [max(each) for each in held])
    vocab, width = model.vocabulary.weight.shape
    decoder = int(model.model.config.num_decoder_layers) if model.family == "seq2seq" else 0
    return ModelShape(
        model.blocks, width, vocab, token, pair, keys, keys_pair, scored, scored_pair, token_bytes, pair_bytes, decoder
    )


def _over(model: LayeredModel, length: int, measure: Callable[[Callable[[], object]], float]) -> list[float]:
    """``measure`` of each block over one sequence of ``length`` tokens, the last one run whole like the others."""
    context, states = _input(model, length)
    return [measure(partial(model.block, k, states, context)) for k in range(1, model.blocks + 1)]


def _last(model: LayeredModel, length: int, scored: int) -> float:
    context, states = _input(model, length)
    positions = torch.arange(scored, device=model.device).unsqueeze(0)
    return _flops(lambda: model.block_at(model.blocks, states, context, positions))


def _input(model: LayeredModel, length: int) -> tuple[Any, Tensor]:
    some = np.random.default_rng(0).integers(5, max(6, min(1000, model.vocab_size)), size=length)
    batch = model.batch([np.minimum(some, model.vocab_size - 1).tolist()])
    return model.context(batch), model.embed(batch)


def _flops(run: Callable[[], object]) -> float:
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        run()
    return float(counter.get_total_flops())


def _held(run: Callable[[], object]) -> float:
    live: Any = _Live()
    with live:
        run()
    return float(live.most)


class _Live(TorchDispatchMode):
    """Bytes of the tensors that are made and not yet gone: ``most`` at once."""

    def __init__(self) -> None:
        TorchDispatchMode.__init__(self)
        self.most = 0.0
        self._alive: dict[int, tuple[StorageWeakRef, int]] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = func(*args, **(kwargs or {}))
        given = {each.untyped_storage()._cdata for each in tree_leaves(args) if isinstance(each, Tensor)}
        self._alive = {place: (ref, size) for place, (ref, size) in self._alive.items() if not ref.expired()}
        for made in tree_leaves(found):
            if isinstance(made, Tensor):
                storage = made.untyped_storage()
                if storage._cdata not in self._alive and storage._cdata not in given:
                    self._alive[storage._cdata] = StorageWeakRef(storage), storage.nbytes()
        self.most = max(self.most, sum(size for _, size in self._alive.values()))
        return found


def _line(rows: list[list[int]], values: list[float]) -> list[float]:
    """The coefficients, none of them negative, that give ``values``."""
    found: list[float] = np.linalg.lstsq(np.array(rows, dtype=float), np.array(values), rcond=None)[0].tolist()
    return [0.0 if each < 1e-6 * max(values) else each for each in found]


@contextmanager
def _experts_one_by_one(model: LayeredModel) -> Iterator[None]:
    """Inside, experts run by plain products, which are counted; grouped ones need not be."""
    library = model.model
    asked = getattr(library.config, "_experts_implementation", None)
    if asked in (None, "eager"):
        yield
        return
    library.set_experts_implementation("eager")
    try:
        yield
    finally:
        library.set_experts_implementation(asked)
