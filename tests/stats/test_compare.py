"""Two runs compared in several languages: what these share is in the interval of their mean."""

from __future__ import annotations

import numpy as np
import pytest

from lrp2_bench.stats.across_languages import mean_over_languages
from lrp2_bench.stats.clusters import clusters_of
from lrp2_bench.stats.compare import differences

_LANGUAGES, _SUBJECTS, _EACH = 8, 40, 3


def _hits(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Two runs' ``[language, fact]``: a subject is known to either as luck has it, in nearly all languages alike."""
    known = rng.random((2, 1, _SUBJECTS)) < 0.5
    turned = rng.random((2, _LANGUAGES, _SUBJECTS)) < 0.1
    first, second = np.repeat(known ^ turned, _EACH, axis=2).astype(np.int8)
    return first, second


@pytest.mark.parametrize("metric", ["accuracy", "transferability"])
def test_the_mean_of_languages_that_share_their_luck_covers_no_difference(metric: str) -> None:
    clusters = clusters_of([f"Q{at // _EACH}" for at in range(_SUBJECTS * _EACH)])
    rng = np.random.default_rng(0)
    knowing = alone = 0
    studies = 150
    for _ in range(studies):
        pivot = np.repeat(rng.random(_SUBJECTS) < 0.7, _EACH).astype(np.int8)
        rows = [differences(each, (pivot, pivot), clusters)[metric] for each in zip(*_hits(rng), strict=True)]
        mean = mean_over_languages([row.estimate for row in rows])
        without = mean_over_languages([row.difference.value for row in rows])
        assert mean.value == pytest.approx(without.value)
        knowing += mean.low <= 0 <= mean.high
        alone += without.low <= 0 <= without.high
    assert knowing >= 0.9 * studies and alone < 0.6 * studies


def test_a_mean_of_runs_that_no_fact_tells_apart_is_known_to_one_fact_of_those_that_count() -> None:
    """1,000 facts, of which 15 count for transferability: one of these is 7 points, not a tenth of one."""
    known = (np.arange(1_000) < 15).astype(np.int8)
    clusters = clusters_of([f"Q{at}" for at in range(1_000)])
    found = differences((known, known), (known, known), clusters)
    assert found["accuracy"].unit == pytest.approx(0.1)
    assert found["transferability"].unit == pytest.approx(100 / 15)
    mean = mean_over_languages([found["transferability"].estimate] * 3)
    one = found["transferability"].difference
    assert mean.high - mean.value > (one.high - one.value) / 3


def test_resamples_spread_as_the_interval_reaches() -> None:
    clusters = clusters_of([f"Q{at // _EACH}" for at in range(_SUBJECTS * _EACH)])
    first, second = (rows[0] for rows in _hits(np.random.default_rng(3)))
    pivot = np.ones_like(first)
    for found in differences((first, second), (pivot, pivot), clusters).values():
        error = (found.difference.high - found.difference.low) / 2 / 2.02
        assert found.resamples.mean() == pytest.approx(found.difference.value, abs=error / 5)
        assert found.resamples.std() == pytest.approx(error, rel=0.15)
