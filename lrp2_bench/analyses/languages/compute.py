"""How languages lie to each other at one layer, by their vectors: distances, a map, clusters.

Raw cosines between language vectors are near 1, because most of a vector is what all languages share. So the mean over
the languages at hand is taken off first, and what is left is scaled to length 1: a language is the *direction* in which
it differs from the others' mean. Distances are those between directions, the square root of 2 - 2 cos. They are
Euclidean, so that one geometry serves Ward's clustering and classical scaling (which for Euclidean distances is PCA).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.linalg import orthogonal_procrustes
from scipy.spatial.distance import pdist

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def directions(vectors: npt.NDArray[np.floating]) -> Floats:
    """``[language, hidden]``: each language's vector less their mean, at length 1.

    A language that lies on the mean has no direction: its row is 0.
    """
    centred = np.asarray(vectors, np.float64) - np.mean(vectors, axis=0, dtype=np.float64)
    lengths = np.linalg.norm(centred, axis=1, keepdims=True)
    # What rounding leaves of equal vectors is no direction either.
    smallest = 1e-9 * float(np.linalg.norm(np.asarray(vectors, np.float64), axis=1).max(initial=0.0))
    directed: Floats = np.divide(centred, lengths, out=np.zeros_like(centred), where=lengths > smallest)
    return directed


def distances(directed: Floats) -> Floats:
    """Between every two languages, in the order of scipy's condensed matrices; from 0 to 2."""
    return np.asarray(pdist(directed), np.float64)


def tree(directed: Floats) -> Floats:
    """Ward's hierarchical clustering as scipy's linkage matrix, ``[language - 1, 4]``."""
    return np.asarray(linkage(directed, "ward"), np.float64)


def cut(linked: Floats, clusters: int) -> Ints:
    """``[language]``: the cluster of each, where the tree is cut into ``clusters`` (fewer where merges tie)."""
    return np.asarray(fcluster(linked, clusters, "maxclust"), np.int64)


@dataclass(frozen=True)
class Map:
    """``places`` is ``[language, 2]``; ``shown`` the share of all squared distance that a plane can show."""

    places: Floats
    shown: float


def plane(directed: Floats, like: Floats | None = None) -> Map:
    """The plane that keeps most of the squared distances between the languages: classical scaling.

    Deterministic: on each axis the language farthest out lies on the positive side (the first of equals). With
    ``like``, another layer's places, the map is turned and mirrored to lie as near to it as it can, which changes no
    distance.
    """
    centred = directed - directed.mean(axis=0)
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    places = np.zeros((len(directed), 2))
    axes = min(2, len(sizes))
    places[:, :axes] = left[:, :axes] * sizes[:axes]
    # Rounded, so that of two that are equally far the same one decides on every machine.
    farthest = np.abs(places.round(6)).argmax(axis=0)
    places *= np.where(places[farthest, range(2)] < 0, -1.0, 1.0)
    if like is not None:
        turn, _ = orthogonal_procrustes(places, like)
        places = places @ turn
    total = float(np.square(sizes).sum())
    return Map(places, float(np.square(sizes[:2]).sum()) / total if total else 0.0)
