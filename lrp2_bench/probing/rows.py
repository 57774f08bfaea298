"""A fact's filled sentences as rows of their own, for models that cannot run a packed tree.

What sentences begin with in common is computed once for each of them, and read from the first that has it.
"""

from __future__ import annotations

from dataclasses import dataclass

from lrp2_bench.probing.prefix_tree import PrefixTree


@dataclass(frozen=True)
class SentenceRows:
    """``ids[r]`` is a path of the prefix tree from a root to a leaf; ``read[r]`` the places of it that are read.

    The prefix tree's scored node s is at ``slots[s]``: a row, and which of the row's places.
    """

    ids: list[list[int]]
    read: list[list[int]]
    slots: list[tuple[int, int]]

    @property
    def tokens(self) -> int:
        """Padded to the longest."""
        return len(self.ids) * max(map(len, self.ids))


def rows_of(prefix_tree: PrefixTree) -> SentenceRows:
    """One row for each leaf. Sentences that begin a longer one are on its path."""
    ids: list[list[int]] = []
    read: list[list[int]] = []
    place: dict[int, tuple[int, int]] = {}
    scored = set(prefix_tree.scored)
    leaves = (prefix_tree.visible.sum(axis=0) == 1).nonzero()[0].tolist()
    for row, leaf in enumerate(leaves):
        path = prefix_tree.visible[leaf].nonzero()[0].tolist()  # parents stand before their children
        ids.append([prefix_tree.ids[node] for node in path])
        read.append([])
        for depth, node in enumerate(path):
            if node in scored and node not in place:
                place[node] = (row, len(read[row]))
                read[row].append(depth)
    return SentenceRows(ids, read, [place[node] for node in prefix_tree.scored])
