"""Targets as rows of a decoder: every path whole, in as few rows as hold them."""

from __future__ import annotations

import pytest
import torch

from lrp2_bench.probing.target_tree import TargetTree, pack, target_tree

TARGETS = [(9, 1), (9, 1, 2), (9, 1, 2, 3), (9, 4, 5), (9, 4, 6), (9, 7, 1, 2), (9, 8)]


def _paths(tree: TargetTree) -> set[tuple[int, ...]]:
    """What each node of the packed rows sees, as tokens in the order of their depths."""
    batch = pack([tree], 0, torch.device("cpu"))
    assert batch.visible is not None
    seen = set()
    for row in range(len(batch.ids)):
        for node in batch.keep[row].nonzero().flatten().tolist():
            there = batch.visible[row, node].nonzero().flatten()
            order = batch.positions[row, there].argsort()
            assert batch.positions[row, there][order].tolist() == [*range(len(there))]
            seen.add(tuple(batch.ids[row, there][order].tolist()))
    return seen


@pytest.mark.parametrize(("most", "rows"), [(100, 1), (4, 2), (1, 3)])
def test_every_node_sees_its_own_path_from_the_start_token_in_however_many_rows(most: int, rows: int) -> None:
    tree = target_tree(0, TARGETS, cancel=False, most=most)
    prefixes = {(0, *target[:length]) for target in TARGETS for length in range(len(target))}
    assert _paths(tree) == prefixes
    assert len(tree.rows) == rows
    assert tree.width == 1 + max(len(row) for row in tree.rows) <= 1 + max(most, 3)


def test_a_scored_node_is_read_where_it_stands() -> None:
    tree = target_tree(0, TARGETS, cancel=False, most=4)
    batch = pack([tree], 0, torch.device("cpu"))
    for node, (row, at) in zip(tree.prefix_tree.scored, tree.slots, strict=True):
        assert batch.ids[row, at] == tree.prefix_tree.ids[node]
        assert batch.positions[row, at] == 1 + tree.prefix_tree.depth[node]


def test_trees_of_several_facts_are_packed_one_below_the_other() -> None:
    one, other = target_tree(0, TARGETS, cancel=False, most=4), target_tree(0, [(9, 5), (9, 6)], cancel=False, most=4)
    batch = pack([other, one], 3, torch.device("cpu"))
    assert len(batch.ids) == 1 + len(one.rows)
    assert batch.ids[0].tolist() == [0, 9, *[3] * (one.width - 2)]
    assert batch.keep.sum(dim=1).tolist() == [2, *(1 + len(row) for row in one.rows)]
