"""A linear classifier parts what can be parted, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from lrp2_bench.analyses.tokens.separability import Embeddings, separability


def planted(distance: float, sizes: tuple[int, ...] = (300, 100, 50), hidden: int = 8) -> tuple[Embeddings, np.ndarray]:
    rng = np.random.default_rng(3)
    label = np.repeat(np.arange(len(sizes)), sizes)
    centres = distance * np.eye(len(sizes), hidden)
    return (centres[label] + rng.normal(size=(len(label), hidden))).astype(np.float32), label


def test_systems_that_lie_apart_are_told_and_labels_that_mean_nothing_are_not() -> None:
    found = separability(*planted(distance=12))
    assert found.accuracy.value > 99 and found.mean_recall > 99
    assert found.majority == pytest.approx(100 * 60 / 90)
    # Shuffled labels leave the classifier with the sizes alone.
    assert found.shuffled < found.majority + 5
    assert found.held_out == (60, 20, 10) and found.train == 360 and found.converged


def test_systems_that_lie_together_are_told_no_better_than_by_their_size() -> None:
    found = separability(*planted(distance=0))
    assert found.accuracy.value < found.majority + 5
    # Always saying the commonest would give the mean of 100, 0 and 0.
    assert found.mean_recall < 45


def test_a_partition_that_no_plane_makes_is_not_linear() -> None:
    rng = np.random.default_rng(0)
    embeddings = rng.normal(size=(600, 2)).astype(np.float32)
    label = (np.prod(embeddings, axis=1) > 0).astype(np.int64)  # opposite quarters of the plane
    assert separability(embeddings, label).accuracy.value < 65


def test_the_interval_holds_the_share_and_narrows_with_tokens() -> None:
    few, many = (separability(*planted(0.8, (5 * n, 5 * n))) for n in (8, 80))
    for found in (few, many):
        assert found.accuracy.low < found.accuracy.value < found.accuracy.high
    assert few.accuracy.high - few.accuracy.low > 2 * (many.accuracy.high - many.accuracy.low)


def test_scale_and_offset_of_the_embeddings_change_nothing() -> None:
    embeddings, label = planted(distance=2)
    moved = separability((embeddings * 0.02 + 7).astype(np.float32), label)
    assert moved.accuracy.value == pytest.approx(separability(embeddings, label).accuracy.value, abs=2)


def test_a_fit_cut_short_says_so() -> None:
    assert not separability(*planted(distance=1), steps=1).converged


def test_the_same_seed_gives_the_same_numbers() -> None:
    embeddings, label = planted(distance=1)
    assert separability(embeddings, label, seed=5) == separability(embeddings, label, seed=5)
    assert separability(embeddings, label, seed=5) != separability(embeddings, label, seed=6)
