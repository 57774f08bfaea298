"""Transfer is the model's accuracy minus its no-transfer control's over the same held-out facts."""

from __future__ import annotations

from typing import Any

import numpy as np

from lrp2_bench.analyses.exposure.transfer import knowledge_transfer, unlike
from lrp2_bench.core.types import LayerPair
from lrp2_bench.results.stored_hits import StoredHits

BEST = LayerPair(1, 2)
FACTS = tuple(("P36", name) for name in "abcdef")
HELD_OUT = np.array([True, True, True, True, False, False])


def stored(
    *rows: str, facts: tuple[tuple[str, str], ...] = FACTS, settings: tuple[Any, ...] = (None, BEST)
) -> StoredHits:
    """Rows as text: 1 hit, 0 miss, ? not evaluated."""
    table = [[{"1": 1, "0": 0, "?": -1}[mark] for mark in row] for row in rows]
    return StoredHits(facts, (None, BEST)[: len(rows)], np.array(table, dtype=np.int8))


MODEL = stored("111000", "111100")


def test_only_held_out_facts_count_and_the_pair_is_the_models() -> None:
    transfer = knowledge_transfer(MODEL, stored("100011", "000011"), HELD_OUT, BEST)
    assert transfer is not None and transfer.best is not None
    assert transfer.facts == 4
    assert (transfer.baseline.model, transfer.baseline.twin, transfer.baseline.transfer.value) == (75, 25, 50)
    assert (transfer.best.model, transfer.best.twin, transfer.best.transfer.value) == (100, 0, 100)
    assert (transfer.best.transfer.low, transfer.best.transfer.high) == (100, 100)
    assert transfer.baseline.transfer.low < 50 < transfer.baseline.transfer.high


def test_facts_are_matched_by_their_ids_not_their_order() -> None:
    order = [5, 3, 1, 0, 2, 4]
    twin = stored("100011")
    mixed = StoredHits(tuple(FACTS[at] for at in order), twin.settings, twin.hits[:, order])
    assert knowledge_transfer(MODEL, mixed, HELD_OUT, None) == knowledge_transfer(MODEL, twin, HELD_OUT, None)


def test_a_twin_that_hits_what_the_model_hits_leaves_nothing_that_crossed() -> None:
    transfer = knowledge_transfer(MODEL, MODEL, HELD_OUT, BEST)
    assert transfer is not None
    interval = transfer.baseline.transfer
    assert (interval.value, interval.low, interval.high) == (0, 0, 0)


def test_without_the_pair_in_the_twin_the_baseline_models_are_compared_alone() -> None:
    for twin in (stored("100011"), stored("100011", "00?011")):
        transfer = knowledge_transfer(MODEL, twin, HELD_OUT, BEST)
        assert transfer is not None and transfer.best is None
        assert transfer.baseline.transfer.value == 50
    no_pair = knowledge_transfer(MODEL, stored("100011", "000011"), HELD_OUT, None)
    assert no_pair is not None and no_pair.best is None


def test_facts_that_the_twin_lacks_are_left_out_of_both() -> None:
    twin = stored("10", facts=FACTS[:2])
    transfer = knowledge_transfer(MODEL, twin, HELD_OUT, None)
    assert transfer is not None
    assert (transfer.facts, transfer.baseline.model, transfer.baseline.twin) == (2, 100, 50)


def test_without_held_out_facts_there_is_no_transfer() -> None:
    assert knowledge_transfer(MODEL, MODEL, np.zeros(6, dtype=bool), BEST) is None
    assert knowledge_transfer(MODEL, stored("1", facts=(("P36", "z"),)), HELD_OUT, BEST) is None


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
        found = knowledge_transfer(model, twin, held_out, None)
        assert found is not None
        covered += found.baseline.transfer.low <= 40 <= found.baseline.transfer.high
    assert 88 <= covered < 100, "a 95 % interval misses twelve times in a hundred once in 250 tries"
