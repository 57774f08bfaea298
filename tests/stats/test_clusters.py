"""Facts of one cluster are drawn, dealt and counted together, by draws that every language shares."""

from __future__ import annotations

import numpy as np
import pytest

from lrp2_bench.stats.clusters import clusters_of

LABELS = ["de", "fr", "de", "ca", "fr", "de"]


def test_facts_of_one_label_are_one_cluster() -> None:
    found = clusters_of(LABELS)
    assert found.labels == ("de", "fr", "ca") and found.codes.tolist() == [0, 1, 0, 2, 1, 0]
    assert found.sums(np.arange(6.0)).tolist() == [7.0, 5.0, 3.0]
    some = found.of(np.array([False, True, False, True, True, False]))
    assert (some.labels, some.codes.tolist()) == (("fr", "ca"), [0, 1, 0])


def test_a_cluster_is_drawn_alike_in_every_language() -> None:
    ours, theirs = clusters_of(LABELS), clusters_of(["ca", "xx", "de"])
    assert (ours.draws()[:, 0] == theirs.draws()[:, 2]).all()
    assert (ours.draws()[:, 2] == theirs.draws()[:, 0]).all()
    assert (ours.draws(seed=1) != ours.draws()).any()


def test_draws_are_poisson_of_mean_one() -> None:
    draws = clusters_of([str(number) for number in range(400)]).draws()
    assert draws.shape == (1_000, 400)
    assert float(draws.mean()) == pytest.approx(1.0, abs=0.01)
    assert float(draws.var()) == pytest.approx(1.0, abs=0.02)
    together = np.corrcoef(draws[:, :50].T.astype(float))[np.triu_indices(50, 1)]
    assert float(np.abs(together).mean()) < 0.04


def test_folds_have_as_many_clusters_as_each_other() -> None:
    folds = clusters_of([str(number) for number in range(47)]).folds(10, np.random.default_rng(0))
    assert sorted(np.bincount(folds).tolist()) == [4] * 3 + [5] * 7
