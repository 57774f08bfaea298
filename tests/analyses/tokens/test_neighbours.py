"""Neighbours are those that a loop over all tokens finds, however the work is cut."""

from __future__ import annotations

import itertools
from math import comb

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lrp2_bench.analyses.tokens import neighbours as token_neighbours
from lrp2_bench.analyses.tokens.neighbours import by_chance, chunk_rows, mean_interval, neighbourhoods


def slowly(embeddings: torch.Tensor, label: np.ndarray, query: int, neighbours: int) -> tuple[int, float]:
    """Writing systems, and the share of the token's own, one cosine after the other in double precision."""
    vectors = embeddings.double().numpy()
    cosines = {
        other: float(vectors[query] @ vectors[other] / np.linalg.norm(vectors[query]) / np.linalg.norm(vectors[other]))
        for other in range(len(vectors))
        if other != query
    }
    found = [label[other] for other in sorted(cosines, key=lambda other: -cosines[other])[:neighbours]]
    return len(set(found)), found.count(label[query]) / neighbours


@pytest.mark.parametrize("memory", [256, 1 / 2**12])  # MiB: all tokens at once, or one at a time
def test_neighbours_are_those_of_a_plain_loop(memory: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_neighbours, "_MEMORY", memory)
    generator = torch.Generator().manual_seed(1)
    embeddings = torch.randn(90, 6, generator=generator) * torch.rand(90, 1, generator=generator)  # of many lengths
    label = np.random.default_rng(1).choice(5, size=90, p=[0.5, 0.2, 0.1, 0.1, 0.1])
    queries = np.arange(0, 90, 2)
    found = neighbourhoods(embeddings, label, queries, 7)
    expected = [slowly(embeddings, label, int(query), 7) for query in queries]
    assert found.systems.tolist() == [systems for systems, _ in expected]
    assert found.own.tolist() == pytest.approx([own for _, own in expected])
    assert found.label.tolist() == label[queries].tolist()


def test_a_token_is_not_its_own_neighbour() -> None:
    embeddings = torch.tensor([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0], [0.1, 1.0]])
    found = neighbourhoods(embeddings, np.array([0, 1, 2, 2]), np.arange(4), 1)
    assert found.own.tolist() == [0, 0, 1, 1] and found.systems.tolist() == [1, 1, 1, 1]


def test_memory_is_bounded_whatever_the_vocabulary() -> None:
    for tokens in (1, 8_000, 250_000, 10**9):
        rows = chunk_rows(tokens)
        assert rows >= 1 and (rows == 1 or 4 * rows * tokens <= 256 * 2**20)


@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.data())
def test_chance_is_the_mean_over_all_draws(sizes: list[int], data: st.DataObject) -> None:
    tokens = [system for system, size in enumerate(sizes) for _ in range(size)]
    drawn = data.draw(st.integers(1, len(tokens)))
    draws = [len(set(some)) for some in itertools.combinations(tokens, drawn)]
    assert len(draws) == comb(len(tokens), drawn)
    assert by_chance(np.array(sizes), drawn) == pytest.approx(sum(draws) / len(draws))


def test_the_interval_of_a_mean_is_that_of_drawing_tokens_anew() -> None:
    counts = np.random.default_rng(0).integers(1, 8, size=400)
    found = mean_interval(counts)
    assert found.value == pytest.approx(counts.mean())
    expected = 1.96 * counts.std() / 20
    assert found.high - found.value == pytest.approx(expected, rel=0.15)
    assert found.value - found.low == pytest.approx(expected, rel=0.15)
    assert np.isnan(mean_interval(counts[:0]).value)
