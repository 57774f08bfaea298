"""Languages with planted places: what is near comes out near, whatever all of them share."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import pdist, squareform

from lrp2_bench.analyses.languages.compute import cut, directions, distances, plane, tree


def planted(seed: int = 0, spread: float = 0.1) -> np.ndarray:
    """Three groups of four languages about three directions, all far out on one direction that they share."""
    rng = np.random.default_rng(seed)
    centres = np.eye(3, 16).repeat(4, axis=0)
    return 50 * np.eye(16)[15] + centres + spread * rng.normal(size=(12, 16))


def test_what_all_share_changes_no_direction_and_no_distance() -> None:
    vectors = planted()
    moved = directions(vectors + 1000 * np.eye(16)[7])
    assert np.allclose(moved, directions(vectors), atol=1e-9)
    assert np.allclose(np.linalg.norm(moved, axis=1), 1)
    cosines = 1 - squareform(distances(moved)) ** 2 / 2
    assert np.allclose(cosines, moved @ moved.T, atol=1e-12)


def test_groups_are_found_though_raw_cosines_are_near_one() -> None:
    vectors = planted()
    assert (1 - pdist(vectors, "cosine")).min() > 0.999
    found = cut(tree(directions(vectors)), 3)
    assert [len(set(found[start : start + 4])) for start in (0, 4, 8)] == [1, 1, 1] and len(set(found)) == 3


def test_a_language_on_the_mean_has_no_direction_and_breaks_nothing() -> None:
    vectors = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0], [0.0, 0.0]]) + 3
    found = directions(vectors)
    assert found[4].tolist() == [0, 0] and np.isfinite(tree(found)).all()
    equal = directions(np.ones((4, 3)) / 3)
    assert not equal.any() and plane(equal).shown == 0 and np.isfinite(plane(equal).places).all()


def test_the_plane_is_classical_scaling_of_the_distances() -> None:
    directed = directions(planted(spread=0.3))
    squared = squareform(distances(directed)) ** 2
    centring = np.eye(12) - 1 / 12
    values, vectors = np.linalg.eigh(-centring @ squared @ centring / 2)
    expected = vectors[:, [-1, -2]] * np.sqrt(values[[-1, -2]])
    found = plane(directed)
    assert np.allclose(np.abs(found.places), np.abs(expected), atol=1e-9)
    assert found.shown == pytest.approx(values[-2:].sum() / values.sum())


def test_languages_that_lie_in_a_plane_keep_their_distances() -> None:
    angles = np.array([0.1, 1.0, 2.2, 3.0, 4.4])
    flat = np.stack([np.cos(angles), np.sin(angles), 0 * angles], axis=1)
    found = plane(flat)
    assert found.shown == pytest.approx(1) and np.allclose(pdist(found.places), pdist(flat))


@given(st.integers(0, 200))
def test_a_mirrored_space_gives_the_same_map(seed: int) -> None:
    directed = directions(planted(seed, spread=0.4))
    mirrored = directed @ np.diag(np.where(np.arange(16) % 2, -1.0, 1.0))
    assert np.allclose(plane(directed).places, plane(mirrored).places, atol=1e-7)


def test_a_map_turned_to_another_keeps_its_distances_and_lies_nearer() -> None:
    first, second = plane(directions(planted(1, 0.4))), directions(planted(2, 0.4))
    free, turned = plane(second), plane(second, like=first.places)
    assert np.allclose(pdist(free.places), pdist(turned.places))
    assert np.square(turned.places - first.places).sum() <= np.square(free.places - first.places).sum()
