"""Facts that stand or fall together: what is resampled, split and permuted as one.

A country's capital, currency and region are learned and lost together, so 1,800 facts about 200 countries say less than
1,800 independent ones. Every resample here draws whole clusters, every fold holds whole clusters.

A cluster is drawn by its own name (Poisson weights of mean 1, Hanley and MacGibbon 2006), so that all languages and
models of a report are resampled by the same draws: what they share is then shared in their resamples too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt

RESAMPLES = 1_000
SEED = 0

Codes = npt.NDArray[np.intp]
Draws = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Clusters:
    """``codes`` ``[fact]`` are places in ``labels`` ``[cluster]``, which name a cluster in every language. ``kind``
    says what they are (``country``, ``subject``, ``fact``); ``warning`` what was missing to know better, or ''."""

    codes: Codes
    labels: tuple[str, ...]
    kind: str = "fact"
    warning: str = ""

    @property
    def count(self) -> int:
        return len(self.labels)

    @cached_property
    def one_each(self) -> bool:
        """Whether every fact is a cluster of its own, in order."""
        return self.count == len(self.codes) and bool((self.codes == np.arange(self.count)).all())

    def sums(self, values: npt.NDArray[np.generic]) -> npt.NDArray[np.float32]:
        """``[cluster, ...]``: sums over each cluster's facts of ``values`` ``[fact, ...]``."""
        numbers = np.ascontiguousarray(values, dtype=np.float32)
        if self.one_each or not len(self.codes):
            return numbers
        order = np.argsort(self.codes, kind="stable")
        starts = np.searchsorted(self.codes[order], np.arange(self.count))
        found: npt.NDArray[np.float32] = np.add.reduceat(numbers[order], starts, axis=0)
        return found

    def of(self, facts: npt.NDArray[np.generic]) -> Clusters:
        """Those of some facts: a mask or places ``[fact]``."""
        kept, codes = np.unique(self.codes[facts], return_inverse=True)
        return Clusters(codes, tuple(self.labels[code] for code in kept), self.kind, self.warning)

    def draws(self, resamples: int = RESAMPLES, seed: int = SEED) -> Draws:
        """``[resample, cluster]``: how often each resample has each cluster."""
        rows = [_drawn(label, resamples, seed) for label in self.labels]
        return np.stack(rows, axis=1) if rows else np.zeros((resamples, 0), np.uint8)

    def folds(self, folds: int, rng: np.random.Generator) -> Codes:
        """``[cluster]``: a random fold for each, of as many clusters as any other, give or take one."""
        return np.asarray(rng.permutation(self.count) % folds, dtype=np.intp)


def clusters_of(labels: Sequence[str], kind: str = "subject", warning: str = "") -> Clusters:
    """Facts with the same label ``[fact]`` are one cluster; clusters in the order of their first fact."""
    place = {label: number for number, label in enumerate(dict.fromkeys(labels))}
    return Clusters(np.array([place[label] for label in labels], dtype=np.intp), tuple(place), kind, warning)


@lru_cache(maxsize=200_000)
def _drawn(label: str, resamples: int, seed: int) -> Draws:
    digest = hashlib.blake2b(f"{seed}:{label}".encode("utf-8", "replace"), digest_size=8).digest()
    drawn = np.random.default_rng(int.from_bytes(digest, "little")).poisson(1.0, resamples)
    found = drawn.astype(np.uint8)
    found.flags.writeable = False
    return found
