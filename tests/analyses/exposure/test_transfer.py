"""Transfer is the model's accuracy minus its no-transfer control's over the same held-out facts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lrp2_bench.analyses.exposure.compute import FactStatuses
from lrp2_bench.analyses.exposure.transfer import knowledge_transfer, pooled, unlike
from lrp2_bench.core.types import LayerPair
from lrp2_bench.results.stored_hits import StoredHits
from lrp2_bench.testbed.exposure import ELSEWHERE, PIVOT

BEST = LayerPair(1, 2)
FACTS = tuple(("P36", name) for name in "abcdef")
HELD_OUT = np.array([True, True, True, True, False, False])


def statuses(held_out: np.ndarray = HELD_OUT) -> FactStatuses:
    """All others were seen in other languages only, by both models."""
    return FactStatuses({PIVOT: held_out, ELSEWHERE: ~held_out}, held_out)


def stored(
    *rows: str, facts: tuple[tuple[str, str], ...] = FACTS, settings: tuple[Any, ...] = (None, BEST)
) -> StoredHits:
    """Rows as text: 1 hit, 0 miss, ? not evaluated."""
    table = [[{"1": 1, "0": 0, "?": -1}[mark] for mark in row] for row in rows]
    return StoredHits(facts, (None, BEST)[: len(rows)], np.array(table, dtype=np.int8))


MODEL = stored("111000", "111100")


def test_only_held_out_facts_count_and_the_pair_is_the_models() -> None:
    transfer = knowledge_transfer(MODEL, stored("100011", "000011"), statuses(), BEST)
    assert transfer is not None and transfer.best is not None
    assert transfer.facts == 4
    assert (transfer.baseline.model, transfer.baseline.twin, transfer.baseline.transfer.value) == (75, 25, 50)
    assert (transfer.best.model, transfer.best.twin, transfer.best.transfer.value) == (100, 0, 100)
    assert transfer.baseline.transfer.low < 50 < transfer.baseline.transfer.high


def test_facts_are_matched_by_their_ids_not_their_order() -> None:
    order = [5, 3, 1, 0, 2, 4]
    twin = stored("100011")
    mixed = StoredHits(tuple(FACTS[at] for at in order), twin.settings, twin.hits[:, order])
    found, plain = (knowledge_transfer(MODEL, one, statuses(), None) for one in (mixed, twin))
    assert found is not None and plain is not None
    assert found.baseline.transfer == plain.baseline.transfer


def test_a_twin_that_hits_what_the_model_hits_leaves_nothing_that_crossed() -> None:
    transfer = knowledge_transfer(MODEL, MODEL, statuses(), BEST)
    assert transfer is not None
    interval = transfer.baseline.transfer
    assert interval.value == 0 and interval.low < 0 < interval.high  # four facts alike are no certainty


def test_without_the_pair_in_the_twin_the_baseline_models_are_compared_alone() -> None:
    for twin in (stored("100011"), stored("100011", "00?011")):
        transfer = knowledge_transfer(MODEL, twin, statuses(), BEST)
        assert transfer is not None and transfer.best is None
        assert transfer.baseline.transfer.value == 50
    no_pair = knowledge_transfer(MODEL, stored("100011", "000011"), statuses(), None)
    assert no_pair is not None and no_pair.best is None


def test_facts_that_the_twin_lacks_are_left_out_of_both() -> None:
    twin = stored("10", facts=FACTS[:2])
    transfer = knowledge_transfer(MODEL, twin, statuses(), None)
    assert transfer is not None
    assert (transfer.facts, transfer.baseline.model, transfer.baseline.twin) == (2, 100, 50)


def test_without_held_out_facts_there_is_no_transfer() -> None:
    assert knowledge_transfer(MODEL, MODEL, statuses(np.zeros(6, dtype=bool)), BEST) is None
    assert knowledge_transfer(MODEL, stored("1", facts=(("P36", "z"),)), statuses(), BEST) is None


def test_runs_are_alike_if_they_ask_the_same_in_the_same_way() -> None:
    def manifest(**changed: Any) -> dict[str, Any]:
        identity: dict[str, Any] = {
            "model": {"digest": "a", "precision": "float32"},
            "dataset": {"digest": "d"},
            "language": "de",
            "pivot": "en",
            "probing": {"pool_size": 10, "seed": 0},
            "vectors": {"language": "v"},
        }
        return {"identity": identity | changed}

    assert unlike(manifest(), manifest(model={"digest": "b", "precision": "float32"}, vectors={})) == ()
    assert unlike(manifest(), manifest(probing={"pool_size": 10, "seed": 1})) == ("probing",)
    other = manifest(dataset={"digest": "e"}, model={"digest": "b", "precision": "bfloat16"})
    assert unlike(manifest(), other) == ("dataset", "precision")


def test_the_interval_covers_what_it_should() -> None:
    rng = np.random.default_rng(0)
    facts = tuple((f"P{number % 4}", str(number)) for number in range(200))
    held_out = np.ones(200, dtype=bool)
    covered = 0
    for _ in range(100):
        model = StoredHits(facts, (None,), (rng.random((1, 200)) < 0.6).astype(np.int8))
        twin = StoredHits(facts, (None,), (rng.random((1, 200)) < 0.2).astype(np.int8))
        found = knowledge_transfer(model, twin, statuses(held_out), None)
        assert found is not None
        covered += found.baseline.transfer.low <= 40 <= found.baseline.transfer.high
    assert covered >= 88, "a 95 % interval misses twelve times in a hundred once in 250 tries"


def test_the_placebo_is_the_same_difference_where_both_saw_the_same_and_is_taken_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    few = knowledge_transfer(MODEL, stored("100011"), statuses(), None)
    assert few is not None and np.isnan(few.baseline.same.value) and np.isnan(few.baseline.beyond.low)
    monkeypatch.setattr("lrp2_bench.analyses.exposure.transfer.FEWEST", 2)
    transfer = knowledge_transfer(MODEL, stored("100011"), statuses(), None)
    assert transfer is not None
    crossed = transfer.baseline
    assert (crossed.transfer.value, crossed.same.value, crossed.beyond.value) == (50, -100, 150)
    widths = [one.high - one.value for one in (crossed.transfer, crossed.same, crossed.beyond)]
    assert widths[2] == np.hypot(widths[0], widths[1])


def test_pooled_over_languages_a_fact_told_twice_is_one_cluster() -> None:
    rng = np.random.default_rng(0)
    facts = tuple(("P36", str(number)) for number in range(120))
    model, twin = (StoredHits(facts, (None,), (rng.random((1, 120)) < chance).astype(np.int8)) for chance in (0.7, 0.4))
    held_out = np.arange(120) < 80
    one = knowledge_transfer(model, twin, statuses(held_out), None)
    assert one is not None
    twice = pooled([one.baseline, one.baseline])
    assert twice.transfer.value == one.baseline.transfer.value and len(twice.held_out.facts) == 160
    ours, theirs = twice.transfer.high - twice.transfer.low, one.baseline.transfer.high - one.baseline.transfer.low
    assert 0.95 < ours / theirs < 1.1
