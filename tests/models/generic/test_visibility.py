"""Masks of plain sentences carried over to other depths, and tensors cut to rows, tokens and scored places."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from lrp2_bench.models.generic.dry_run import recorded
from lrp2_bench.models.generic.visibility import Role, at_depths, learn_roles

LENGTH, WINDOW = 8, 3
DEPTHS = torch.tensor([[0, 1, 2, 3, 3, 4], [0, 1, 0, 1, 2, 0]])  # a stem with two branches; two sentences and padding
TREE = """
    x..... x.....
    xx.... xx....
    xxx... ..x...
    xxxx.. ..xx..
    xxx.x. ..xxx.
    xxx.xx .....x
"""
VISIBLE = torch.tensor(
    [[[mark == "x" for mark in line.split()[row]] for line in TREE.strip().splitlines()] for row in (0, 1)]
)


def _expected() -> Tensor:
    """Who looks where: in the tree, and no further back than the window."""
    back = DEPTHS.unsqueeze(2) - DEPTHS.unsqueeze(1)
    return VISIBLE & (back >= 0) & (back < WINDOW)


def _plain() -> Tensor:
    """The window's mask of a plain sentence and a padded one, ``[2, 1, 8, 8]``."""
    back = torch.arange(LENGTH).unsqueeze(1) - torch.arange(LENGTH)
    mask = ((back >= 0) & (back < WINDOW)).expand(2, 1, LENGTH, LENGTH).clone()
    mask[1, :, :, -1] = False
    return mask


ROLE = Role(tokens=(2, 3), per_row=1, looks=True)


def test_a_mask_whose_true_means_a_look_keeps_the_window_and_the_tree() -> None:
    assert torch.equal(at_depths(_plain(), ROLE, DEPTHS, VISIBLE), _expected().unsqueeze(1))


def test_a_mask_whose_true_means_no_look_keeps_them_too() -> None:
    assert torch.equal(at_depths(~_plain(), ROLE, DEPTHS, VISIBLE), ~_expected().unsqueeze(1))


def test_an_additive_mask_is_the_lowest_finite_number_where_there_is_no_look() -> None:
    lowest = torch.finfo(torch.float32).min
    plain = torch.zeros(2, 1, LENGTH, LENGTH).masked_fill(~_plain(), lowest)
    found = at_depths(plain, ROLE, DEPTHS, VISIBLE)
    assert torch.equal(found == 0, _expected().unsqueeze(1))
    assert found.min() == lowest


@pytest.mark.parametrize("folded", [False, True])
def test_a_bias_by_key_is_the_one_of_the_keys_own_depth(folded: bool) -> None:
    slopes = torch.tensor([1.0, 0.5, 0.25])
    plain = (slopes[:, None, None] * torch.arange(LENGTH)).expand(2, 3, 1, LENGTH)  # [row, head, 1, key]
    expected = slopes[None, :, None, None] * DEPTHS[:, None, None, :]
    if folded:
        found = at_depths(plain.reshape(6, 1, LENGTH), Role((2,), 3, True), DEPTHS, VISIBLE)
        assert torch.equal(found, expected.reshape(6, 1, 6))
    else:
        assert torch.equal(at_depths(plain, Role((3,), 1, True), DEPTHS, VISIBLE), expected)


def _calls(rows: int, length: int) -> list[object]:
    leaves = {
        "mask": torch.zeros(rows, 1, length, length), "alibi": torch.zeros(rows * 4, 1, length),
        "rotary": torch.zeros(1, length, 8), "positions": torch.zeros(rows, length), "table": torch.zeros(2 * 17, 8),
        "cache": None, "flag": True,
    }  # fmt: skip
    return [recorded((), leaves)]


def test_roles_are_told_by_what_grows_with_rows_and_with_tokens() -> None:
    sizes = (2, 11), (3, 13)
    (roles,) = learn_roles(*(_calls(*size) for size in sizes), sizes)  # type: ignore[arg-type]
    found = dict(zip(("mask", "alibi", "rotary", "positions", "table", "cache", "flag"), roles, strict=True))
    assert found == {
        "mask": Role((2, 3), 1, True), "alibi": Role((2,), 4, True), "rotary": Role((1,)), "positions": Role((1,), 1),
        "table": Role(), "cache": Role(), "flag": Role(),
    }  # fmt: skip


def test_a_tensor_that_grows_in_another_way_is_refused() -> None:
    calls = [[recorded((), {"relative": torch.zeros(2 * length - 1, 8)})] for length in (11, 13)]
    with pytest.raises(ValueError, match=r"block 1 is called with a tensor of \(21, 8\) for 2 rows of 11 tokens"):
        learn_roles(*calls, ((2, 11), (3, 13)))


def test_rows_are_taken_with_all_their_heads_and_cut_to_their_tokens() -> None:
    bias = torch.arange(2 * 3 * 5).view(6, 1, 5)  # two rows of three heads
    taken = Role((2,), 3, True).select(bias, torch.tensor([1, 1, 0]), 4)
    assert torch.equal(taken, torch.cat([bias[3:], bias[3:], bias[:3]])[..., :4])
    # Where one row stands for all, it still does.
    alone = Role((2,), 3, True).select(bias[:3], torch.tensor([1, 0]), 4)
    assert torch.equal(alone, torch.cat([bias[:3], bias[:3]])[..., :4])


def test_scored_places_take_their_own_queries_and_all_keys() -> None:
    positions = torch.tensor([[4, 0], [2, 2]])
    mask = torch.randn(2, 1, 5, 5)
    assert torch.equal(Role((2, 3), 1, True).at(mask, positions), torch.stack([mask[0][:, [4, 0]], mask[1][:, [2, 2]]]))
    rotary = torch.randn(1, 5, 8)
    assert torch.equal(Role((1,)).at(rotary, positions), torch.stack([rotary[0, [4, 0]], rotary[0, [2, 2]]]))
    alone = torch.zeros(2, 1, 1, 1)  # sentences of one token, which is scored several times
    assert Role((2, 3), 1, True).at(alone, torch.zeros_like(positions)).shape == (2, 1, 2, 1)
    bias = torch.randn(6, 1, 5)
    assert Role((2,), 3, True).at(bias, positions) is bias
