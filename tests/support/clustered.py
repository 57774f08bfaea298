"""Hits of facts that come in clusters, with gains that are known: what statistics are simulated on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lrp2_bench.core.types import Hits
from lrp2_bench.stats.clusters import Clusters


@dataclass(frozen=True)
class World:
    """``hits`` ``[setting, fact]``, the baseline first; ``truth`` ``[setting]``, each one's gain in points."""

    hits: Hits
    truth: npt.NDArray[np.float64]
    clusters: Clusters

    @property
    def pivot(self) -> npt.NDArray[np.int8]:
        """Every fact shared and known, so that transferability is accuracy."""
        return np.ones(self.hits.shape[1], dtype=np.int8)


def world(
    rng: np.random.Generator,
    facts: int,
    clusters: int,
    together: int,
    rates: Sequence[tuple[float, float]],
    alike: float = 0.5,
    name: str = "",
) -> World:
    """``rates``: for each pair the shares of all facts it turns from miss to hit and from hit to miss.

    ``together`` facts of a cluster turn as one, which is about the design effect of a change; beyond 1 a cluster is
    known as a whole or not at all. Pairs turn the same facts with the chance ``alike``. ``name`` is part of the
    clusters' names, which decide how they are drawn.
    """
    known = 0.6
    sizes = rng.multinomial(facts - clusters, np.ones(clusters) / clusters) + 1
    codes = np.repeat(np.arange(clusters), sizes)
    before = (rng.random(clusters) < known)[codes] if together > 1 else rng.random(facts) < known
    within = np.arange(facts) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    _, block = np.unique(codes * facts + within // together, return_inverse=True)
    common = rng.random(block.max() + 1)
    rows, truth = [before], [0.0]
    for gained, lost in rates:
        chance = np.where(rng.random(len(common)) < alike, common, rng.random(len(common)))[block]
        rows.append(before ^ (chance < np.where(before, lost / known, gained / (1 - known))))
        truth.append(100 * (gained * (1 - before.mean()) / (1 - known) - lost * before.mean() / known))
    labels = tuple(f"{name} {number}" for number in range(clusters))
    return World(np.stack(rows).astype(np.int8), np.array(truth), Clusters(codes, labels, "cluster"))


def languages(
    rng: np.random.Generator,
    count: int,
    facts: int,
    clusters: int,
    rates: Sequence[tuple[float, float]],
    alike: float = 0.5,
    name: str = "",
) -> list[World]:
    """``count`` worlds of the same facts: which of them a pair turns is, with the chance ``alike``, that fact's own lot
    in all languages and pairs. ``rates`` and ``name`` are those of :func:`world`."""
    known = 0.6
    codes = np.sort(rng.permutation(np.arange(facts) % clusters))
    labels = tuple(f"{name} {number}" for number in range(clusters))
    lot = rng.random(facts)
    found = []
    for _ in range(count):
        before = rng.random(facts) < known
        rows = [before]
        for gained, lost in rates:
            chance = np.where(rng.random(facts) < alike, lot, rng.random(facts))
            rows.append(before ^ (chance < np.where(before, lost / known, gained / (1 - known))))
        truth = np.array([0.0, *(100 * (gained - lost) for gained, lost in rates)])
        found.append(World(np.stack(rows).astype(np.int8), truth, Clusters(codes, labels, "cluster")))
    return found
