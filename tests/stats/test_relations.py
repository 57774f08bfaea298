"""Relations differ where their changes do, not where languages turn the same few facts."""

from __future__ import annotations

import numpy as np
import pytest

from lrp2_bench.stats.clusters import clusters_of
from lrp2_bench.stats.relations import RelationScore, p_of_equal_relations, score_relations

COUNTRIES = clusters_of([f"country {number}" for _ in range(4) for number in range(80)], "country")
RELATIONS = [f"P{number}" for number in range(4) for _ in range(80)]


def languages(rng: np.random.Generator, alike: float, more: float = 0.0) -> list[tuple[RelationScore, ...]]:
    """Twelve languages in which a pair turns 5 % of the facts to hits and 5 % to misses, in the first relation ``more``
    to hits; a fact's lot is that of all languages with the chance ``alike``."""
    known, common = rng.random(320) < 0.5, rng.random(320)
    gained = np.where(np.arange(320) < 80, 0.05 + more, 0.05)
    found = []
    for _ in range(12):
        lot = np.where(rng.random(320) < alike, common, rng.random(320))
        after = known ^ (lot < 2 * np.where(known, 0.05, gained))
        pivot = np.ones(320, dtype=np.int8)
        found.append(score_relations(known.astype(np.int8), after.astype(np.int8), pivot, RELATIONS, COUNTRIES, 200))
    return found


@pytest.mark.parametrize("alike", [0.0, 0.9])
def test_relations_that_do_not_differ_seldom_appear_to(alike: float) -> None:
    rng = np.random.default_rng(0)
    found = [p_of_equal_relations(languages(rng, alike)) < 0.05 for _ in range(60)]
    assert np.mean(found) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 60)


def test_a_relation_that_gains_much_more_is_found() -> None:
    rng = np.random.default_rng(0)
    assert np.mean([p_of_equal_relations(languages(rng, 0.5, more=0.15)) < 0.05 for _ in range(20)]) > 0.8


def test_the_resampled_change_of_a_relation_spreads_as_its_clusters_say() -> None:
    rng = np.random.default_rng(0)
    before, after = (rng.random((2, 320)) < 0.5).astype(np.int8)
    first = score_relations(before, after, np.ones(320, dtype=np.int8), RELATIONS, COUNTRIES, 2_000)[0]
    difference = 100.0 * (after[:80] - before[:80].astype(float))
    assert first.noise.mean() == pytest.approx(0, abs=0.5)
    assert first.noise.std() == pytest.approx(difference.std() / np.sqrt(80), rel=0.1)


def test_without_a_change_or_a_second_relation_there_is_nothing_to_tell() -> None:
    still = [RelationScore(name, 9, 10.0, 10.0, np.zeros(8, np.float32)) for name in ("P36", "P30")]
    assert p_of_equal_relations([still]) == p_of_equal_relations([still[:1]]) == p_of_equal_relations([]) == 1.0
