"""Which neurons are a relation's, how many two relations share, and how exact that is."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lrp2_bench.analyses.neurons.attribution import Attributed
from lrp2_bench.analyses.neurons.compute import Completeness, KnowledgeNeurons, Tally, completeness, overlaps, summarise


def _found(values: list[list[list[float]]], full: float = 0.5) -> Attributed:
    tensor = torch.tensor(values)
    return Attributed(range(len(values)), tensor, torch.full((len(values),), full), torch.zeros(tensor.shape[:2]))


def _neurons(index: list[int]) -> KnowledgeNeurons:
    array = np.array(index)
    return KnowledgeNeurons(array, np.ones_like(array), np.ones(len(array)), 10, 1, 0.5, Completeness())


def test_neurons_are_ranked_by_how_many_prompts_have_them_then_by_their_attributions() -> None:
    tally = Tally(blocks=2, width=3, per_prompt=1)
    tally.add(_found([[[3, 2, 1], [0, 5, 1]], [[3, 2, 1], [0, 1, 2]]]))
    tally.add(_found([[[1, 9, 1], [0, 1, 1.5]]]))
    result = tally.result()
    assert result.places() == [(1, 0), (2, 2), (1, 1), (2, 1)]
    assert result.prompts.tolist() == [2, 2, 1, 1]
    assert result.attribution.tolist() == [6, 3.5, 9, 5]
    assert result.asked == 3 and result.probability == pytest.approx(1.5)


def test_a_tally_does_not_depend_on_the_batches() -> None:
    torch.manual_seed(0)
    values = torch.randn(6, 2, 8)
    whole, parts = Tally(2, 8, 3), Tally(2, 8, 3)
    whole.add(_found(values.tolist()))
    for row in values:
        parts.add(_found(row.unsqueeze(0).tolist()))
    for name in ("index", "prompts", "attribution"):
        np.testing.assert_allclose(getattr(whole.result(), name), getattr(parts.result(), name))


def test_completeness_is_the_error_by_the_change() -> None:
    found = Attributed(
        range(2),
        torch.tensor([[[0.1, 0.2], [0.0, 0.0]], [[-0.1, 0.0], [0.2, 0.0]]]),
        torch.tensor([0.5, 0.4]),
        torch.tensor([[0.3, 0.4999], [0.5, 0.3]]),
    )
    # errors .1, .0001, 0, .1 of changes .2, .0001, -.1, .1; the second changes too little to tell
    result = completeness(found)
    assert result.mean == pytest.approx(0.2001 / 0.4001, rel=1e-3)
    assert result.worst == pytest.approx(1.0, rel=1e-3)
    total = result + Completeness(1.0, 2.0, 3.0)
    assert (total.error, total.worst) == (pytest.approx(1.2001), 3.0)
    assert np.isnan(Completeness().mean)


def test_overlaps_are_shares_of_the_most_frequent_neurons() -> None:
    ours, theirs = [_neurons([1, 2, 3, 4]), _neurons([5, 6, 1])], [_neurons([2, 9, 1]), _neurons([6, 5, 7])]
    found = overlaps(ours, theirs, 2)
    np.testing.assert_array_equal(found, [[50.0, 0.0], [0.0, 100.0]])
    np.testing.assert_array_equal(overlaps(ours, theirs, 4)[0], [50.0, 0.0])


def test_the_average_is_over_all_pairs_of_relations() -> None:
    found = summarise(np.array([[30.0, 0.0, 3.0], [6.0, 60.0, 0.0], [0.0, 9.0, 90.0]]))
    assert (found.same, found.different, found.average) == (60.0, 3.0, 22.0)
