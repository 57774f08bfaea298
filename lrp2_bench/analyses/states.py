"""Sentences as one state per layer: the mean over the places that are read, with and without LRP2, each run once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lrp2_bench.core.batching import by_tokens
from lrp2_bench.core.progress import Advance
from lrp2_bench.core.types import LayerPair
from lrp2_bench.interventions.base import Edit
from lrp2_bench.interventions.projection import Shifts, as_edit
from lrp2_bench.models.layered import LayeredModel, TokenBatch

#: ``[run, layer, sentence, hidden]``, float32: run 0 is the baseline, run 1 (with a pair) the one with LRP2.
States = Float[Tensor, "run layer sentence hidden"]


@dataclass(frozen=True, slots=True)
class Encoded:
    """A sentence's tokens, and the places of those whose states are averaged."""

    ids: tuple[int, ...]
    read: tuple[int, ...]


class StateBank:
    """The states of a baseline, remembered from call to call up to ``room`` bytes.

    The pivot's sentences are much the same beside every language; those that found no room are run again.
    """

    def __init__(self, model: LayeredModel, batch_tokens: int, room: int) -> None:
        self._model, self._batch_tokens = model, batch_tokens
        self._room = room
        self._kept: dict[Encoded, Float[Tensor, "layer hidden"]] = {}

    def __call__(self, sentences: Sequence[Encoded], advance: Advance) -> Float[Tensor, "layer sentence hidden"]:
        new = [each for each in dict.fromkeys(sentences) if each not in self._kept]
        advance(len(sentences) - len(new))
        made = pooled_states(self._model, new, batch_tokens=self._batch_tokens, advance=advance)[0]
        fresh = {each: place for place, each in enumerate(new)}
        shape = (self._model.blocks + 1, len(sentences), self._model.hidden_size)
        found = torch.empty(shape)
        for place, each in enumerate(sentences):
            found[:, place] = made[:, fresh[each]] if each in fresh else self._kept[each]
        for each, place in fresh.items():
            self._keep(each, made[:, place])
        return found

    def _keep(self, sentence: Encoded, states: Float[Tensor, "layer hidden"]) -> None:
        size = states.numel() * states.element_size()
        if size <= self._room:
            self._room -= size
            self._kept[sentence] = states.clone()


def pooled_states(
    model: LayeredModel,
    sentences: Sequence[Encoded],
    pair: LayerPair | None = None,
    edit: Shifts | Edit | None = None,
    *,
    batch_tokens: int,
    advance: Advance,
) -> States:
    """One state per layer 0..L and sentence, on the CPU. Equal sentences are run once; LRP2 forks off behind LIRP's
    layer. ``advance`` gets the sentences as they are done."""
    distinct = list(dict.fromkeys(sentences))
    found = torch.empty(2 if pair is not None else 1, model.blocks + 1, len(distinct), model.hidden_size)
    advance(len(sentences) - len(distinct))
    with torch.inference_mode():
        for indices in by_tokens([len(each.ids) for each in distinct], batch_tokens):
            chosen = [distinct[index] for index in indices]
            batch = model.batch([each.ids for each in chosen])
            found[:, :, indices] = layer_means(model, batch, _weights(chosen, batch), pair, edit).cpu()
            advance(len(indices))
    if len(distinct) == len(sentences):
        return found
    places = {each: place for place, each in enumerate(distinct)}
    return found[:, :, [places[each] for each in sentences]]


def layer_means(
    model: LayeredModel,
    batch: TokenBatch,
    weights: Float[Tensor, "row token"],
    pair: LayerPair | None = None,
    edit: Shifts | Edit | None = None,
) -> States:
    """Every layer's states, 0..L, as each row's mean by ``weights``; ``edit`` is needed with a ``pair`` only.

    Under LRP2 a layer is read behind its projection: layer i's states are those LIRP has moved.
    """
    context, hidden = model.context(batch), model.embed(batch)
    means = [_mean(hidden, weights)]
    moved_means = list(means)
    moved: Tensor | None = None
    acting = as_edit(edit).for_pair(pair) if edit is not None else None
    of = acting.tokens(batch) if acting is not None else None

    def change(act: Callable[[int, Tensor], Tensor], k: int, states: Tensor) -> Tensor:
        after = act(k, states)
        return after if of is None else torch.where(of.unsqueeze(-1), after, states)

    for k in range(1, model.blocks + 1):
        hidden = model.block(k, hidden, context)
        means.append(_mean(hidden, weights))
        if pair is None or acting is None:
            continue
        if k == pair.lirp:
            moved = change(acting.enter, k, hidden)
        elif moved is not None:
            moved = model.block(k, moved, context)
            if k == pair.lsrp:
                moved = change(acting.leave, k, moved)
            elif k < pair.lsrp and acting.acts_between:
                moved = change(acting.between, k, moved)
        moved_means.append(means[-1] if moved is None else _mean(moved, weights))
    runs = [means] if pair is None or edit is None else [means, moved_means]
    return torch.stack([torch.stack(run) for run in runs])


def mean_of(chosen: Bool[Tensor, "row token"]) -> Float[Tensor, "row token"]:
    """The weights of the mean over a row's chosen tokens; not a number where there is none."""
    weights = chosen.to(torch.float32)
    return weights / weights.sum(dim=1, keepdim=True)


def _weights(sentences: Sequence[Encoded], batch: TokenBatch) -> Float[Tensor, "row token"]:
    weights = torch.zeros(batch.ids.shape)
    for row, sentence in enumerate(sentences):
        weights[row, list(sentence.read)] = 1.0
    return (weights / weights.sum(dim=1, keepdim=True)).to(batch.ids.device)


def _mean(hidden: Float[Tensor, "row token hidden"], weights: Float[Tensor, "row token"]) -> Tensor:
    return torch.einsum("rt,rth->rh", weights, hidden.float())
