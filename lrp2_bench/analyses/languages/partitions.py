"""Whether clusters agree with groups known beforehand, and distances with other distances: permutation tests.

The tests ask how often languages that are given each other's names agree as well. A p-value is (1 + as good) / (1 +
permutations), so never 0; one-sided, for agreement.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import squareform
from scipy.stats import rankdata
from sklearn.metrics import adjusted_rand_score

from lrp2_bench.analyses.languages.compute import Floats, Ints

PERMUTATIONS = 9_999
#: Of fewer languages there are too few orders (4! = 24) for a p-value below 0.05 to mean much.
FEWEST = 5

#: Permutations held at a time.
_CHUNK = 256


@dataclass(frozen=True)
class Agreement:
    """``rand`` is the adjusted Rand index: 1 for the same partition, 0 on average for one by chance. ``purity`` is the
    share of languages that belong to the commonest group of their cluster (it grows with the number of clusters)."""

    rand: float
    purity: float
    p: float


@dataclass(frozen=True)
class Kinship:
    """``share`` is that of languages whose nearest one is of their own group, ``chance`` its mean over permutations.

    It sees kin that a cut of the tree does not: branches of a large family that lie far from each other.
    """

    share: float
    chance: float
    p: float

    @property
    def adjusted(self) -> float:
        """As the Rand index: 0 by chance, 1 where every language has kin beside it."""
        return (self.share - self.chance) / (1 - self.chance)


@dataclass(frozen=True)
class Mantel:
    """Spearman's correlation of two sets of distances between the same languages."""

    correlation: float
    p: float


def agreement(
    clusters: Ints, groups: Sequence[str], seed: int = 0, permutations: int = PERMUTATIONS
) -> Agreement | None:
    """Of ``clusters`` ``[language]`` with ``groups`` ``[language]``.

    None where the groups say nothing: a single group, or as many as languages.
    """
    _, group = np.unique(np.asarray(groups), return_inverse=True)
    _, cluster = np.unique(clusters, return_inverse=True)
    count = len(group)
    if not 1 < group.max(initial=0) + 1 < count:
        return None
    shared = _one_hot(cluster).T @ _one_hot(group)
    # With both partitions' sizes fixed, the index grows with the sum of squares of their table, which is cheap.
    observed = float(np.square(shared).sum())
    columns, memberships = _one_hot(group), _one_hot(cluster).T
    rng = np.random.default_rng(seed)
    confidence_set = 0
    for size in _chunks(permutations):
        orders = rng.permuted(np.tile(np.arange(count), (size, 1)), axis=1)
        tables = np.einsum("cl,plg->pcg", memberships, columns[orders], optimize=True)
        confidence_set += int((np.square(tables).sum(axis=(1, 2)) >= observed - 1e-9).sum())
    return Agreement(
        float(adjusted_rand_score(group, cluster)),
        float(shared.max(axis=1).sum() / count),
        (1 + confidence_set) / (1 + permutations),
    )


def kinship(cosines: Floats, groups: Sequence[str], seed: int = 0, permutations: int = PERMUTATIONS) -> Kinship | None:
    """Of languages with ``cosines`` ``[language, language]`` and ``groups`` ``[language]``; None as above."""
    _, group = np.unique(np.asarray(groups), return_inverse=True)
    count = len(group)
    if not 1 < group.max(initial=0) + 1 < count:
        return None
    # Below any cosine, so that no language is its own nearest.
    near = (cosines - 3 * np.eye(count)).argmax(axis=1)
    share = float((group == group[near]).mean())
    rng = np.random.default_rng(seed)
    shuffled = rng.permuted(np.tile(group, (permutations, 1)), axis=1)
    shares = (shuffled == shuffled[:, near]).mean(axis=1)
    confidence_set = int((shares >= share - 1e-9).sum())
    return Kinship(share, float(shares.mean()), (1 + confidence_set) / (1 + permutations))


def mantel(these: Floats, those: Floats, seed: int = 0, permutations: int = PERMUTATIONS) -> Mantel | None:
    """Of two condensed distance matrices (Mantel 1967), by ranks: whether what is near in one is near in the other.

    None for fewer than :data:`FEWEST` languages and where one of the two is the same between all of them.
    """
    first, second = _centred_ranks(these), _centred_ranks(those)
    count = len(first)
    norm = math.sqrt(float(np.square(first).sum() * np.square(second).sum()))
    if count < FEWEST or norm == 0:
        return None
    observed = float((first * second).sum())
    rng = np.random.default_rng(seed)
    confidence_set = 0
    for size in _chunks(permutations):
        orders = rng.permuted(np.tile(np.arange(count), (size, 1)), axis=1)
        shuffled = first[orders[:, :, None], orders[:, None, :]]
        sums = np.einsum("pij,ij->p", shuffled, second)
        confidence_set += int((sums >= observed - 1e-9 * norm).sum())
    return Mantel(observed / norm, (1 + confidence_set) / (1 + permutations))


def _centred_ranks(condensed: Floats) -> Floats:
    """Square ``[language, language]``, 0 on the diagonal, which then adds nothing to a sum of products."""
    ranks = np.asarray(rankdata(condensed.round(9)), np.float64)
    return np.asarray(squareform(ranks - ranks.mean()), np.float64)


def _one_hot(labels: npt.NDArray[np.integer]) -> Floats:
    found: Floats = np.eye(int(labels.max()) + 1)[labels]
    return found


def _chunks(permutations: int) -> list[int]:
    whole, rest = divmod(permutations, _CHUNK)
    return [_CHUNK] * whole + [rest] * bool(rest)
