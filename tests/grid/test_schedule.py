"""Rows pass blocks in the steps that going through them one by one would give, and the host alone draws them up."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from lrp2_bench.core.types import all_pairs
from lrp2_bench.grid import schedule
from lrp2_bench.grid.plan import plan_grid
from lrp2_bench.grid.schedule import Numbers, Scheduler
from tests.support.properties import steady


def _one_by_one(lengths: list[int], step_tokens: int) -> list[tuple[int, int, int]]:
    steps, start = [], 0
    while start < len(lengths):
        width, stop, padding = lengths[start], start + 1, 0
        while stop < len(lengths) and width * (stop + 1 - start) <= step_tokens:
            padding += width - lengths[stop]
            padded = width * (stop + 1 - start)
            if padded > step_tokens / 4 and padding > 0.05 * padded:
                break
            stop += 1
        steps.append((start, stop, width))
        start = stop
    return steps


@steady
@given(lengths=st.lists(st.integers(1, 40), max_size=60), step_tokens=st.integers(1, 400))
def test_a_step_ends_before_it_is_full_or_padded(lengths: list[int], step_tokens: int) -> None:
    lengths = sorted(lengths, reverse=True)
    found = schedule._steps(np.array(lengths, dtype=np.int64), step_tokens)
    assert [(step.rows.start, step.rows.stop, step.tokens) for step in found] == _one_by_one(lengths, step_tokens)


@steady
@given(seed=st.integers(0, 999), blocks=st.integers(2, 5), share=st.sampled_from([0.1, 0.5, 1.0]))
def test_every_wanted_cell_ends_as_one_row_that_entered_and_left_where_it_should(
    seed: int, blocks: int, share: float
) -> None:
    random = np.random.default_rng(seed)
    settings = plan_grid(blocks, all_pairs(blocks)).settings
    wanted = random.random((4, len(settings))) < share
    lengths: Numbers = random.integers(1, 9, size=4)
    drawn = Scheduler(settings, blocks)(wanted, lengths, 64, torch.device("cpu"))
    query = drawn.at(drawn.passages[0].query).tolist()
    passed = [[number, 0, 0] for number in query]
    for k, passage in enumerate(drawn.passages, start=1):
        assert [row[0] for row in passed] == drawn.at(passage.query).tolist()
        assert passage.tokens == sum(lengths[row[0]] for row in passed)
        assert sorted(passed, key=lambda row: -lengths[row[0]]) == passed, "longest first"
        if passage.source is not None:
            passed = [list(passed[row]) for row in drawn.at(passage.source).tolist()]
        for _, rows in passage.enters:
            for row in drawn.at(rows).tolist():
                assert passed[row][1:] == [0, 0]
                passed[row][1] = k
        for _, rows in passage.leaves:
            for row in drawn.at(rows).tolist():
                assert passed[row][1] > 0 and passed[row][2] == 0
                passed[row][2] = k
    cells = list(zip(drawn.at(drawn.passages[-1].query).tolist(), drawn.at(drawn.setting).tolist(), strict=True))
    assert sorted(cells) == [tuple(cell) for cell in np.argwhere(wanted).tolist()]
    for (number, lirp, lsrp), (_, setting) in zip(passed, cells, strict=True):
        pair = settings[setting]
        assert (lirp, lsrp) == ((pair.lirp, pair.lsrp) if pair else (0, 0)), number
