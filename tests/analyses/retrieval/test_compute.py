"""Retrieval against plain loops; repeats, ties and chunks."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.stats import binomtest

from lrp2_bench.analyses.mexa import nearest
from lrp2_bench.analyses.retrieval.compute import (
    Parallel,
    by_layer,
    mexa_by_layer,
    number_distinct,
    retrieve,
    unambiguous,
)
from lrp2_bench.stats.clusters import clusters_of
from lrp2_bench.stats.wilson import wilson


def _loop(ours: np.ndarray, theirs: np.ndarray, links: set[tuple[int, int]], k: int) -> tuple[np.ndarray, np.ndarray]:
    """The definition, one pair of sentences at a time: ``[method, sentence]`` in both directions."""

    def cosine(a: np.ndarray, b: np.ndarray) -> float:
        return float(sum(p * q for p, q in zip(a, b, strict=True)) / math.sqrt(sum(a * a)) / math.sqrt(sum(b * b)))

    table = [[cosine(a, b) for b in theirs] for a in ours]
    near = [sum(sorted(row, reverse=True)[:k]) / k for row in table]
    away = [sum(sorted((row[j] for row in table), reverse=True)[:k]) / k for j in range(len(theirs))]
    margin = [[table[i][j] / (near[i] / 2 + away[j] / 2) for j in range(len(theirs))] for i in range(len(ours))]
    forward, backward = [], []
    for scores in (table, margin):
        forward.append([(i, max(range(len(theirs)), key=lambda j: scores[i][j])) in links for i in range(len(ours))])
        backward.append([(max(range(len(ours)), key=lambda i: scores[i][j]), j) in links for j in range(len(theirs))])
    return np.array(forward), np.array(backward)


def _noisy(sentences: int, hidden: int, noise: float, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    ours = torch.randn(sentences, hidden, generator=generator) + 1
    return ours, ours + noise * torch.randn(sentences, hidden, generator=generator)


@pytest.mark.parametrize("k", [1, 4, 7])
@pytest.mark.parametrize("chunk", [1, 100, 10**6])
def test_retrieval_is_that_of_plain_loops_in_chunks_of_any_size(k: int, chunk: int) -> None:
    ours, theirs = _noisy(31, 6, 0.9, k)
    theirs = theirs[:29]
    links = {(i, i) for i in range(29)} | {(29, 0), (30, 5)}
    found = retrieve(ours, theirs, Parallel(31, 29, tuple(links)), k, chunk)
    forward, backward = _loop(ours.double().numpy(), theirs.double().numpy(), links, k)
    np.testing.assert_array_equal(found.forward.numpy(), forward)
    np.testing.assert_array_equal(found.backward.numpy(), backward)
    assert 0.2 < forward.mean() < 0.95, "everything or nothing found proves little"
    assert k != 4 or (forward[0] != forward[1]).any(), "a margin that is the nearest neighbour proves little"


def test_margins_find_what_hubs_hide() -> None:
    """A hub is near to all; the margin takes that off."""
    generator = torch.Generator().manual_seed(0)
    ours = torch.randn(40, 16, generator=generator) + 2
    theirs = ours + 0.8 * torch.randn(40, 16, generator=generator)
    theirs[0] = ours.mean(dim=0)
    found = retrieve(ours, theirs, Parallel(40, 40, tuple((i, i) for i in range(40))), 4)
    nearest, margin = found.forward.double().mean(dim=1)
    assert margin > nearest + 0.1


def test_any_translation_of_a_repeated_sentence_is_right() -> None:
    numbers, first = number_distinct(["a", "b", "a", "c"])
    assert (numbers, first) == ([0, 1, 0, 2], [0, 1, 3])
    ours, theirs = torch.eye(3), torch.eye(4)[:, :3]
    theirs[3, 0] = 0.9  # a second translation of a, and not its nearest
    parallel = Parallel(3, 4, tuple(zip(numbers, [0, 1, 3, 2], strict=True)))
    found = retrieve(ours, theirs, parallel, 1)
    assert found.forward.all() and found.backward.all()
    alone = retrieve(ours, theirs, Parallel(3, 4, ((0, 3), (1, 1), (2, 2))), 1)
    assert alone.forward[0].tolist() == [False, True, True] and alone.backward[0].tolist() == [False, True, True, True]


def test_sentences_with_the_same_state_are_not_all_found() -> None:
    same = torch.ones(20, 3)
    found = retrieve(same, same, Parallel(20, 20, tuple((i, i) for i in range(20))), 4)
    assert found.forward.sum(dim=1).tolist() == [1, 1] and found.backward.sum(dim=1).tolist() == [1, 1]


def test_states_away_from_each_other_keep_their_order_under_margins() -> None:
    """Means of cosines below 0 would turn the ratio's sign."""
    ours = torch.tensor([[1.0, 0.0], [-1.0, 0.2]])
    theirs = torch.tensor([[-0.1, 1.0], [-0.1, -1.0]])
    found = retrieve(ours, theirs, Parallel(2, 2, ((0, 0), (1, 0))), 2)
    nearest = retrieve(ours, theirs, Parallel(2, 2, ((0, 0), (1, 0))), 1)
    assert found.forward[1].tolist() == nearest.forward[0].tolist()


def test_fewer_sentences_than_neighbours_are_refused() -> None:
    with pytest.raises(ValueError, match="4 sentences a side, not 3 and 9"):
        retrieve(torch.ones(3, 2), torch.ones(9, 2), Parallel(3, 9, ((0, 0),)), 4)


def test_removing_language_vectors_undoes_a_languages_offset_and_nothing_else() -> None:
    ours, theirs = _noisy(50, 8, 0.5, 0)
    offsets = torch.randn(2, 8, generator=torch.Generator().manual_seed(9)) * 30
    parallel = Parallel(50, 50, tuple((i, i) for i in range(50)))
    vectors = torch.stack([offsets[0] * 0, offsets[0]]), torch.stack([offsets[1] * 0, offsets[1]])
    layers = torch.stack([ours, ours + offsets[0]]), torch.stack([theirs, theirs + offsets[1]])
    shares = by_layer(*layers, parallel, vectors, 4, torch.device("cpu"))
    assert shares.shape == (2, 2, 2, 2)
    np.testing.assert_allclose(shares[1, :, :, 0], shares[0, :, :, 0])
    np.testing.assert_allclose(shares[1, :, :, 1], shares[0, :, :, 0], atol=0.021)  # rounding may turn a near tie
    assert (shares[0, :, :, 1] < shares[0, :, :, 0] - 0.3).all()


@pytest.mark.parametrize(("hits", "count"), [(0, 10), (10, 10), (3, 10), (412, 1000), (1, 2)])
def test_wilsons_interval_is_scipys(hits: int, count: int) -> None:
    found = wilson(hits / count, count)
    expected = binomtest(hits, count).proportion_ci(method="wilson")
    np.testing.assert_allclose(
        [found.value, found.low, found.high], [100 * hits / count, 100 * expected.low, 100 * expected.high], atol=1e-9
    )
    assert math.isnan(wilson(0.0, 0).value)


def test_mexa_counts_the_pairs_that_are_each_sentences_only_translation_with_a_control() -> None:
    assert unambiguous([[0, 1, 1, 2, 3, 4], [0, 1, 2, 2, 3, 3]]) == [0, 1, 4]
    generator = torch.Generator().manual_seed(0)
    theirs = torch.randn(3, 60, 8, generator=generator)
    means = torch.randn(3, 8, generator=generator) * 20
    ours = theirs + means[:, None] + 0.01 * torch.randn(3, 60, 8, generator=generator)
    clusters = clusters_of([str(number // 3) for number in range(60)])
    vectors = means, torch.zeros(3, 8)
    found = mexa_by_layer(ours, theirs, vectors, clusters, 0, torch.device("cpu"))
    assert found.shape == (3, 3, 3) and (found[1, :, 0] == 100).all() and (found[2, :, 0] < 10).all()
    assert (found[0, :, 0] < 100).all()
    for layer in range(3):
        expected = 100 * nearest(ours[layer], theirs[layer]).double().mean()
        assert found[0, layer, 0] == pytest.approx(float(expected))
        assert found[0, layer, 1] <= found[0, layer, 0] <= found[0, layer, 2]
    alone = mexa_by_layer(ours, theirs, vectors, clusters_of([str(n) for n in range(60)]), 0, torch.device("cpu"))
    assert (alone[..., 0] == found[..., 0]).all()


def test_mexa_in_blocks_is_mexa_at_once() -> None:
    generator = torch.Generator().manual_seed(1)
    ours, theirs = torch.randn(2, 50, 4, generator=generator)
    theirs = ours + 0.5 * theirs
    whole = nearest(ours, theirs)
    assert 0 < int(whole.sum()) < 50
    for chunk in (1, 120, 10_000):
        assert (nearest(ours, theirs, chunk=chunk) == whole).all()
