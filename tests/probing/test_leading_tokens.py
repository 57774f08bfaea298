"""What is known of a log-partition in one state bounds it in others from below."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from lrp2_bench.probing.log_partition import LED_FROM, LogPartition
from lrp2_bench.probing.probe import ProbeCounts
from tests.support.heads import head_of, random
from tests.support.properties import steady


@st.composite
def _heads(draw: st.DrawFn) -> tuple[Tensor, Tensor | None, float | None, Tensor]:
    """Heads and states that try bounds: huge norms, states along a row or against it, equal rows, all logits alike or
    far below zero."""
    seed, vocab, hidden = draw(st.integers(0, 2**16)), draw(st.sampled_from([1, 3, 40, 600])), draw(st.integers(1, 12))
    weight, states = random(seed, vocab, hidden), random(seed + 1, 3, 5, hidden)
    kind = draw(st.sampled_from(["random", "along", "against", "equal", "uniform", "one long"]))
    if kind in {"along", "against"}:
        states = (1 if kind == "along" else -1) * weight[torch.arange(15).view(3, 5) % vocab]
    elif kind == "equal":
        weight = weight[:1].expand(vocab, hidden).contiguous()
    elif kind == "uniform":
        states = torch.zeros_like(states)
    elif kind == "one long":
        weight[-1] *= 1e4
    states = states * draw(st.sampled_from([1e-20, 1e-3, 1.0, 300.0, 1e5]))
    bias = draw(st.sampled_from([None, 0.0, 1.0, -1e4]))
    cap = draw(st.sampled_from([None, 0.5, 30.0]))
    return weight, None if bias is None else bias + random(seed + 2, vocab), cap, states


@steady
@given(head=_heads())
def test_what_leads_in_one_state_bounds_the_log_partition_of_another_from_below(
    head: tuple[Tensor, Tensor | None, float | None, Tensor],
) -> None:
    weight, bias, cap, states = head
    lots, counts = LogPartition(head_of(weight, bias, cap=cap), 64, rough=False), ProbeCounts()
    lead = lots.leading(states[:, 0], counts)
    value, low = lead.value, lots.over(states, lead)
    exact = lots.exact(states.flatten(0, 1), counts).view(3, 5)
    logits = states.double() @ weight.double().T + (0 if bias is None else bias.double())
    true = (logits if cap is None else cap * (logits / cap).tanh()).logsumexp(dim=2)
    assert (low <= exact).all()
    assert (low <= true).all()
    torch.testing.assert_close(value, exact[:, 0], atol=1e-5, rtol=1e-5)
    assert (value >= low[:, 0]).all()
    assert counts.exact_log_partitions == 3 + 15
    if lead.tokens.shape[1] == len(weight):  # over all tokens: nothing is missing but the margins
        margin = lots.slip(states, exact) + lots.slip(states[:, :1], exact[:, :1])
        assert (exact - low <= 3 * margin).all()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("scale", [0.01, 0.3, 2.0])
def test_what_leads_bounds_a_head_in_half_precision_as_it_is_computed(scale: float, dtype: torch.dtype) -> None:
    weight, states = (scale * random(1, 9000, 64)).to(dtype), random(2, 4, 40, 64).to(dtype)
    lots = LogPartition(head_of(weight, None, dtype), 64, rough=False)
    exact = lots.exact(states.flatten(0, 1), ProbeCounts()).view(4, 40)
    low = lots.over(states, lots.leading(states[:, 0], ProbeCounts()))
    assert (low <= exact).all()
    assert (low <= (states.double() @ weight.double().T).logsumexp(dim=2)).all()


def test_where_no_tokens_lead_the_tangent_bounds_closely() -> None:
    weight, states = 0.02 * random(1, 20_000, 64), random(2, 2, 30, 64)
    lots = LogPartition(head_of(weight, None), 64, rough=False)
    exact = lots.exact(states.flatten(0, 1), ProbeCounts()).view(2, 30)
    low = lots.over(states, lots.leading(states[:, 0], ProbeCounts()))
    assert (exact - low).max() < 0.1
    capped = LogPartition(head_of(weight, None, cap=50.0), 64, rough=False)
    low = capped.over(states, capped.leading(states[:, 0], ProbeCounts()))
    assert (exact - low).min() > 4, "without the tangent, which holds for no capped head, most of the sum is missing"


@steady
@given(head=_heads(), sizes=st.lists(st.integers(1, 9), min_size=1, max_size=3), seed=st.integers(0, 99))
def test_rows_of_a_query_are_bounded_by_the_tokens_that_lead_in_its_first(
    head: tuple[Tensor, Tensor | None, float | None, Tensor], sizes: list[int], seed: int
) -> None:
    weight, bias, cap, states = head
    lots, counts = LogPartition(head_of(weight, bias, cap=cap), 64, rough=False), ProbeCounts()
    query = torch.tensor([number for number, size in enumerate(sizes) for _ in range(size)])
    query = query[torch.randperm(len(query), generator=torch.Generator().manual_seed(seed))]
    rows = states.flatten(0, 1)[torch.arange(2 * len(query)) % 15].view(len(query), 2, -1)
    bounds = lots.led(rows, 5 * query, counts)
    exact = lots.exact(rows.flatten(0, 1), counts).view(len(query), 2)
    known = bounds.low == bounds.high
    torch.testing.assert_close(bounds.low[known], exact[known], atol=1e-5, rtol=1e-5)
    assert (bounds.low[~known] <= exact[~known]).all()
    assert torch.isinf(bounds.high[~known]).all()
    led = [number for number, size in enumerate(sizes) if size >= LED_FROM]
    assert counts.partial_log_partitions == 2 * sum(sizes[number] for number in led)
    firsts = [int((query == number).nonzero()[0]) for number in led]
    assert known.any(dim=1).nonzero().flatten().tolist() == sorted(firsts)
    assert torch.isfinite(bounds.low).all(dim=1).tolist() == [int(number) in led for number in query]
