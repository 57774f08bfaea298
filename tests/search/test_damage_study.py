"""Gain against damage: the front is what no other pair beats in both, of the pairs whose damage is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import optuna

from lrp2_bench.core.types import LayerPair
from lrp2_bench.metrics.registry import metric
from lrp2_bench.results.damage import DamageRow, read_damage, write_damage
from lrp2_bench.results.tables import PairRow
from lrp2_bench.search.damage_study import damage_study, front

ACCURACY = metric("accuracy")
COSTS = [
    (None, 80.0, 0.0), (LayerPair(1, 2, 0.5), 79.0, 0.1), (LayerPair(1, 2, 1.0), 70.0, 0.4),
    (LayerPair(1, 3, 0.5), 78.0, 0.2), (LayerPair(2, 3, 1.0), 60.0, 0.4), (LayerPair(3, 4, 1.0), 60.0, float("nan")),
]  # fmt: skip


def _rows() -> list[PairRow]:
    gains = {(1, 2, 0.5): 2, (1, 2, 1.0): 5, (1, 3, 0.5): 1, (2, 3, 1.0): 4, (3, 4, 1.0): 9, (1, 4, 1.0): 9}
    return [PairRow(None, None, 40, 10, 10, 10), *(
        PairRow(i, j, 40 + gain, 10, 10, 10, strength=strength) for (i, j, strength), gain in gains.items()
    )]  # fmt: skip


def test_the_front_is_what_no_other_beats_in_both(tmp_path: Path) -> None:
    write_damage(tmp_path / "damage.csv", [DamageRow(*cost, 10, 5) for cost in COSTS])
    study = damage_study(_rows(), read_damage(tmp_path / "damage.csv"), 4, ACCURACY)
    assert study is not None and len(study.trials) == 4, "pairs without a known damage are left out"
    assert study.directions == [optuna.study.StudyDirection.MAXIMIZE, optuna.study.StudyDirection.MINIMIZE]
    found = [(cost.pair, cost.gain, cost.kl, cost.pivot_accuracy) for cost in front(study)]
    assert found == [(LayerPair(1, 2, 0.5), 2, 0.1, 79), (LayerPair(1, 2, 1.0), 5, 0.4, 70)]


def test_the_front_is_that_of_comparing_each_with_each() -> None:
    rng = np.random.default_rng(0)
    numbers = rng.integers(0, 6, (40, 2))
    rows = [PairRow(None, None, 0, 0, 10, 10)]
    damage = []
    for number, (gain, kl) in enumerate(numbers.tolist()):
        row = PairRow(1, 2, gain, 0, 10, 10, strength=0.1 + number / 100)
        rows.append(row)
        damage.append(DamageRow(row.pair, 50.0, kl, 10, 5))
    study = damage_study(rows, damage, 4, ACCURACY)
    assert study is not None and damage_study(rows, [], 4, ACCURACY) is None
    best = {
        (gain, kl)
        for gain, kl in numbers.tolist()
        if not any(g >= gain and k <= kl and (g, k) != (gain, kl) for g, k in numbers.tolist())
    }
    assert {(cost.gain, cost.kl) for cost in front(study)} == best
