"""A fact's filled sentences as one packed sequence: tokens they begin with in common stand there once.

Sentences are compared as token ids, tokenized whole (a prefix tokenized by itself may give other tokens). Where they
differ in the first token already, the trie is a prefix tree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Int
from torch import Tensor

from lrp2_bench.models.layered import TokenBatch


@dataclass(frozen=True)
class PrefixTree:
    """Nodes are the tokens that predict something, parents first; a sentence's last token predicts nothing.

    ``steps`` are the predictions that distinguish the sentences: token ``steps[s, 1]`` after node
    ``scored[steps[s, 0]]``. ``paths[c]`` lists sentence c's. ``shared`` marks the scored nodes whose log-partition all
    sentences have in common, so that it cancels. ``common`` is how many tokens all sentences begin with.
    """

    ids: list[int]
    depth: list[int]
    visible: npt.NDArray[np.bool_]  # [node, node]: a node sees its ancestors and itself
    scored: list[int]
    steps: list[tuple[int, int]]
    paths: list[list[int]]
    shared: list[bool]
    common: int


def plant(sentences: Sequence[Sequence[int]], *, cancel: bool) -> PrefixTree:
    """The prefix tree of ``sentences`` (token ids, at least two each). ``cancel`` drops what all of them share, as sums
    of log-probabilities may; means may not."""
    node_of: dict[tuple[int, int], int] = {}  # (parent, token) -> node
    ids: list[int] = []
    depth: list[int] = []
    parent: list[int] = []
    walks: list[list[tuple[int, int]]] = []  # each sentence's (node, next token)
    for sentence in sentences:
        at, walk = -1, []
        for place, token in enumerate(sentence[:-1]):
            if (at, token) not in node_of:
                node_of[at, token] = len(ids)
                ids.append(token)
                depth.append(place)
                parent.append(at)
            at = node_of[at, token]
            walk.append((at, sentence[place + 1]))
        walks.append(walk)
    users: dict[int, int] = {}
    takers: dict[tuple[int, int], int] = {}
    for walk in walks:
        for node, token in walk:
            users[node] = users.get(node, 0) + 1
            takers[node, token] = takers.get((node, token), 0) + 1
    everyone = len(sentences)
    kept = [step for step in takers if not (cancel and takers[step] == everyone)]
    scored = sorted({node for node, _ in kept})
    slot = {node: number for number, node in enumerate(scored)}
    number = {step: place for place, step in enumerate(kept)}
    visible = np.eye(len(ids), dtype=np.bool_)
    for node, above in enumerate(parent):
        if above >= 0:
            visible[node] |= visible[above]
    return PrefixTree(
        ids=ids,
        depth=depth,
        visible=visible,
        scored=scored,
        steps=[(slot[node], token) for node, token in kept],
        paths=[[number[step] for step in walk if step in number] for walk in walks],
        shared=[cancel and users[node] == everyone for node in scored],
        common=sum(1 for _ in takewhile(lambda tokens: len(set(tokens)) == 1, zip(*sentences, strict=False))),
    )


def packed(trees: Sequence[PrefixTree], padding: int) -> tuple[TokenBatch, Int[Tensor, "tree scored"]]:
    """Each tree as a row, and its scored nodes, on the host; ``padding`` is the id that fills rows up."""
    width = max(len(tree.ids) for tree in trees)
    scored = max(1, max(len(tree.scored) for tree in trees))
    ids = np.full((len(trees), width), padding, dtype=np.int64)
    keep = np.zeros(ids.shape, dtype=np.bool_)
    depth = np.zeros(ids.shape, dtype=np.int64)
    visible = np.zeros((*ids.shape, width), dtype=np.bool_)
    positions = np.zeros((len(trees), scored), dtype=np.int64)
    for row, tree in enumerate(trees):
        nodes = len(tree.ids)
        ids[row, :nodes] = tree.ids
        keep[row, :nodes] = True
        depth[row, :nodes] = tree.depth
        visible[row, :nodes, :nodes] = tree.visible
        positions[row, : len(tree.scored)] = tree.scored
    common = np.array([tree.common for tree in trees], dtype=np.int64)
    tokens = TokenBatch(*(torch.from_numpy(part) for part in (ids, keep, depth, visible, common)))
    return tokens, torch.from_numpy(positions)
