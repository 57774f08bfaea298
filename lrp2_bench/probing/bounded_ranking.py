"""Which of each fact's sentences wins, with as few log-partitions as the answer takes.

A sentence's score is the weighted sum over its steps of logit minus log-partition. Two sentences are compared by the
difference of their scores, in which positions that count alike for both cancel. Every log-partition lies between
bounds, so a difference does; it decides where it leaves out zero by more than rounding moves it. Lower bounds are
cheap (a log-sum-exp over some tokens is one) and cap a score from above, so it is the sentence that is ahead
by these caps whose log-partitions are computed: the right one's, or a rival's that then beats even its cap.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from lrp2_bench.probing.log_partition import LED_FROM, LogPartition
from lrp2_bench.probing.prefix_tree import PrefixTree
from lrp2_bench.probing.probe import ProbeCounts

#: Bounds are trusted where they leave out zero by more than this share of the terms of a difference.
_ROUNDING = 1e-6

#: Rounds in which a cell looks at one rival; from then on twice as many in each.
_ONE_BY_ONE = 4

#: The most rivals of a cell looked at in a round.
_MOST_AT_ONCE = 32

#: In place of minus infinity: times a zero it is a zero.
_LOWEST = -1e30

#: What is known of a log-partition: cheap lower bounds, bounds on either side, itself.
_UNKNOWN, _BOUNDED, _EXACT = 0, 1, 2

#: Numbers of states copied at once.
_STATE_FLOATS = 4 * 2**20


@dataclass(frozen=True)
class Sentences:
    """The sentences of some facts, filled up to as many sentences, steps and slots (scored positions) as the largest
    fact has. ``paths`` lists each sentence's steps, and the number of steps in place of one that it lacks; ``slots``
    the slot of each step; ``weights`` the weight of a log-probability, 0 for a sentence that is none; ``uses`` the
    weight of a slot's log-partition, 0 where all sentences share it so that it cancels."""

    paths: Int[Tensor, "fact sentence place"]
    slots: Int[Tensor, "fact step"]
    weights: Float[Tensor, "fact sentence"]
    uses: Float[Tensor, "fact sentence slot"]
    gold: Int[Tensor, " fact"]

    @classmethod
    def of(
        cls, trees: list[PrefixTree], weights: list[list[float]], gold: list[int], device: torch.device
    ) -> Sentences:
        facts, sentences = len(trees), max(len(tree.paths) for tree in trees)
        steps, slots = max(1, *(len(tree.steps) for tree in trees)), max(1, *(len(tree.scored) for tree in trees))
        longest = max(1, *(len(path) for tree in trees for path in tree.paths))
        paths = torch.full((facts, sentences, longest), steps)
        slot_of = torch.full((facts, steps), slots)  # a slot of nothing
        weight = torch.zeros(facts, sentences)
        uses = torch.zeros(facts, sentences, slots + 1)
        for fact, tree in enumerate(trees):
            weight[fact, : len(tree.paths)] = torch.tensor(weights[fact])
            slot_of[fact, : len(tree.steps)] = torch.tensor(tree.steps, dtype=torch.long).view(-1, 2)[:, 0]
            for sentence, path in enumerate(tree.paths):
                numbers = torch.tensor(path, dtype=torch.long)
                paths[fact, sentence, : len(path)] = numbers
                uses[fact, sentence, slot_of[fact, numbers]] = weight[fact, sentence]
            uses[fact, :, : len(tree.scored)].masked_fill_(torch.tensor(tree.shared, dtype=torch.bool), 0.0)
        parts = paths, slot_of, weight, uses[..., :-1].contiguous(), torch.tensor(gold)
        return cls(*(part.to(device) for part in parts))

    def total(self, terms: Float[Tensor, "fact setting step"]) -> Float[Tensor, "fact setting sentence"]:
        """The weighted sum of each sentence's terms."""
        facts, settings, _ = terms.shape
        _, sentences, longest = self.paths.shape
        terms = torch.cat([terms, terms.new_zeros(facts, settings, 1)], dim=2)
        places = self.paths.view(facts, 1, sentences * longest).expand(-1, settings, -1)
        picked = terms.gather(2, places).view(facts, settings, sentences, longest)
        return picked.sum(dim=-1) * self.weights.unsqueeze(1)


class BoundedRanking:
    """``states`` are the readout at the sentences' slots, ``logits`` those of their steps (zero beyond a fact's own).

    A log-partition starts between the log-sum-exp of some tokens' logits and infinity: of the sentences' own tokens,
    and in enough settings of those that lead at its position in the first one, where it is computed.
    """

    def __init__(
        self,
        sentences: Sentences,
        states: Float[Tensor, "fact setting slot hidden"],
        logits: Float[Tensor, "fact setting step"],
        log_partition: LogPartition,
        counts: ProbeCounts,
    ) -> None:
        self._sentences, self._states, self._logits = sentences, states, logits
        self._log_partition, self._counts = log_partition, counts
        facts, settings, slots, _ = states.shape
        gold = sentences.gold.view(-1, 1, 1)
        #: Weights of log-partitions in the difference to the right sentence.
        self._apart = sentences.uses - sentences.uses.gather(1, gold.expand(-1, 1, slots))
        self._base = sentences.total(logits)
        self._size = sentences.total(logits.abs().clamp(max=-_LOWEST))
        used = sentences.uses.any(dim=1)
        counts.log_partitions += settings * int(used.sum())
        places = sentences.slots.unsqueeze(1).expand(-1, settings, -1)
        there = logits.clamp(min=_LOWEST)
        top = there.new_full((facts, settings, slots + 1), _LOWEST).scatter_reduce(2, places, there, "amax")
        sums = torch.zeros_like(top).scatter_add(2, places, (there - top.gather(2, places)).exp())
        known = (top + sums.clamp(min=1).log())[..., :slots]
        known = (known - log_partition.slip(states, known)).nan_to_num(nan=_LOWEST).clamp(min=_LOWEST)
        self._low = torch.where(used.unsqueeze(1), known, 0.0)
        self._high = torch.where(used.unsqueeze(1), torch.inf, 0.0).expand_as(known).clone()
        self._level = torch.full(known.shape, _UNKNOWN, dtype=torch.int8, device=known.device)
        self._broken = torch.zeros_like(known)  # 1 where a log-partition is no number
        if settings >= LED_FROM:
            self._lead(used)

    def wins(self) -> Bool[Tensor, "fact setting"]:
        """Where each fact's own sentence scores highest; of equal ones the first wins.

        A score that is no finite number never wins.
        """
        sentences, settings = self._sentences, self._base.shape[1]
        gold = sentences.gold.view(-1, 1, 1).expand(-1, settings, 1)
        alive = torch.isfinite(self._base) & (sentences.weights > 0).unsqueeze(1)  # may still beat the right sentence
        lost = ~alive.gather(2, gold).squeeze(2)
        alive.scatter_(2, gold, False)
        looks = 0
        while True:
            broken = torch.bmm(self._broken, sentences.uses.transpose(1, 2)) > 0
            lost |= broken.gather(2, gold).squeeze(2)
            alive &= ~broken
            least, most = self._leads()
            lost |= (alive & (least > 0)).any(dim=2)
            alive &= (most >= 0) & ~lost.unsqueeze(2)
            fact, setting = alive.any(dim=2).nonzero(as_tuple=True)
            if not len(fact):
                break
            take = min(2 ** max(0, looks - _ONE_BY_ONE), _MOST_AT_ONCE)
            self._look(fact, setting, alive, lost, take)
            looks += 1
        # Rivals fell because a log-partition is no number: so may be one of the right sentence's, not looked at yet.
        fact, setting = (~lost & (self._broken > 0).any(dim=2)).nonzero(as_tuple=True)
        own = sentences.uses[fact, sentences.gold[fact]] > 0
        self._compute(fact, setting, own & (self._level[fact, setting] == _UNKNOWN))
        broken = torch.bmm(self._broken, sentences.uses.transpose(1, 2)) > 0
        return ~(lost | broken.gather(2, gold).squeeze(2))

    def _leads(self) -> tuple[Float[Tensor, "fact setting sentence"], Float[Tensor, "fact setting sentence"]]:
        """By how much each sentence leads the right one, at least and at most."""
        gold = self._sentences.gold.view(-1, 1, 1).expand(-1, self._base.shape[1], 1)
        more, less = self._apart.clamp(min=0).transpose(1, 2), (-self._apart).clamp(min=0).transpose(1, 2)
        open_ = torch.isinf(self._high)
        high = self._high.masked_fill(open_, 0.0)
        base = self._base - self._base.gather(2, gold)
        size = self._size + self._size.gather(2, gold) + torch.bmm(self._low.abs(), more + less)
        slack = _ROUNDING * (1 + size)
        least = base - torch.bmm(high, more) + torch.bmm(self._low, less) - slack
        most = base - torch.bmm(self._low, more) + torch.bmm(high, less) + slack
        unknown = open_.to(base.dtype)
        return (
            least.masked_fill(torch.bmm(unknown, more) > 0, -torch.inf),
            most.masked_fill(torch.bmm(unknown, less) > 0, torch.inf),
        )

    def _look(
        self,
        fact: Int[Tensor, " cell"],
        setting: Int[Tensor, " cell"],
        alive: Bool[Tensor, "fact setting sentence"],
        lost: Bool[Tensor, "fact setting"],
        take: int,
    ) -> None:
        """Bound the log-partitions of the right sentence or of its likeliest ``take`` rivals, whichever is ahead with
        all log-partitions at their lowest; compute those of both where that is done; compare where that is done."""
        caps = (self._base - torch.bmm(self._low, self._sentences.uses.transpose(1, 2)))[fact, setting]
        own = caps.gather(1, self._sentences.gold[fact].unsqueeze(1)).squeeze(1)
        caps, rivals = caps.masked_fill(~alive[fact, setting], -torch.inf).topk(min(take, caps.shape[1]), dim=1)
        asked = caps > -torch.inf
        apart = self._apart[fact.unsqueeze(1), rivals] * asked.unsqueeze(2)
        level = self._level[fact, setting]
        mine, theirs = (((part > 0).any(dim=1)) & (level == _UNKNOWN) for part in (-apart, apart))
        ahead = (own >= caps[:, 0]).unsqueeze(1)
        first, second = torch.where(ahead, mine, theirs), torch.where(ahead, theirs, mine)
        needed = first | second if take > 1 else torch.where(first.any(dim=1, keepdim=True), first, second)
        bounded = needed.any(dim=1)
        unsure = (apart != 0).any(dim=1) & (level == _BOUNDED) & ~bounded.unsqueeze(1)
        settled = ~bounded & ~unsure.any(dim=1)
        self._bound(fact, setting, needed)
        self._compute(fact, setting, unsure)
        if settled.any():
            self._compare(fact[settled], setting[settled], rivals[settled], asked[settled], alive, lost)

    def _lead(self, used: Bool[Tensor, "fact slot"]) -> None:
        """Compute the first setting's log-partitions, and bound the others' by the tokens that lead there."""
        settings, hidden = self._states.shape[1], self._states.shape[3]
        facts, slots = used.nonzero(as_tuple=True)
        size = max(1, _STATE_FLOATS // (settings * hidden))
        for fact, slot in zip(facts.split(size), slots.split(size), strict=True):
            states = self._states[fact, :, slot]
            lead = self._log_partition.leading(states[:, 0], self._counts)
            low = self._log_partition.over(states[:, 1:], lead)
            self._counts.partial_log_partitions += low.numel()
            self._low[fact, 1:, slot] = torch.maximum(self._low[fact, 1:, slot], low.nan_to_num(nan=_LOWEST))
            self._set(fact, torch.zeros_like(fact), slot, lead.value)

    def _bound(self, fact: Tensor, setting: Tensor, slots: Bool[Tensor, "cell slot"]) -> None:
        cell, slot = slots.nonzero(as_tuple=True)
        at = fact[cell], setting[cell], slot
        bounds = self._log_partition.bounds(self._states[at], self._counts)
        known = torch.isfinite(bounds.low) & torch.isfinite(bounds.high)
        self._high[at] = torch.where(known, bounds.high, torch.inf)
        low = torch.minimum(torch.maximum(self._low[at], bounds.low), bounds.high)
        self._low[at] = torch.where(known, torch.where(bounds.low == bounds.high, bounds.low, low), self._low[at])
        self._level[at] = torch.where(known & (bounds.low == bounds.high), _EXACT, _BOUNDED).to(torch.int8)

    def _compute(self, fact: Tensor, setting: Tensor, slots: Bool[Tensor, "cell slot"]) -> None:
        cell, slot = slots.nonzero(as_tuple=True)
        at = fact[cell], setting[cell], slot
        self._set(*at, self._log_partition.exact(self._states[at], self._counts))

    def _set(self, fact: Tensor, setting: Tensor, slot: Tensor, value: Float[Tensor, " row"]) -> None:
        at, number = (fact, setting, slot), torch.isfinite(value)
        self._low[at] = self._high[at] = value.masked_fill(~number, 0.0)
        self._broken[at] = (~number).to(self._broken.dtype)
        self._level[at] = _EXACT

    def _compare(
        self,
        fact: Int[Tensor, " cell"],
        setting: Int[Tensor, " cell"],
        rivals: Int[Tensor, "cell rival"],
        asked: Bool[Tensor, "cell rival"],
        alive: Bool[Tensor, "fact setting sentence"],
        lost: Bool[Tensor, "fact setting"],
    ) -> None:
        """Compare scores whose log-partitions are known where they do not cancel."""
        sentences, gold = self._sentences, self._sentences.gold[fact].unsqueeze(1)
        parted = torch.where(self._apart[fact.unsqueeze(1), rivals] != 0, self._low[fact, setting].unsqueeze(1), 0.0)
        parted = torch.nn.functional.pad(parted, (0, 1))
        logits = torch.nn.functional.pad(self._logits[fact, setting], (0, 1))
        slots = torch.nn.functional.pad(sentences.slots[fact], (0, 1), value=parted.shape[2] - 1)

        def score(chosen: Int[Tensor, "cell rival"]) -> Float[Tensor, "cell rival"]:
            path = sentences.paths[fact.unsqueeze(1), chosen]
            steps = path.flatten(1)
            taken = parted.gather(2, slots.gather(1, steps).view_as(path))
            terms = logits.gather(1, steps).view_as(path) - taken
            return terms.sum(dim=2) * sentences.weights[fact.unsqueeze(1), chosen]

        theirs, own = score(rivals), score(gold.expand_as(rivals))
        beaten = ((theirs > own) | ((theirs == own) & (rivals < gold))) & asked
        lost[fact, setting] |= beaten.any(dim=1)
        cell, place = asked.nonzero(as_tuple=True)
        alive[fact[cell], setting[cell], rivals[cell, place]] = False
