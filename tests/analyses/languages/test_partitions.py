"""Permutation tests find planted agreement, and none where there is none."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from scipy.spatial.distance import pdist, squareform
from scipy.stats import spearmanr
from sklearn.metrics import adjusted_rand_score

from lrp2_bench.analyses.languages.partitions import agreement, kinship, mantel

FAMILIES = ["a"] * 5 + ["b"] * 4 + ["c"]


def test_the_same_partition_agrees_in_full() -> None:
    found = agreement(np.array([3] * 5 + [1] * 4 + [2]), FAMILIES)
    assert found is not None
    assert found.rand == 1 and found.purity == 1 and found.p < 0.005


def test_a_partition_at_random_agrees_by_chance_and_p_values_are_held_out() -> None:
    ps = []
    for seed in range(40):
        clusters = np.random.default_rng(seed).permutation([0] * 5 + [1] * 4 + [2])
        found = agreement(clusters, FAMILIES, seed, permutations=199)
        assert found is not None
        ps.append(found.p)
    assert np.mean(np.array(ps) <= 0.1) < 0.25 and np.mean(ps) > 0.4


def test_p_is_the_share_of_all_orders_that_agree_as_well() -> None:
    clusters, groups = np.array([0, 0, 0, 1, 1, 1]), list("aabbba")
    observed = adjusted_rand_score(groups, clusters)
    orders = list(itertools.permutations(groups))
    expected = np.mean([adjusted_rand_score(order, clusters) >= observed - 1e-9 for order in orders])
    found = agreement(clusters, groups)
    assert found is not None and found.rand == pytest.approx(observed)
    assert found.p == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize("groups", [["a"] * 4, list("abcd")])
def test_groups_that_say_nothing_are_not_tested(groups: Sequence[str]) -> None:
    assert agreement(np.array([0, 0, 1, 1]), groups) is None
    assert kinship(np.eye(4), groups) is None


def test_kin_is_seen_where_a_cut_of_the_tree_does_not_see_it() -> None:
    # One family of three branches far from each other, and another near the first branch.
    places = np.array([0.0, 0.1, 5.0, 5.1, 9.0, 9.1, 1.0, 1.1])
    groups = ["a"] * 6 + ["b"] * 2
    found = kinship(-np.abs(places[:, None] - places), groups)
    assert found is not None and found.share == 1 and found.adjusted == 1
    split = agreement(np.array([0, 0, 1, 1, 1, 1, 0, 0]), groups)
    assert split is not None and split.rand < 0.3


def test_kin_by_chance_is_the_mean_over_orders() -> None:
    groups = list("aaabbc")
    found = kinship(np.random.default_rng(0).normal(size=(6, 6)), groups)
    assert found is not None
    # A given other language is of the same group: (3*2 + 2*1) of 6*5 ordered pairs.
    assert found.chance == pytest.approx(8 / 30, abs=0.01)


def test_mantel_is_spearman_with_its_p_from_permuted_languages() -> None:
    rng = np.random.default_rng(4)
    places = rng.normal(size=(12, 2))
    near, noise = pdist(places), pdist(rng.normal(size=(12, 3)))
    same = mantel(near, near**3)
    assert same is not None and same.correlation == pytest.approx(1) and same.p == pytest.approx(1e-4)
    other = mantel(near, noise)
    assert other is not None and other.correlation == pytest.approx(spearmanr(near, noise).statistic)
    slow = []
    for _ in range(400):
        order = rng.permutation(12)
        slow.append(spearmanr(squareform(squareform(near)[np.ix_(order, order)]), noise).statistic)
    assert other.p == pytest.approx(np.mean(np.array(slow) >= other.correlation), abs=0.1)
    opposite = mantel(near, -near)
    assert opposite is not None and opposite.correlation == pytest.approx(-1) and opposite.p > 0.99


def test_mantel_needs_five_languages_and_distances_that_differ() -> None:
    assert mantel(np.arange(6.0), np.arange(6.0)) is None
    assert mantel(np.arange(10.0), np.ones(10)) is None
    assert mantel(np.arange(10.0), np.arange(10.0)) is not None
