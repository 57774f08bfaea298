"""The targets of an encoder-decoder's candidates as rows of its decoder: a prefix tree, cut where it grows wide.

A row's attention grows with the square of its tokens, and candidates have little in common beyond the sentinel that
opens them, so a few hundred of them run as several rows. Every row begins with the decoder's start token.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from lrp2_bench.models.layered import TokenBatch
from lrp2_bench.probing.prefix_tree import PrefixTree, plant


@dataclass(frozen=True)
class TargetTree:
    """``prefix_tree`` is of the targets without the start token; row r holds its nodes ``rows[r]``, parents first.

    The prefix tree's scored node s is at ``slots[s]``: a row, and its place there, the start token counted.
    """

    start: int
    prefix_tree: PrefixTree
    rows: list[list[int]]
    slots: list[tuple[int, int]]

    @property
    def width(self) -> int:
        """Tokens of the widest row."""
        return 1 + max(map(len, self.rows))


def target_tree(start: int, targets: Sequence[Sequence[int]], *, cancel: bool, most: int) -> TargetTree:
    """The tree of ``targets`` (token ids, at least two each), in rows of at most ``most`` nodes (or one target's).

    ``cancel`` drops what all of them share, as sums of log-probabilities may.
    """
    prefix_tree = plant(targets, cancel=cancel)
    visible = prefix_tree.visible
    rows: list[list[int]] = []
    nodes: set[int] = set()
    for leaf in (visible.sum(axis=0) == 1).nonzero()[0].tolist():
        path = visible[leaf].nonzero()[0].tolist()
        if nodes and len(nodes.union(path)) > most:
            rows.append(sorted(nodes))
            nodes = set()
        nodes.update(path)
    rows.append(sorted(nodes))
    place: dict[int, tuple[int, int]] = {}
    for row, members in enumerate(rows):
        for at, node in enumerate(members, start=1):
            place.setdefault(node, (row, at))
    return TargetTree(start, prefix_tree, rows, [place[node] for node in prefix_tree.scored])


def pack(trees: Sequence[TargetTree], padding: int, device: torch.device) -> TokenBatch:
    """All rows of ``trees``, one after the other, right-padded."""
    rows = [(tree, members) for tree in trees for members in tree.rows]
    width = max(tree.width for tree in trees)
    ids: Int[Tensor, "row node"] = torch.full((len(rows), width), padding)
    depths = torch.zeros(len(rows), width, dtype=torch.long)
    visible: Bool[Tensor, "row node node"] = torch.zeros(len(rows), width, width, dtype=torch.bool)
    keep = torch.zeros(len(rows), width, dtype=torch.bool)
    for row, (tree, members) in enumerate(rows):
        planted, count = tree.prefix_tree, 1 + len(members)
        ids[row, :count] = torch.tensor([tree.start, *(planted.ids[node] for node in members)])
        depths[row, 1:count] = torch.tensor([1 + planted.depth[node] for node in members])
        visible[row, :count, 0] = True
        visible[row, 1:count, 1:count] = torch.from_numpy(planted.visible[members][:, members])
        keep[row, :count] = True
    return TokenBatch(ids.to(device), keep.to(device), depths.to(device), visible.to(device))
