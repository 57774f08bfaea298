"""Linear CKA against its definitions, term by term, and its error against the spread it is to tell."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import torch

from lrp2_bench.analyses.alignment.cka import linear_cka
from lrp2_bench.analyses.alignment.halves import split_halves
from lrp2_bench.stats.clusters import clusters_of


def _states(sentences: int, hidden: int, seed: int) -> torch.Tensor:
    return torch.randn(sentences, hidden, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def _halves(sentences: int, count: int = 20) -> torch.Tensor:
    return torch.from_numpy(split_halves(clusters_of([str(number) for number in range(sentences)]), count)).float()


def _u_statistic(x: np.ndarray, y: np.ndarray) -> float:
    """HSIC as the mean over all quadruples of different sentences (Song et al. 2012, equation 4)."""
    k, m = x @ x.T, y @ y.T
    total = [k[i, j] * (m[i, j] + m[q, r] - 2 * m[i, q]) for i, j, q, r in permutations(range(len(x)), 4)]
    return float(np.mean(total))


def test_the_unbiased_form_is_the_mean_over_all_quadruples_of_sentences() -> None:
    x, y = _states(9, 4, 0), _states(9, 5, 1)
    y[:, :4] += x
    (found,) = linear_cka([x], y, _halves(9))
    a, b = x.numpy(), y.numpy()
    expected = _u_statistic(a, b) / np.sqrt(_u_statistic(a, a) * _u_statistic(b, b))
    np.testing.assert_allclose(found.value, expected, rtol=1e-9)


def test_the_plain_form_is_the_one_of_features(seed: int = 3) -> None:
    x, y = _states(40, 7, seed), _states(40, 3, seed + 1)
    y += x[:, :3]
    (found,) = linear_cka([x + 5], y, _halves(40))
    a, b = (each.numpy() - each.numpy().mean(axis=0) for each in (x, y))
    expected = np.linalg.norm(a.T @ b) ** 2 / (np.linalg.norm(a.T @ a) * np.linalg.norm(b.T @ b))
    np.testing.assert_allclose(found.plain, expected, rtol=1e-9)


def test_moving_turning_and_scaling_a_side_changes_nothing() -> None:
    x, y = _states(50, 6, 0), _states(50, 6, 1) + _states(50, 6, 0)
    turn, _ = torch.linalg.qr(_states(6, 6, 2))
    plain, turned = linear_cka([x, 3 * x @ turn + 100], y, _halves(50))
    np.testing.assert_allclose([turned.value, turned.plain], [plain.value, plain.plain], rtol=1e-8)
    np.testing.assert_allclose(turned.error, plain.error, rtol=1e-3)
    (same,) = linear_cka([y], 2 * y - 1, _halves(50))
    np.testing.assert_allclose([same.value, same.plain, same.error], [1, 1, 0], atol=1e-6)


def test_unrelated_states_have_none_where_the_plain_form_has_plenty() -> None:
    found = [linear_cka([_states(60, 100, s)], _states(60, 100, 500 + s), _halves(60, 2))[0] for s in range(30)]
    assert abs(np.mean([one.value for one in found])) < 0.02
    assert np.mean([one.plain for one in found]) > 0.5


def test_the_error_covers_the_spread_over_samples_and_is_not_far_above_it() -> None:
    mixing = _states(20, 20, 99) / 20**0.5
    found = []
    for seed in range(60):
        x = _states(150, 20, seed)
        found.append(linear_cka([x], 0.8 * x @ mixing + 0.6 * _states(150, 20, 1000 + seed), _halves(150, 100))[0])
    spread = np.std([one.value for one in found], ddof=1)
    assert 0.9 * spread < np.mean([one.error for one in found]) < 1.9 * spread


def test_states_that_do_not_differ_have_no_cka() -> None:
    x = _states(30, 5, 0)
    (found,) = linear_cka([x], torch.ones(30, 5), _halves(30))
    assert np.isnan(found.value)
    (turned,) = linear_cka([torch.full((30, 5), 1 / 3)], x, _halves(30))
    assert np.isnan(turned.value)
