"""Which of a fact's sentences wins, with as few log-partitions as the answer takes."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from lrp2_bench.probing.log_partition import LogPartition
from lrp2_bench.probing.probe import ProbeCounts

#: Bounds are trusted where they differ by more than float32 rounding moves a sum.
_ROUNDING = 1e-6


class BoundedRanking:
    """Sentences of one fact in some settings, each the weighted sum over its steps of logit minus log-partition.

    ``logits`` are the steps', ``slots`` the scored position of each, ``states`` the readout there. Log-partitions start
    between the log-sum-exp of the logits known at their position and infinity.
    """

    def __init__(
        self,
        *,
        states: Float[Tensor, "setting slot hidden"],
        logits: Float[Tensor, "setting step"],
        slots: Int[Tensor, " step"],
        paths: Sequence[Sequence[int]],
        weights: Float[Tensor, " sentence"],
        shared: Bool[Tensor, " slot"],
        log_partition: LogPartition,
        counts: ProbeCounts,
    ) -> None:
        self._states, self._logits, self._slots = states, logits, slots
        self._weights, self._shared = weights, shared
        self._log_partition, self._counts = log_partition, counts
        settings, steps = logits.shape
        longest = max(len(path) for path in paths)
        # Step number ``steps`` is a step of nothing, with which shorter sentences are filled up.
        self._paths = torch.full((len(paths), longest), steps, device=logits.device)
        for row, path in enumerate(paths):
            self._paths[row, : len(path)] = torch.tensor(path, dtype=torch.long)
        uses = torch.zeros(len(paths), len(shared) + 1, dtype=torch.bool, device=logits.device)
        slot_of = torch.cat([slots, slots.new_full((1,), len(shared))])
        uses.scatter_(1, slot_of[self._paths], True)
        self._uses = uses[:, :-1] & ~shared
        at_slot = torch.nn.functional.one_hot(slots, len(shared)).bool()
        self._low = torch.stack([logits.masked_fill(~here, -torch.inf).logsumexp(dim=1) for here in at_slot.T], dim=1)
        self._high = torch.full_like(self._low, torch.inf)
        self._low[:, shared] = self._high[:, shared] = 0.0
        counts.log_partitions += settings * int((~shared).sum())

    def wins(self, gold: int) -> Bool[Tensor, " setting"]:
        """The settings in which sentence ``gold`` scores highest; of equal ones the first wins."""
        count = len(self._weights)
        won = torch.zeros(len(self._logits), dtype=torch.bool, device=self._logits.device)
        rivals = torch.arange(count, device=won.device) != gold
        open_ = torch.arange(len(won), device=won.device)
        asked = torch.zeros(len(won), count, dtype=torch.bool, device=won.device)
        take = 1
        while len(open_):
            low, high = self._scores(open_, self._low, self._high)
            slack = _ROUNDING * (1 + low[:, gold].abs().nan_to_num(posinf=0.0))
            beaten = (low[:, rivals] > (high[:, gold] + slack).unsqueeze(1)).any(dim=1)
            beaten |= ~torch.isfinite(high[:, gold])
            may_win = rivals & (high >= (low[:, gold] - slack).unsqueeze(1))
            safe = ~beaten & ~may_win.any(dim=1)
            won[open_[safe]] = True
            left = ~beaten & ~safe
            open_, may_win, high = open_[left], may_win[left], high[left]
            fresh = may_win & ~asked[open_]
            settled = ~fresh.any(dim=1) & asked[open_, gold]
            if settled.any():
                won[open_[settled]] = self._exactly(open_[settled], may_win[settled], gold)
                open_, fresh, high = open_[~settled], fresh[~settled], high[~settled]
            if not len(open_):
                break
            # The likeliest rivals first, the answer with the second: often a rival is ahead without its log-partition.
            order = high.masked_fill(~fresh, -torch.inf).argsort(dim=1, descending=True, stable=True)
            chosen = torch.zeros_like(fresh).scatter_(1, order[:, :take], True) & fresh
            if take > 1:
                chosen[:, gold] = True
            asked[open_] |= chosen
            self._narrow(open_, chosen)
            take *= 2
        return won

    def _scores(
        self, settings: Int[Tensor, " asked"], low: Float[Tensor, "setting slot"], high: Float[Tensor, "setting slot"]
    ) -> tuple[Float[Tensor, "asked sentence"], Float[Tensor, "asked sentence"]]:
        """Scores with the log-partitions at their highest, and at their lowest."""
        return self._sum(settings, high), self._sum(settings, low)

    def _sum(
        self, settings: Int[Tensor, " asked"], log_partitions: Float[Tensor, "setting slot"]
    ) -> Float[Tensor, "asked sentence"]:
        terms = self._logits[settings] - log_partitions[settings][:, self._slots]
        terms = torch.cat([terms, terms.new_zeros(len(settings), 1)], dim=1)
        return terms[:, self._paths].sum(dim=-1) * self._weights

    def _narrow(self, settings: Int[Tensor, " asked"], sentences: Bool[Tensor, "asked sentence"]) -> None:
        """Bound the log-partitions of some sentences."""
        needed = (sentences.unsqueeze(2) & self._uses).any(dim=1) & torch.isinf(self._high[settings])
        row, slot = needed.nonzero(as_tuple=True)
        at = settings[row]
        bounds = self._log_partition.bounds(self._states[at, slot], self._counts)
        self._low[at, slot] = torch.maximum(self._low[at, slot], bounds.low)
        self._high[at, slot] = bounds.high

    def _exactly(
        self, settings: Int[Tensor, " asked"], rivals: Bool[Tensor, "asked sentence"], gold: int
    ) -> Bool[Tensor, " asked"]:
        """Compare the answer and the rivals no bound could separate from it."""
        sentences = rivals.clone()
        sentences[:, gold] = True
        needed = (sentences.unsqueeze(2) & self._uses).any(dim=1)
        row, slot = (needed & (self._low[settings] < self._high[settings])).nonzero(as_tuple=True)
        exact = self._high.clone()
        exact[settings[row], slot] = self._log_partition.exact(self._states[settings[row], slot], self._counts)
        scores = self._sum(settings, exact).masked_fill(~sentences, -torch.inf)
        own = scores[:, gold].unsqueeze(1)
        first = torch.arange(scores.shape[1], device=scores.device) < gold
        return ~((scores > own) | ((scores == own) & first & rivals)).any(dim=1)
