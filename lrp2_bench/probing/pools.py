"""The candidate objects of each fact (paper, section 3.1: typed querying)."""

from __future__ import annotations

import hashlib
from collections.abc import Set
from dataclasses import dataclass
from heapq import heapify, heappop

import numpy as np
import numpy.typing as npt

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.types import Fact, Relation


@dataclass(frozen=True)
class Pool:
    """``labels`` in code-point order; ``gold[f]`` indexes fact f's own; ``allowed[f, c]`` says whether c competes."""

    labels: tuple[str, ...]
    gold: npt.NDArray[np.int64]
    allowed: npt.NDArray[np.bool_]


def pool_of(relation: Relation, size: int | None, seed: int, *, filtered: bool = False) -> Pool:
    """Every candidate of each fact (``size`` None), or its own object and ``size - 1`` others of them.

    The others are the same objects in every language where they exist: the ids of the fact's candidates in the order
    of a hash of (seed, line id, object id), skipping labels already taken. A smaller relation gives all it has.
    ``filtered`` leaves out the other true objects of a fact's subject (filtered ranking: Bordes et al., NeurIPS 2013),
    so that a cut pool is filled up with untrue ones.
    """
    if size is not None and size < 2:
        raise BenchError(f"probing.pool_size={size} leaves nothing to choose from. Give 2 or more, or null for all.")
    index = {label: number for number, label in enumerate(relation.pool)}
    gold = np.array([index[fact.object] for fact in relation.facts], dtype=np.int64)
    allowed = np.zeros((len(relation.facts), len(index)), dtype=np.bool_)
    for row, fact in enumerate(relation.facts):
        others = relation.other_answers(fact) if filtered else frozenset()
        if size is None and fact.line_id not in relation.candidates:
            allowed[row] = True
            allowed[row, [index[label] for label in others]] = False
        else:
            allowed[row, [index[label] for label in _sample(relation, fact, size, seed, others)]] = True
    return Pool(relation.pool, gold, allowed)


def _sample(relation: Relation, fact: Fact, size: int | None, seed: int, left_out: Set[str]) -> set[str]:
    taken, candidates = {fact.object}, relation.candidates_of(fact)
    if size is None:
        return taken | {label for each in candidates if (label := relation.objects[each]) not in left_out}
    beginning = hashlib.sha256(f"{seed}\t{fact.line_id}\t".encode())

    def order(object_id: str) -> bytes:
        hashed = beginning.copy()
        hashed.update(object_id.encode())
        return hashed.digest()

    queue = [(order(each), each) for each in candidates]
    heapify(queue)  # few are taken, so that they need not all be sorted
    while queue and len(taken) < size:
        label = relation.objects[heappop(queue)[1]]
        if label not in left_out:
            taken.add(label)
    return taken
