"""Log-sum-exps over the vocabulary, exactly or between bounds.

The head is the widest matrix of a multilingual model (BLOOM: 250,880 rows), and most comparisons of candidates do
not hang on its last digits. Where a trial shows bfloat16 matrices to multiply several times faster than float32 ones,
a log-partition is first computed that way, with a bound on its error; whoever compares takes the exact one only where
the bound leaves the winner open.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from jaxtyping import Float, Int
from torch import Tensor

from lrp2_bench.models.layered import LayeredModel, Vocabulary
from lrp2_bench.probing.probe import ProbeCounts

#: Vocabulary rows a step: with a step's states, their logits stay in a core's cache.
_VOCAB_STEP = 4096

#: Numbers of a head from which bfloat16 is tried: smaller ones take next to nothing in any format.
_WORTH_TRYING = 2**24

#: Seconds for which it is tried, on so many rows, and the share of float32's time from which it is used.
_TRYING, _TRIED_ROWS, _MOST_SHARE = 0.2, 512, 0.6

#: One token of so many leads, but no fewer than these.
_LEADING, _FEWEST_LEADING = 512, 16

#: Settings of a query from which it pays to compute one's log-partitions for the tokens that lead.
LED_FROM = 4

#: Logits and rows of the head held at once where they are looked at one by one.
_LOGIT_FLOATS = 16 * 2**20

#: Nats below a log-sum-exp from which logits are nothing of it.
_NEGLIGIBLE = 30

#: Share of a float32 log-sum-exp that its own rounding may move it, generously.
_ROUNDING = 1e-5


@dataclass(frozen=True)
class Interval:
    """``low <= value <= high``, elementwise."""

    low: Float[Tensor, "*row"]
    high: Float[Tensor, "*row"]


@dataclass(frozen=True)
class Lead:
    """What is known of log-partitions from some states: their values, the tokens with the largest logits there, and of
    all others together the tangent, ``rest`` plus the state's product with the ``mean`` of their rows of the head."""

    value: Float[Tensor, " row"]
    tokens: Int[Tensor, "row token"]
    rest: Float[Tensor, " row"]
    mean: Float[Tensor, "row hidden"]
    length: Float[Tensor, " row"]  # of the states


class LogPartition:
    """``rough`` allows the low-precision path; without it bounds are exact."""

    def __init__(self, model: LayeredModel, row_step: int, *, rough: bool) -> None:
        self._model = model
        self._row_step = row_step
        self._rough = _RoughHead(model) if rough else None

    def exact(self, states: Float[Tensor, "row hidden"], counts: ProbeCounts) -> Float[Tensor, " row"]:
        """In the model's precision, float32 sums. ``states`` come from the model's readout."""
        counts.exact_log_partitions += len(states)
        vocabulary = self._model.vocabulary
        return torch.cat(
            [_log_sum_exp(part, vocabulary) for part in states.split(self._row_step)]
            or [states.new_zeros(0, dtype=torch.float32)]
        )

    def bounds(self, states: Float[Tensor, "row hidden"], counts: ProbeCounts) -> Interval:
        """An interval that holds the exact value."""
        if self._rough is None:
            value = self.exact(states, counts)
            return Interval(value, value)
        counts.rough_log_partitions += len(states)
        parts = [self._rough.bounds(part) for part in states.split(self._row_step)]
        if not parts:
            empty = states.new_zeros(0, dtype=torch.float32)
            return Interval(empty, empty)
        return Interval(torch.cat([part.low for part in parts]), torch.cat([part.high for part in parts]))

    def leading(self, states: Float[Tensor, "row hidden"], counts: ProbeCounts) -> Lead:
        """Exact values as in :meth:`exact`, and what bounds those of other states from below."""
        counts.exact_log_partitions += len(states)
        vocabulary = self._model.vocabulary
        weight, most = vocabulary.weight, leading_tokens(len(vocabulary.weight))
        values, tokens, rests, means = [], [], [], []
        for part in states.split(max(1, _LOGIT_FLOATS // len(weight))):
            logits = vocabulary.finish(torch.nn.functional.linear(part, weight, vocabulary.bias).float())
            values.append(logits.logsumexp(dim=1))
            top = logits.topk(most, dim=1).indices
            tokens.append(top)
            mean = part.new_zeros(part.shape, dtype=torch.float32)
            rest = mean.new_full((len(part),), -torch.inf)
            # A soft cap leaves a log-partition no convex function of the state; half precision rounds the tangent away.
            if vocabulary.cap is None and weight.dtype is torch.float32 and most < len(weight):
                logits.scatter_(1, top, -torch.inf)
                rest = logits.logsumexp(dim=1)
                shares = logits.sub_(rest.unsqueeze(1)).exp_()
                # Any distribution bounds; what does not add up to 1 does not.
                mean = shares @ weight / shares.sum(dim=1, keepdim=True)
                rest = rest - (mean * part.float()).sum(dim=1)
            rests.append(rest)
            means.append(mean)
        return Lead(
            torch.cat(values), torch.cat(tokens), torch.cat(rests), torch.cat(means), states.float().norm(dim=1)
        )

    def over(self, states: Float[Tensor, "row setting hidden"], lead: Lead) -> Float[Tensor, "row setting"]:
        """Less than the exact values, whatever rounding does: the log-sum-exp over the tokens that lead at the row's
        ``lead``, and for the rest of the vocabulary the tangent there. Every distribution p over the rest bounds its
        log-sum-exp from below by the mean of the logits under p plus p's entropy (Jensen); the lead's own does so
        exactly where it was taken, and linearly in the state elsewhere."""
        vocabulary = self._model.vocabulary
        size = max(1, _LOGIT_FLOATS // (lead.tokens.shape[1] * states.shape[2]))
        values = []
        for part, chosen in zip(states.split(size), lead.tokens.split(size), strict=True):
            products = torch.bmm(part, vocabulary.weight[chosen].transpose(1, 2)).float()
            if vocabulary.bias is not None:
                products = products + vocabulary.bias[chosen].unsqueeze(1)
            values.append(vocabulary.finish(products).logsumexp(dim=2))
        rest = lead.rest.unsqueeze(1) + torch.bmm(states.float(), lead.mean.unsqueeze(2)).squeeze(2)
        value = torch.logaddexp(torch.cat(values), rest)
        return value - self.slip(states, value) - _ROUNDING * self._reach * lead.length.unsqueeze(1)

    def led(
        self, states: Float[Tensor, "row place hidden"], group: Int[Tensor, " row"], counts: ProbeCounts
    ) -> Interval:
        """The exact values of the first row of each ``group``, and lower bounds of the others': over the tokens that
        lead at a place in the first. Rows of groups so small that this may save nothing are left open."""
        rows, places, width = states.shape
        low = states.new_full((rows, places), -torch.inf, dtype=torch.float32)
        high = torch.full_like(low, torch.inf)
        _, group = group.unique(return_inverse=True)
        sizes = group.bincount()
        order = group.argsort(stable=True)
        large = sizes >= LED_FROM
        start, sizes = (sizes.cumsum(dim=0) - sizes)[large], sizes[large]
        if not len(sizes):
            return Interval(low, high)
        step = max(1, _LOGIT_FLOATS // (int(sizes.max()) * places * width))
        for first, size in zip(start.split(step), sizes.split(step), strict=True):
            member = torch.arange(int(size.max()), device=states.device).expand(len(size), -1)
            some = order[first.unsqueeze(1) + torch.minimum(member, size.unsqueeze(1) - 1)]  # the last fills up
            there = states[some].transpose(1, 2).flatten(0, 1)
            lead = self.leading(there[:, 0], counts)
            bounds = self.over(there, lead)
            counts.partial_log_partitions += int(size.sum()) * places
            low[some] = bounds.view(len(size), places, -1).transpose(1, 2)
            low[order[first]] = high[order[first]] = lead.value.view(len(size), places)
        return Interval(low, high)

    def slip(self, states: Float[Tensor, "*row hidden"], value: Float[Tensor, " *row"]) -> Float[Tensor, " *row"]:
        """More than two ways of summing a row's products can differ by, where their log-sum-exp is ``value``."""
        largest: Float[Tensor, " *row"] = self._reach * states.float().norm(dim=-1)
        # Half-precision products are rounded by their own size, and those of less than e**-30 of the sum do not count.
        half = self._half * (_NEGLIGIBLE + value.abs())
        return _ROUNDING * (1 + value.abs() + largest) + half

    @cached_property
    def _reach(self) -> Float[Tensor, ""]:
        """The longest row of the head."""
        weight = self._model.vocabulary.weight
        return torch.stack([part.float().norm(dim=1).max() for part in weight.split(_VOCAB_STEP)]).max()

    @property
    def _half(self) -> float:
        """By what share two roundings of a half-precision product may differ; 0 in float32."""
        kind = self._model.vocabulary.weight.dtype
        return 0.0 if kind is torch.float32 else float(torch.finfo(kind).eps)


def leading_tokens(vocab: int) -> int:
    """Tokens that a partial row is over."""
    return min(vocab, max(_FEWEST_LEADING, vocab // _LEADING))


def rough_is_faster(model: LayeredModel) -> bool:
    """Whether bfloat16 bounds take so much less time than float32 values on this machine, for rows and states as wide
    as this model's, that computing some float32 ones after all leaves a gain. Tried for a fifth of a second.

    Nothing is assumed of the machine: matrix units for bfloat16 (AMX, CUDA) make it several times as fast, processors
    that convert it make it slower, and in a narrow model the exponentials take longer than the products. No integers:
    int8 products are twice as fast as float32 ones on processors with VNNI, but what can be proven of their rounding
    leaves log-partitions of Gemma 3 270M open by 8 to 19 nats (docs/engine.md), where cells hang on less.
    """
    weight = model.vocabulary.weight
    if model.dtype is not torch.float32 or weight.numel() < _WORTH_TRYING:
        return False
    step = weight[:_VOCAB_STEP].detach()
    states = torch.randn(_TRIED_ROWS, weight.shape[1], device=weight.device)
    heads = (
        replace(model.vocabulary, weight=step, bias=None),
        replace(model.vocabulary, weight=step.bfloat16(), bias=None),
    )
    best = [float("inf"), float("inf")]
    start, rounds = time.perf_counter(), 0
    with torch.inference_mode():
        while rounds < 2 or time.perf_counter() - start < _TRYING:  # the first of anything is slow
            for number, head in enumerate(heads):
                once = time.perf_counter()
                _log_sum_exp_and_size(states.to(head.weight.dtype), head, None)
                if states.is_cuda:
                    torch.cuda.synchronize(states.device)
                best[number] = min(best[number], time.perf_counter() - once)
            rounds += 1
    exact, rough = best
    return rough < _MOST_SHARE * exact


class _RoughHead:
    """The head in bfloat16, its mean row taken out first: that shifts all logits of a row equally, so it is added back
    exactly, and what is rounded is smaller."""

    def __init__(self, model: LayeredModel) -> None:
        weight = model.vocabulary.weight.detach()
        if weight.is_cuda:
            # The bound takes sums of products to be kept in float32, which CUDA does only on request.
            torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False
        self._mean = weight.mean(dim=0)
        self._rounded = torch.empty_like(weight, dtype=torch.bfloat16)
        largest = error = torch.zeros((), device=weight.device)
        for start in range(0, len(weight), _VOCAB_STEP):
            rows = weight[start : start + _VOCAB_STEP] - self._mean
            rounded = rows.bfloat16()
            self._rounded[start : start + _VOCAB_STEP] = rounded
            largest = torch.maximum(largest, rounded.float().norm(dim=1).max())
            error = torch.maximum(error, (rows - rounded.float()).norm(dim=1).max())
        self._vocabulary = replace(model.vocabulary, weight=self._rounded)
        self._largest, self._error = largest, error
        self._reach = largest + self._mean.norm()

    def bounds(self, states: Float[Tensor, "row hidden"]) -> Interval:
        """For a row w and state s with roundings w', s': |w.s - w'.s'| <= |w'| |s - s'| + |w - w'| |s|, and the
        product itself is rounded to bfloat16 on the way out. A soft cap is nowhere steeper than 1, so it moves logits
        no further apart; a log-sum-exp moves no further than its logits do."""
        rounded = states.bfloat16()
        value, size = _log_sum_exp_and_size(rounded, self._vocabulary, states @ self._mean)
        slip = self._largest * (states - rounded.float()).norm(dim=1) + self._error * states.norm(dim=1)
        slip = slip + size * 2.0**-8 + _ROUNDING * (1 + value.abs() + self._reach * states.norm(dim=1))
        return Interval(value - slip, value + slip)


def _log_sum_exp(states: Tensor, vocabulary: Vocabulary) -> Float[Tensor, " row"]:
    """The log-sum-exp of each row's logits, a stretch of the vocabulary at a time."""
    return _log_sum_exp_and_size(states, vocabulary, None)[0]


def _log_sum_exp_and_size(
    states: Tensor, vocabulary: Vocabulary, shift: Float[Tensor, " row"] | None
) -> tuple[Float[Tensor, " row"], Float[Tensor, " row"]]:
    """As above, and the size of the largest product; ``shift`` is added to all products of a row."""
    weight, bias = vocabulary.weight, vocabulary.bias
    top = torch.full((len(states),), -torch.inf, device=states.device)
    total = torch.zeros(len(states), device=states.device)
    size = torch.zeros(len(states), device=states.device)
    for start in range(0, len(weight), _VOCAB_STEP):
        logits = (states @ weight[start : start + _VOCAB_STEP].T).float()
        most = logits.amax(dim=1)  # twenty times as fast as aminmax
        size = torch.maximum(size, torch.maximum(most, -logits.amin(dim=1)))
        if bias is not None:
            logits = logits + bias[start : start + _VOCAB_STEP]
        if vocabulary.cap is not None:
            # Unlike a sum, a soft cap does not commute with what all of a row's logits have in common.
            logits = vocabulary.finish(logits if shift is None else logits + shift.unsqueeze(1))
        if bias is not None or vocabulary.cap is not None:
            most = logits.amax(dim=1)
        higher = torch.maximum(top, most)
        total = total * (top - higher).exp() + logits.sub_(higher.unsqueeze(1)).exp_().sum(dim=1)
        top = higher
    value = top + total.log()
    return (value if shift is None or vocabulary.cap is not None else value + shift), size
