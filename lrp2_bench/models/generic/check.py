"""Whether an adapter equals the model's own forward: on plain sentences, and on sentences packed into a tree.

Each block is given what the model's own forward made of the sentence by itself up to there. So what is compared is one
block's work, however deep the model: where attention is sharp, rounding that passes thirty blocks grows beyond any
tolerance that would still find mistakes. Plain rows pass each block both one by one and together, as they may in the
engine: rows together would not show a block that leaves something behind for a later one, and rows alone have no
padding to see.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from jaxtyping import Float
from torch import Tensor

from lrp2_bench.models.generic.blocks import Blocks
from lrp2_bench.models.layered import LayeredModel, TokenBatch

#: Share of their spread (standard deviation) by which states and logits may differ: far above float32's rounding
#: (measured: 5e-6 at most), far below what any mistake in a mask, a position or a scale makes of them (0.1 and more).
TOLERANCE = 1e-4

#: Tokens of the plain sentences, of a tree's stem, and of its branches.
_PLAIN, _STEM, _BRANCHES = (9, 14, 5), 7, (3, 1, 5, 2)


class Checked(Protocol):
    """What a check needs beside the adapter: its blocks as modules, and the model's own forward."""

    @property
    def modules(self) -> Blocks: ...

    def own(self, batch: TokenBatch) -> Any: ...


@dataclass(frozen=True)
class Difference:
    """The largest, in units of the spread, and the first place that exceeds the tolerance ("" where none does)."""

    size: float
    place: str

    @property
    def passes(self) -> bool:
        return not self.place


@dataclass(frozen=True)
class Parity:
    """``packed`` is None for encoders, whose sentences are never packed."""

    plain: Difference
    packed: Difference | None


@torch.no_grad()
def check(adapter: LayeredModel, model: Checked) -> Parity:
    """Raises :class:`ValueError` for a causal model whose tokens see what comes after them."""
    draw = Draw(adapter)
    plain = _compare_plain(adapter, model, [draw(length) for length in _PLAIN])
    if adapter.family == "masked":
        return Parity(plain, None)
    stem, branches = draw(_STEM), [draw(length) for length in _BRANCHES]
    # Equally long, so that nothing but what comes after the stem can make a difference to it.
    one, other = (model.own(adapter.batch([stem + draw(4)])).logits[0, :_STEM] for _ in range(2))
    if not difference(one, other) <= TOLERANCE:
        raise ValueError("its tokens see those that come after them, so it is not a causal model")
    try:
        tree = _compare_packed(adapter, model, stem, branches)
    except (IndexError, RuntimeError, TypeError, ValueError) as error:  # a block that minds the order of its tokens
        tree = Difference(math.inf, f"at once ({type(error).__name__}: {error})")
    return Parity(plain, tree)


def layers_of(
    adapter: LayeredModel,
    batch: TokenBatch,
    *,
    together: bool = False,
    given: Sequence[Sequence[Float[Tensor, "token hidden"]]] | None = None,
) -> list[list[Float[Tensor, "token hidden"]]]:
    """Layer 0 to L of each row, cut to its own tokens; rows pass the blocks each by itself, or ``together``, padded.

    A block goes on from what the one before it gave; or from ``given``, which has layer 1 to L of each row.
    """
    context, embedded = adapter.context(batch), adapter.embed(batch)
    lengths = batch.keep.sum(dim=1).tolist()
    rows = torch.arange(len(lengths), device=adapter.device)
    parts = [rows] if together else list(rows.split(1))
    widths = [max(lengths)] if together else lengths
    cut = [context.select(part, width) for part, width in zip(parts, widths, strict=True)]
    states = [embedded[part, :width] for part, width in zip(parts, widths, strict=True)]
    layers = [_unpadded(states, lengths)]
    for k in range(1, adapter.blocks + 1):
        states = [adapter.block(k, state, there) for state, there in zip(states, cut, strict=True)]
        layers.append(_unpadded(states, lengths))
        if given is not None:
            layer = [row[k - 1] for row in given]
            states = [_filled(state, part.tolist(), layer) for state, part in zip(states, parts, strict=True)]
    return layers


def _filled(states: Tensor, rows: Sequence[int], layer: Sequence[Tensor]) -> Tensor:
    """``states`` with those of ``rows`` of ``layer`` in place of their own; padding keeps what it has."""
    filled = states.clone()
    for place, row in enumerate(rows):
        filled[place, : len(layer[row])] = layer[row]
    return filled


def _unpadded(states: Sequence[Tensor], lengths: Sequence[int]) -> list[Tensor]:
    rows = [row for state in states for row in state]
    return [row[:length] for row, length in zip(rows, lengths, strict=True)]


def own_layers(
    model: Checked, adapter: LayeredModel, ids: Sequence[int]
) -> tuple[list[Float[Tensor, "token hidden"]], Float[Tensor, "token vocab"]]:
    """Layer 1 to L of the model's own forward over one sentence, and its logits."""
    layers: list[Tensor] = []

    def keep(module: Any, inputs: Any, output: Any) -> None:
        states = output if isinstance(output, Tensor) else output[0]
        layers.append(states[0].to(adapter.device, adapter.dtype))

    handles = [module.register_forward_hook(keep) for module in dict.fromkeys(model.modules.modules)]
    try:
        logits: Tensor = model.own(adapter.batch([ids])).logits[0]
    finally:
        for handle in handles:
            handle.remove()
    return layers, logits


class Draw:
    """Token ids at random, none of them special, the same at every load."""

    def __init__(self, adapter: LayeredModel) -> None:
        special = {*adapter.tokenizer.all_special_ids, *adapter.tokenizer.added_tokens_decoder}
        self._usable = [token for token in range(min(adapter.vocab_size, 5000)) if token not in special]
        self._generator = torch.Generator().manual_seed(0)

    def __call__(self, count: int) -> list[int]:
        places = torch.randint(len(self._usable), (count,), generator=self._generator)
        return [self._usable[place] for place in places.tolist()]


def difference(ours: Tensor, own: Tensor) -> float:
    """The largest, in units of ``own``'s spread and size; not a number where either has one that is none.

    A few dimensions of real models' states are thousands of times their spread, and rounded accordingly.
    """
    own = own.to(ours.device, torch.float32)
    apart = (ours.float() - own).abs()
    return float((apart / (own.std() + own.abs())).max()) if apart.max() != 0 else 0.0


class Worst:
    """The largest difference so far, and the first place that exceeds the tolerance."""

    def __init__(self) -> None:
        self.difference = Difference(0.0, "")

    def add(self, ours: Tensor, own: Tensor, place: str) -> None:
        if not self.difference.passes:
            return
        size = difference(ours, own)
        if not size <= TOLERANCE:
            self.difference = Difference(size, place)
        elif size > self.difference.size:
            self.difference = Difference(size, "")


def _compare_plain(adapter: LayeredModel, model: Checked, sequences: Sequence[Sequence[int]]) -> Difference:
    own = [own_layers(model, adapter, ids) for ids in sequences]
    given = [layers for layers, _ in own]
    found = Worst()
    for together, where in ((False, ""), (True, ", in a padded batch")):
        ours = layers_of(adapter, adapter.batch(sequences), together=together, given=given)
        for k in range(1, adapter.blocks + 1):
            for mine, layers in zip(ours[k], given, strict=True):
                found.add(mine, layers[k - 1], f"after block {k}{where}")
        for mine, (_, logits) in zip(ours[-1], own, strict=True):
            found.add(adapter.logits(mine), logits, f"at the logits{where}")
    return found.difference


def _compare_packed(
    adapter: LayeredModel, model: Checked, stem: Sequence[int], branches: Sequence[Sequence[int]]
) -> Difference:
    """A row of the same tree for each branch, which goes on from what the branch's own sentence made of the stem: in a
    longer or shorter sentence the same stem is rounded otherwise, and deep models make much of that."""
    own = [own_layers(model, adapter, [*stem, *branch]) for branch in branches]
    ends = [layers for layers, _ in own]
    tails = [torch.cat([layers[k][len(stem) :] for layers in ends]) for k in range(adapter.blocks)]
    given = [[torch.cat([layers[k][: len(stem)], tails[k]]) for k in range(adapter.blocks)] for layers in ends]
    rows = packed(adapter, stem, branches, rows=len(branches))
    ours = layers_of(adapter, rows, together=True, given=given)
    found, start = Worst(), len(stem)
    for row, (branch, (layers, logits)) in enumerate(zip(branches, own, strict=True)):
        seen = [*range(len(stem)), *range(start, start + len(branch))]
        for k in range(1, adapter.blocks + 1):
            found.add(ours[k][row][seen], layers[k - 1], f"after block {k}")
        found.add(adapter.logits(ours[-1][row][seen]), logits, "at the logits")
        start += len(branch)
    return found.difference


def packed(adapter: LayeredModel, stem: Sequence[int], branches: Sequence[Sequence[int]], rows: int = 1) -> TokenBatch:
    """So many equal rows: ``stem``, and behind it the branches, each of which sees the stem and itself."""
    total = len(stem) + sum(map(len, branches))
    visible = torch.zeros(total, total, dtype=torch.bool)
    visible[:, : len(stem)] = True
    ids, depths = list(stem), list(range(len(stem)))
    for branch in branches:
        here = slice(len(ids), len(ids) + len(branch))
        visible[here, here] = True
        ids += branch
        depths += range(len(stem), len(stem) + len(branch))
    visible = visible.tril()
    row = [torch.tensor([values] * rows, device=adapter.device) for values in (ids, depths)]
    keep = torch.ones_like(row[0], dtype=torch.bool)
    return TokenBatch(row[0], keep, row[1], visible.expand(rows, -1, -1).to(adapter.device))
