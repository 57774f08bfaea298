"""Batches cut by tokens: every item once, within the budget, with little padding."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lrp2_bench.core.batching import by_tokens, in_halves
from tests.support.properties import steady

LENGTHS = st.lists(st.integers(1, 60), max_size=60)


@steady
@given(LENGTHS, st.integers(1, 300), st.sampled_from([0.0, 0.1, 0.5, 1.0]))
def test_every_item_comes_once_within_budget_and_padding(lengths: list[int], budget: int, padding: float) -> None:
    batches = list(by_tokens(lengths, budget, most_padding=padding))
    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
    for batch in batches:
        widths = [lengths[index] for index in batch]
        padded = max(widths) * len(widths)
        assert padded <= budget or len(batch) == 1
        assert padded - sum(widths) <= padding * padded + 1e-9


@steady
@given(LENGTHS, st.integers(1, 300))
def test_the_longest_come_first_and_equals_in_their_order(lengths: list[int], budget: int) -> None:
    order = [index for batch in by_tokens(lengths, budget) for index in batch]
    assert order == sorted(range(len(lengths)), key=lambda index: (-lengths[index], index))


def test_a_batch_is_filled_up_to_the_budget() -> None:
    assert list(by_tokens([5, 5, 5, 5, 5], 10)) == [[0, 1], [2, 3], [4]]


@pytest.mark.parametrize("budget", [1, 99])
def test_an_item_longer_than_the_budget_comes_alone(budget: int) -> None:
    assert next(by_tokens([1, 100, 1], budget)) == [1]


def test_nothing_makes_no_batch() -> None:
    assert list(by_tokens([], 10)) == []


def test_a_batch_that_does_not_fit_runs_in_halves_each_item_once_and_in_order() -> None:
    seen: list[list[int]] = []

    def run(batch: list[int]) -> None:
        if len(batch) > 2:
            raise torch.OutOfMemoryError("in play")
        seen.append(batch)

    in_halves([5, 3, 8, 1, 9], run)
    assert seen == [[5, 3], [8], [1, 9]]


def test_an_item_that_does_not_fit_alone_is_an_error_and_so_is_any_other() -> None:
    def run(batch: list[int]) -> None:
        raise torch.OutOfMemoryError("in play") if 3 in batch else ValueError

    with pytest.raises(torch.OutOfMemoryError):
        in_halves([3, 1], run)
    with pytest.raises(ValueError):
        in_halves([1, 3], lambda batch: run([1]))
