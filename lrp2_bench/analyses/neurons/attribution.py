"""Knowledge attribution (Dai et al. 2022): integrated gradients over a block's feed-forward neurons.

The attribution of neuron n of block k is its activation at the scored positions times the mean, over steps between
none of it and all of it, of the derivative of the right object's probability by it, while all of the block's neurons at
those positions are scaled together. Attributions of a block so add up to p(as it is) - p(its activations zeroed) but
for what the steps miss: their completeness error.

Only blocks from k on run again for block k. In decoders, whose earlier tokens do not see the scored positions, only
those positions do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from lrp2_bench.core.batching import by_tokens
from lrp2_bench.core.types import Setting
from lrp2_bench.interventions.base import Edit
from lrp2_bench.interventions.projection import Shifts, as_edit
from lrp2_bench.models.layered import Context, LayeredModel, take
from lrp2_bench.models.neurons import changed_neurons, frozen
from lrp2_bench.probing.answer_prompts import AnswerPrompt

Rule = Literal["right", "left", "midpoint"]
#: Where between none and all of the activations step number s = 0..m-1 lies: (s + RULES[rule]) / m.
RULES: dict[Rule, float] = {"right": 1.0, "left": 0.0, "midpoint": 0.5}

#: Logits alive at once: a step takes the whole vocabulary at each scored position.
_MOST_LOGITS = 32 * 2**20


@dataclass(frozen=True)
class Attributed:
    """What some prompts' neurons did. ``prompts`` are their places among those given.

    ``values`` are float32; ``full`` is the right object's probability, ``zeroed`` the same with the block's activations
    at the scored positions set to 0.
    """

    prompts: Sequence[int]
    values: Float[Tensor, "prompt block neuron"]
    full: Float[Tensor, " prompt"]
    zeroed: Float[Tensor, "prompt block"]


@dataclass(frozen=True)
class Method:
    """``steps`` of a Riemann sum by ``rule``; ``batch_tokens`` bounds the padded tokens of a pass, steps counted."""

    steps: int
    rule: Rule
    batch_tokens: int

    def shares(self, device: torch.device) -> Float[Tensor, " step"]:
        return (torch.arange(self.steps, device=device) + RULES[self.rule]) / self.steps


def attribute(
    model: LayeredModel, prompts: Sequence[AnswerPrompt], pair: Setting, edit: Shifts | Edit | None, method: Method
) -> Iterator[Attributed]:
    """The attributions of every prompt, batch by batch, with ``pair``'s projections where there is one.

    Probabilities of an object of several tokens are the geometric mean of its tokens', so that long objects are on
    the scale of short ones; masks are independent of each other, a decoder's tokens follow the ones before them.
    """
    for places in batches(prompts, method):
        yield _Batch(model, [prompts[place] for place in places], pair, edit, method).run(places)


def batches(prompts: Sequence[AnswerPrompt], method: Method) -> Iterator[list[int]]:
    """Prompts with as many scored positions in batches of which one block's steps fill a pass, or one by one."""

    def scored(place: int) -> int:
        return len(prompts[place].positions)

    for _, group in groupby(sorted(range(len(prompts)), key=scored), key=scored):
        members = list(group)
        lengths = [len(prompts[place].ids) for place in members]
        for batch in by_tokens(lengths, max(1, method.batch_tokens // method.steps)):
            yield [members[number] for number in batch]


class _Batch:
    """Prompts with equally many scored positions; their baseline (or projected) states are computed once."""

    def __init__(
        self,
        model: LayeredModel,
        prompts: Sequence[AnswerPrompt],
        pair: Setting,
        edit: Shifts | Edit | None,
        method: Method,
    ) -> None:
        self._model, self._method = model, method
        self._pair = pair
        self._edit = as_edit(edit).for_pair(pair) if pair is not None and edit is not None else None
        tokens = model.batch([prompt.ids for prompt in prompts])
        self._moved = self._edit.tokens(tokens) if self._edit is not None else None
        self._context = model.context(tokens)
        self._positions = torch.tensor([prompt.positions for prompt in prompts], device=model.device)
        self._targets = torch.tensor([prompt.targets for prompt in prompts], device=model.device)
        with torch.no_grad():
            self._trunk = [model.embed(tokens)]
            for k in range(1, model.blocks + 1):
                self._trunk.append(self._move(k, model.block(k, self._trunk[-1], self._context), self._moved))
        count, scored = self._positions.shape
        logits = model.vocab_size * scored * count
        rows = max(1, method.batch_tokens // tokens.ids.shape[1])
        self._together = max(1, min(rows // count, _MOST_LOGITS // logits))  # steps in one pass

    def run(self, places: Sequence[int]) -> Attributed:
        blocks = range(1, self._model.blocks + 1)
        with frozen(self._model):
            with torch.no_grad():
                full = self._probability(take(self._trunk[-1], self._positions), self._targets)
                nothing = torch.zeros(1, device=full.device)
                zeroed = torch.stack([self._scaled(k, nothing)[1].flatten() for k in blocks], dim=1)
            values = torch.stack([self._block(k) for k in blocks], dim=1)
        return Attributed(places, values, full, zeroed)

    def _block(self, k: int) -> Float[Tensor, "prompt neuron"]:
        total: Tensor | None = None
        for shares in self._method.shares(self._model.device).split(self._together):
            with torch.enable_grad():
                scaled, probability = self._scaled(k, shares)
                (slope,) = torch.autograd.grad(probability.sum(), scaled)
            # The scaled activations over their share are the activations; a share of 0 has none to divide by.
            part = slope.unflatten(1, (len(shares), -1)).sum(dim=1)
            total = part if total is None else total + part
        if total is None:
            raise RuntimeError("a method without steps attributes nothing")
        with torch.no_grad():
            whole = self._scaled(k, torch.ones(1, device=total.device), stop=True)[0]
            return (whole * total).sum(dim=1).float() / self._method.steps

    def _scaled(
        self, k: int, shares: Float[Tensor, " step"], *, stop: bool = False
    ) -> tuple[Float[Tensor, "prompt step_scored neuron"], Float[Tensor, "prompt step"]]:
        """Block k's activations times each share, and the probability with them in place; ``stop``: without it."""
        steps, count = len(shares), len(self._positions)
        rows = torch.arange(count, device=shares.device).repeat_interleave(steps)
        at_positions = self._model.runs_at(k)
        scaled, states = self._steps_at(k, shares) if at_positions else self._steps_whole(k, shares, rows)
        if stop:
            return scaled, torch.empty(0)
        states = self._move(k, states, self._moved_at(rows))
        final = self._onward(k, states, rows)
        return scaled, self._probability(final, self._targets[rows]).view(count, steps)

    def _steps_at(self, k: int, shares: Float[Tensor, " step"]) -> tuple[Tensor, Tensor]:
        """Activations ``[prompt, step x scored, neuron]`` and states ``[prompt x step, scored, hidden]``: every step is
        a scored position of its own, so that attention's keys and values are computed once for all."""
        steps, scored = len(shares), self._positions.shape[1]
        kept: list[Tensor] = []

        def change(activations: Tensor) -> Tensor:
            factors = shares.repeat_interleave(scored).view(1, -1, 1)
            kept.append((activations.detach() * factors).requires_grad_(torch.is_grad_enabled()))
            return kept[0]

        with changed_neurons(self._model, k, change):
            states = self._model.block_at(k, self._trunk[k - 1], self._context, self._positions.repeat(1, steps))
        return kept[0], states.unflatten(1, (steps, scored)).flatten(0, 1)

    def _steps_whole(self, k: int, shares: Float[Tensor, " step"], rows: Int[Tensor, " row"]) -> tuple[Tensor, Tensor]:
        """The same of a block that cannot run at some positions alone: every step is a row of its own."""
        positions, hidden = self._positions[rows], self._trunk[k - 1][rows]
        kept: list[Tensor] = []

        def change(activations: Tensor) -> Tensor:
            there = take(activations.detach(), positions).unflatten(0, (-1, len(shares)))
            there = (there * shares.view(1, -1, 1, 1)).flatten(1, 2)
            kept.append(there.requires_grad_(torch.is_grad_enabled()))
            by_row = kept[0].unflatten(1, (len(shares), -1)).flatten(0, 1)
            return _put(activations.detach(), positions, by_row)

        with changed_neurons(self._model, k, change):
            states = self._model.block(k, hidden, self._context.select(rows, hidden.shape[1]))
        return kept[0], take(states, positions)

    def _onward(
        self, k: int, states: Float[Tensor, "row scored hidden"], rows: Int[Tensor, " row"]
    ) -> Float[Tensor, "row scored hidden"]:
        """Layer L's states at the scored positions, from layer k's there; ``rows`` are the prompts they belong to."""
        model, last = self._model, self._model.blocks
        if k == last:
            return states
        positions, context = self._positions[rows], self._context.select(rows, self._trunk[0].shape[1])
        hidden = _put(self._trunk[k][rows], positions, states)
        for later in range(k + 1, last):
            hidden = self._one_block(later, hidden, context, positions, rows)
        return self._move(last, model.block_at(last, hidden, context, positions), self._moved_at(rows))

    def _one_block(self, k: int, hidden: Tensor, context: Context, positions: Tensor, rows: Tensor) -> Tensor:
        if self._model.family == "masked":
            moved = self._moved[rows] if self._moved is not None else None
            return self._move(k, self._model.block(k, hidden, context), moved)
        there = self._move(k, self._model.block_at(k, hidden, context, positions), self._moved_at(rows))
        return _put(self._trunk[k][rows], positions, there)

    def _move(self, k: int, hidden: Tensor, moved: Bool[Tensor, "row token"] | None) -> Tensor:
        """What the pair does to layer k's states, at the tokens that are ``moved`` (None: all)."""
        if self._pair is None or self._edit is None or not self._pair.lirp <= k <= self._pair.lsrp:
            return hidden
        edit = self._edit
        act = edit.enter if k == self._pair.lirp else edit.leave if k == self._pair.lsrp else edit.between
        after = act(k, hidden)
        return after if moved is None else torch.where(moved.unsqueeze(-1), after, hidden)

    def _moved_at(self, rows: Int[Tensor, " row"]) -> Bool[Tensor, "row scored"] | None:
        return self._moved.gather(1, self._positions)[rows] if self._moved is not None else None

    def _probability(
        self, states: Float[Tensor, "row scored hidden"], targets: Int[Tensor, "row scored"]
    ) -> Float[Tensor, " row"]:
        """The geometric mean of the answer tokens' probabilities."""
        logits = self._model.logits(states).float()
        gold = logits.gather(2, targets.unsqueeze(2)).squeeze(2)
        return (gold - logits.logsumexp(dim=2)).mean(dim=1).exp()


def _put(hidden: Tensor, positions: Tensor, states: Tensor) -> Tensor:
    """``hidden`` with ``states`` at ``positions``."""
    return hidden.scatter(1, positions.unsqueeze(-1).expand_as(states), states)
