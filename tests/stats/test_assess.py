"""What is said of a language's best pair is what the parts say of the same hits."""

from __future__ import annotations

import numpy as np
import pytest

from lrp2_bench.core.types import LayerPair, all_pairs
from lrp2_bench.metrics import hits as metrics
from lrp2_bench.results.stored_hits import StoredHits
from lrp2_bench.stats.across_languages import mean_over_languages
from lrp2_bench.stats.assess import assess
from lrp2_bench.stats.clusters import clusters_of
from lrp2_bench.stats.equivalence import equivalent
from lrp2_bench.stats.paired_intervals import level_interval, paired_changes
from lrp2_bench.stats.paired_tests import mcnemar
from lrp2_bench.stats.relations import score_relations
from lrp2_bench.stats.resampled import Sampled

PAIRS = all_pairs(4)


def stored(seed: int = 0) -> tuple[StoredHits, np.ndarray]:
    rng = np.random.default_rng(seed)
    facts = tuple((relation, str(number)) for relation in ("P36", "P30") for number in range(60))
    chance = np.array([0.3, 0.3, 0.6, 0.3, 0.3, 0.6, 0.2])[:, None]
    hits = (rng.random((1 + len(PAIRS), len(facts))) < chance).astype(np.int8)
    return StoredHits(facts, (None, *PAIRS), hits), rng.integers(-1, 2, len(facts)).astype(np.int8)


def test_every_part_is_that_of_the_same_hits() -> None:
    hits, pivot = stored()
    best = PAIRS[1]
    sampled = Sampled(hits, pivot)
    found = assess(sampled, best, "accuracy")
    accuracy, overlap = found.measured["accuracy"], found.measured["transferability"]
    changes = paired_changes(hits.hits, pivot, sampled.clusters, "accuracy")
    assert accuracy.change.value == pytest.approx(changes.value[2]) and accuracy.change.high == changes.interval(2).high
    assert accuracy.change.low <= changes.interval(2).low  # the best of six
    assert overlap.without == level_interval(hits.hits[0], pivot, sampled.clusters, "transferability")[0]
    assert found.held_out == sampled.held_out("accuracy")
    assert (
        overlap.held_out
        == found.held_out.gain["transferability"]
        == sampled.held_out("accuracy").gain["transferability"]
    )
    assert accuracy.selection_bias == pytest.approx(accuracy.change.value - accuracy.held_out.value)
    assert found.naive == mcnemar(hits.hits[0], hits.hits[2]) and found.largest == sampled.largest_gain("accuracy")
    assert accuracy.gain.value == accuracy.held_out.value and accuracy.baseline.value == accuracy.without.value
    assert (found.facts, found.shared, found.pairs) == (120, int((pivot >= 0).sum()), 6)
    assert set(found.confidence_set) == {PAIRS[1], PAIRS[4]}
    assert [score.relation for score in found.relations] == ["P36", "P30"]


def test_a_pair_with_open_facts_takes_no_part() -> None:
    hits, pivot = stored()
    table = hits.hits.copy()
    table[5, 7] = -1  # the other good pair
    found = assess(Sampled(StoredHits(hits.facts, hits.settings, table), pivot), PAIRS[1], "accuracy")
    assert found.confidence_set == (PAIRS[1],) and found.pairs == 5
    with pytest.raises(ValueError, match="1/2 is not fully evaluated"):
        table[1, 0] = -1
        assess(Sampled(StoredHits(hits.facts, hits.settings, table), pivot), PAIRS[0], "accuracy")


def test_a_relations_overlap_is_over_its_own_shared_facts() -> None:
    relations = ["P36"] * 4 + ["P30"] * 3 + ["P17"]
    before = np.array([1, 0, 0, 1, 1, 1, 1, 1], dtype=np.int8)
    after = np.array([1, 1, 0, 1, 0, 0, 0, 1], dtype=np.int8)
    pivot = np.array([1, 1, 0, -1, 0, 1, 1, -1], dtype=np.int8)
    capital, continent = score_relations(before, after, pivot, relations, clusters_of(list("abcdefgh")))
    assert (capital.relation, capital.shared) == ("P36", 3)
    assert (capital.without, capital.lrp2) == pytest.approx((50, 100))
    assert (continent.relation, continent.shared, continent.lrp2) == ("P30", 3, 0)
    assert continent.without == pytest.approx(100 * 2 / 3)
    assert continent.without == pytest.approx(metrics.transferability(before[None, 4:7], pivot[4:7])[0])


def test_a_mean_of_languages_in_which_no_pair_is_chosen_is_not_shown_to_be_none() -> None:
    """A pair gains a point on 45 facts: mostly no fold chooses it, and a language is known to 4 points at best."""
    facts = tuple(("P36", str(number)) for number in range(45))
    rng = np.random.default_rng(0)
    for _ in range(5):
        gains = []
        for _ in range(3):
            before = rng.random(45) < 0.3
            hits = np.stack([before, before | (rng.random(45) < 0.014)]).astype(np.int8)
            sampled = Sampled(StoredHits(facts, (None, LayerPair(1, 2)), hits), np.ones(45, np.int8))
            gains.append(assess(sampled, LayerPair(1, 2), "accuracy").measured["accuracy"].gain)
        assert not equivalent(mean_over_languages(gains), 2)
