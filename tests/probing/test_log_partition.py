"""Log-sum-exps over the vocabulary: exact ones, and intervals that always hold them."""

from __future__ import annotations

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch import Tensor

from lrp2_bench.core.settings import GridSettings
from lrp2_bench.models.layered import Vocabulary
from lrp2_bench.probing import log_partition as log_partition
from lrp2_bench.probing.build import build_log_partition
from lrp2_bench.probing.log_partition import LogPartition, rough_is_faster
from lrp2_bench.probing.probe import ProbeCounts
from tests.support.heads import head_of, random
from tests.support.properties import steady


def _assert_held(weight: Tensor, bias: Tensor | None, states: Tensor, cap: float | None = None) -> Tensor:
    """That the interval holds the exact value, as computed in float32 and in float64; its widths."""
    head = LogPartition(head_of(weight, bias, cap=cap), 64, rough=True)
    counts = ProbeCounts()
    interval, exact = head.bounds(states, counts), head.exact(states, counts)
    logits = states.double() @ weight.double().T + (0 if bias is None else bias.double())
    logits = logits if cap is None else cap * (logits / cap).tanh()
    for value in (exact, logits.logsumexp(dim=1)):
        assert (interval.low <= value).all()
        assert (value <= interval.high).all()
    return interval.high - interval.low


@pytest.mark.parametrize("rows", [1, 7, 1024])
@pytest.mark.parametrize("vocab", [1, 5, 4096, 4097, 9000])
@pytest.mark.parametrize("biased", [False, True])
def test_the_exact_value_is_the_log_sum_exp_of_all_logits(biased: bool, vocab: int, rows: int) -> None:
    weight, states = random(1, vocab, 16), random(2, 20, 16)
    bias = random(3, vocab) if biased else None
    counts = ProbeCounts()
    value = LogPartition(head_of(weight, bias), rows, rough=False).exact(states, counts)
    expected = torch.logsumexp(torch.nn.functional.linear(states, weight, bias), dim=1)
    torch.testing.assert_close(value, expected, atol=1e-5, rtol=1e-6)
    assert (counts.exact_log_partitions, counts.rough_log_partitions) == (20, 0)


@pytest.mark.parametrize("vocab", [1, 4097])
@pytest.mark.parametrize("biased", [False, True])
def test_a_soft_cap_bounds_logits_before_they_are_summed(biased: bool, vocab: int) -> None:
    weight, states = random(1, vocab, 16), random(2, 20, 16)
    bias = random(3, vocab) if biased else None
    value = LogPartition(head_of(weight, bias, cap=3.0), 64, rough=False).exact(states, ProbeCounts())
    logits = 3.0 * (torch.nn.functional.linear(states, weight, bias) / 3.0).tanh()
    torch.testing.assert_close(value, torch.logsumexp(logits, dim=1), atol=1e-5, rtol=1e-6)


@pytest.mark.parametrize("cap", [0.5, 3.0, 30.0])
@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("common", [0.0, 5.0])
def test_the_low_precision_bound_holds_capped_logits(common: float, biased: bool, cap: float) -> None:
    # What all rows have in common is taken out before rounding, and must be back before the cap.
    weight, states = random(1, 5000, 64) + common * random(4, 64), random(2, 50, 64)
    widths = _assert_held(weight, random(3, 5000) if biased else None, states, cap)
    assert (widths < 2 + 4 * common).all()


def test_far_logits_neither_overflow_nor_vanish() -> None:
    weight, states = torch.tensor([[1.0], [-1.0], [0.5]]), torch.tensor([[300.0], [-300.0], [0.0]])
    value = LogPartition(head_of(weight, None), 8, rough=False).exact(states, ProbeCounts())
    torch.testing.assert_close(value, torch.tensor([300.0, 300.0, torch.tensor(3.0).log()]))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_models_in_half_precision_are_summed_in_float32(dtype: torch.dtype) -> None:
    weight, states = (0.1 * random(1, 5000, 64)).to(dtype), random(2, 10, 64).to(dtype)
    model = head_of(weight, None, dtype)
    value = LogPartition(model, 8, rough=False).exact(states, ProbeCounts())
    assert value.dtype is torch.float32
    expected = torch.logsumexp((states @ weight.T).float(), dim=1)
    torch.testing.assert_close(value, expected, atol=1e-4, rtol=0)


def test_without_the_rough_path_bounds_are_the_exact_value() -> None:
    head = LogPartition(head_of(random(1, 100, 8), None), 4, rough=False)
    counts, states = ProbeCounts(), random(2, 10, 8)
    interval = head.bounds(states, counts)
    assert torch.equal(interval.low, interval.high)
    assert torch.equal(interval.low, head.exact(states, ProbeCounts()))
    assert (counts.exact_log_partitions, counts.rough_log_partitions) == (10, 0)


def test_rough_rows_are_counted_as_such() -> None:
    head, counts = LogPartition(head_of(random(1, 100, 8), None), 4, rough=True), ProbeCounts()
    head.bounds(random(2, 10, 8), counts)
    assert (counts.exact_log_partitions, counts.rough_log_partitions) == (0, 10)


@pytest.mark.parametrize("rough", [False, True])
def test_no_rows_give_no_values(rough: bool) -> None:
    head = LogPartition(head_of(random(1, 100, 8), random(2, 100)), 4, rough=rough)
    none = torch.zeros(0, 8)
    assert head.exact(none, ProbeCounts()).shape == (0,)
    assert head.bounds(none, ProbeCounts()).low.shape == head.bounds(none, ProbeCounts()).high.shape == (0,)


@steady
@given(
    seed=st.integers(0, 2**16),
    vocab=st.sampled_from([1, 2, 30, 5000]),
    hidden=st.sampled_from([1, 8, 64]),
    scale=st.sampled_from([1e-20, 1e-3, 0.05, 1.0, 100.0]),
    length=st.sampled_from([0.0, 1e-6, 1.0, 1000.0]),
    bias=st.sampled_from([None, 0.0, 1.0, 1e4]),
    mean=st.sampled_from([0.0, 1.0, 1000.0]),
)
@example(seed=0, vocab=3, hidden=8, scale=1e-3, length=1.0, bias=1.0, mean=100.0)
def test_the_interval_holds_the_exact_value(
    seed: int, vocab: int, hidden: int, scale: float, length: float, bias: float | None, mean: float
) -> None:
    """``mean`` is the length of what all rows have in common; half of the states are at right angles to it."""
    weight = scale * random(seed, vocab, hidden) + mean * random(seed + 1, 1, hidden)
    states = length * random(seed + 2, 16, hidden)
    common = weight.mean(dim=0)
    if mean:
        across = states[8:] @ common / (common @ common)
        states[8:] -= across.unsqueeze(1) * common
    _assert_held(weight, None if bias is None else bias * random(seed + 3, vocab), states)


@pytest.mark.parametrize("hidden", [4, 64, 512])
def test_the_interval_holds_where_every_rounding_goes_the_same_way(hidden: int) -> None:
    """bfloat16 keeps 8 bits: numbers just below the middle of two all round down, and all errors add up."""
    signs = torch.sign(random(1, 300, hidden))
    for low in (1 + 2**-8 - 2**-16, 1 + 2**-7 - 2**-8 - 2**-16, 2 - 2**-8 + 2**-12):
        # With every row's opposite there as well the mean row is zero, and nothing is taken out before rounding.
        _assert_held(low * torch.cat([signs, -signs]), None, low * signs)


def test_the_interval_holds_with_one_row_far_longer_than_the_others() -> None:
    weight = 0.05 * random(1, 3000, 64)
    weight[17] *= 1000
    _assert_held(weight, random(2, 3000), random(3, 100, 64))


def test_the_interval_is_narrow_where_logits_are_of_a_usual_size() -> None:
    weight, states = 0.05 * random(1, 20_000, 256), random(2, 50, 256)
    largest = (states @ weight.T).abs().max()
    assert 3 < largest < 6
    widths = _assert_held(weight, random(3, 20_000), states)
    assert widths.min() > 0
    assert widths.max() < 0.2


def test_what_all_rows_have_in_common_does_not_widen_the_interval() -> None:
    weight, states, common = 0.05 * random(1, 5000, 64), random(2, 50, 64), 5 * random(3, 64)
    apart, together = _assert_held(weight, None, states), _assert_held(weight + common, None, states)
    assert together.max() < 1.2 * apart.max()


def test_a_row_of_states_that_are_no_numbers_has_no_bounds_and_spoils_no_other() -> None:
    head, states = LogPartition(head_of(random(1, 100, 8), None), 4, rough=True), random(2, 6, 8)
    alone = head.bounds(states, ProbeCounts())
    states[2] = torch.nan
    with_nan = head.bounds(states, ProbeCounts())
    assert torch.isnan(with_nan.low).tolist() == [False, False, True, False, False, False]
    others = [0, 1, 3, 4, 5]
    torch.testing.assert_close(with_nan.low[others], alone.low[others])


@pytest.mark.parametrize(("rough", "dtype", "used"), [
    (True, torch.float32, True), (False, torch.float32, False), (True, torch.bfloat16, False),
])  # fmt: skip
def test_the_setting_switches_the_rough_path_for_float32_models_alone(
    rough: bool, dtype: torch.dtype, used: bool
) -> None:
    model = head_of(random(1, 100, 8).to(dtype), None, dtype)
    counts = ProbeCounts()
    build_log_partition(model, GridSettings(rough_log_partitions=rough)).bounds(random(2, 5, 8).to(dtype), counts)
    assert (counts.rough_log_partitions > 0) == used


@pytest.mark.parametrize(("factor", "faster"), [(0.25, True), (0.5, True), (0.9, False), (4.0, False)])
def test_by_default_a_trial_of_both_formats_decides(
    factor: float, faster: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``factor``: seconds of a product in bfloat16 for one of a product in float32."""
    clock, real = [0.0], log_partition._log_sum_exp_and_size

    def timed(states: Tensor, vocabulary: Vocabulary, shift: Tensor | None) -> tuple[Tensor, Tensor]:
        clock[0] += factor if vocabulary.weight.dtype is torch.bfloat16 else 1.0
        return real(states, vocabulary, shift)

    monkeypatch.setattr(log_partition, "_log_sum_exp_and_size", timed)
    monkeypatch.setattr(log_partition.time, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(log_partition, "_WORTH_TRYING", 800)
    model = head_of(random(1, 100, 8), None)
    assert rough_is_faster(model) == faster
    counts = ProbeCounts()
    build_log_partition(model, GridSettings()).bounds(random(2, 5, 8), counts)
    assert (counts.rough_log_partitions > 0) == faster


def test_heads_that_gain_nothing_are_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError("tried")

    monkeypatch.setattr(log_partition, "_log_sum_exp_and_size", never)
    assert not rough_is_faster(head_of(random(1, 100, 8), None)), "a small one"
    monkeypatch.setattr(log_partition, "_WORTH_TRYING", 1)
    assert not rough_is_faster(head_of(random(1, 100, 8).bfloat16(), None, torch.bfloat16)), "no float32"


def test_the_vocabulary_is_gone_through_in_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    weight, bias, states = random(1, 100, 8), random(2, 100), random(3, 10, 8)
    values = []
    for step in (4096, 7, 1):
        monkeypatch.setattr(log_partition, "_VOCAB_STEP", step)
        head = LogPartition(head_of(weight, bias), 4, rough=True)
        values.append((head.exact(states, ProbeCounts()), head.bounds(states, ProbeCounts())))
    for exact, interval in values[1:]:
        torch.testing.assert_close(exact, values[0][0])
        assert (interval.low <= exact).all()
        assert (exact <= interval.high).all()
