"""MEXA by its definition in plain loops, and its control."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from lrp2_bench.analyses.alignment.compute import Effort, align
from lrp2_bench.analyses.mexa import nearest, shuffled
from lrp2_bench.analyses.states import StateBank
from lrp2_bench.core.types import LayerPair
from lrp2_bench.interventions.projection import as_edit, shifts
from tests.analyses.alignment.test_compute import CLUSTERS, _by_hand, _sentences
from tests.support.naive import moved, states
from tests.support.probing import load
from tests.support.vectors import two_random_vectors


def _loop(ours: np.ndarray, theirs: np.ndarray) -> list[bool]:
    def cosine(a: np.ndarray, b: np.ndarray) -> float:
        return float(a @ b / np.sqrt(a @ a) / np.sqrt(b @ b))

    count = len(ours)
    table = [[cosine(a, b) for b in theirs] for a in ours]
    return [
        all(table[i][i] > table[i][j] and table[i][i] > table[j][i] for j in range(count) if j != i)
        for i in range(count)
    ]


def test_it_is_the_share_that_is_nearer_than_every_other_sentence_both_ways() -> None:
    rng = np.random.default_rng(0)
    ours = rng.standard_normal((40, 6)) + 1
    theirs = ours + 0.7 * rng.standard_normal((40, 6))
    found = nearest(torch.from_numpy(ours), torch.from_numpy(theirs))
    assert found.tolist() == _loop(ours, theirs) and 0.2 < found.double().mean() < 0.9
    twice = torch.ones(3, 2, dtype=torch.float64)
    assert not nearest(twice, twice).any(), "equals are not nearer"


def test_the_control_gives_no_sentence_its_own_translation_and_finds_next_to_none() -> None:
    for count in (2, 3, 10, 101):
        match = shuffled(count, 0)
        assert sorted(match) == list(range(count)) and (match != np.arange(count)).all()
    states_ = torch.randn(100, 8, generator=torch.Generator().manual_seed(0))
    assert nearest(states_, states_).all()
    assert not nearest(states_, states_, torch.from_numpy(shuffled(100, 1))).any()


def test_the_analysis_measures_it_at_every_layer_of_baseline_lrp2_and_random_shift(
    model_folder: Callable[[str], Path],
) -> None:
    model, pair = load(model_folder("bert")), LayerPair(2, 4)
    language, pivot = two_random_vectors(model)
    control = as_edit(shifts(*two_random_vectors(model, 2)).flip(1))
    found = align(
        model, "de", _sentences(), CLUSTERS, StateBank(model, 64, 0), pair, shifts(language, pivot),
        Effort(resamples=200, cka_sentences=1000, halves=30, seed=0), batch_tokens=64, control=control,
    )  # fmt: skip
    assert found.mexa.shape == (3, 5, 3) and found.cosine_random is not None
    for run, setting in enumerate((None, pair)):
        ours, theirs = [], []
        for mine, yours in _sentences():
            with moved(model.model, setting, language, pivot):
                ours.append(states(model.model, torch.tensor([mine.ids]))[:, 0, list(mine.read)].mean(dim=1))
            theirs.append(states(model.model, torch.tensor([yours.ids]))[:, 0, list(yours.read)].mean(dim=1))
        for layer in range(5):
            sides = (torch.stack([one[layer] for one in side]).double().numpy() for side in (ours, theirs))
            assert found.mexa[run, layer, 0] == 100 * np.mean(_loop(*sides))
    np.testing.assert_allclose(found.cosine[0, :, 0], _by_hand(model, None).mean(axis=1), atol=2e-6)
    assert (found.mexa[..., 1] <= found.mexa[..., 0]).all() and (found.mexa[..., 0] <= found.mexa[..., 2]).all()
    np.testing.assert_array_equal(found.cosine_random[:2], found.cosine[0, :2])
    assert (found.cosine_random[2:, 0] != found.cosine[0, 2:, 0]).all()
