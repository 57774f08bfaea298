"""The candidate objects of each fact (paper, section 3.1: typed querying)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

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


def pool_of(relation: Relation, size: int | None, seed: int) -> Pool:
    """Every object of the relation (``size`` None), or each fact's own and ``size - 1`` others.

    The others are the same objects in every language where they exist: the relation's object ids in the order of a
    hash of (seed, line id, object id), skipping labels already taken. A smaller relation gives all it has.
    """
    if size is not None and size < 2:
        raise BenchError(f"probing.pool_size={size} leaves nothing to choose from. Give 2 or more, or null for all.")
    index = {label: number for number, label in enumerate(relation.pool)}
    gold = np.array([index[fact.object] for fact in relation.facts], dtype=np.int64)
    if size is None:
        allowed = np.ones((len(relation.facts), len(index)), dtype=np.bool_)
    else:
        allowed = np.zeros((len(relation.facts), len(index)), dtype=np.bool_)
        for row, fact in enumerate(relation.facts):
            allowed[row, [index[label] for label in _sample(relation, fact, size, seed)]] = True
    return Pool(relation.pool, gold, allowed)


def _sample(relation: Relation, fact: Fact, size: int, seed: int) -> set[str]:
    def order(object_id: str) -> bytes:
        return hashlib.sha256(f"{seed}\t{fact.line_id}\t{object_id}".encode()).digest()

    taken = {fact.object}
    for object_id in sorted(relation.objects, key=order):
        if len(taken) == size:
            break
        taken.add(relation.objects[object_id])
    return taken
