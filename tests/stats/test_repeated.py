"""Relations are compared within languages, which Cochran's Q says of whole tables and permutation of any."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2

from lrp2_bench.stats.repeated import permuted_within


def cochran(values: np.ndarray) -> float:
    k, columns, rows = values.shape[1], values.sum(axis=0), values.sum(axis=1)
    q = (k - 1) * (k * (columns**2).sum() - columns.sum() ** 2) / (k * rows.sum() - (rows**2).sum())
    return float(chi2.sf(q, k - 1))


def test_of_a_whole_table_it_is_cochrans_q() -> None:
    rng = np.random.default_rng(0)
    for strength in (0.0, 0.15):
        values = (rng.random((60, 4)) < 0.4 + strength * np.arange(4)).astype(float)
        assert permuted_within(values, 4_999) == pytest.approx(cochran(values), abs=0.02)


def test_languages_that_gain_everywhere_do_not_make_relations_differ() -> None:
    values = np.repeat(np.array([[1.0, 1.0, 1.0], [0.0, 0.0, 0.0]]), 30, axis=0)
    values[0, 0] = np.nan
    assert permuted_within(values, 499) == 1.0


def test_gaps_are_allowed_and_the_level_is_kept() -> None:
    rng = np.random.default_rng(1)
    p = []
    for _ in range(100):
        values = (rng.random((10, 5)) < rng.random((10, 1))).astype(float)
        values[rng.random((10, 5)) < 0.2] = np.nan
        p.append(permuted_within(values, 199))
    assert np.mean(np.array(p) < 0.05) <= 0.1
