"""The best pair: the highest value, the first of equals, never the baseline."""

from __future__ import annotations

import math

from lrp2_bench.results.choice import best_row
from lrp2_bench.results.tables import PairRow


def _row(lirp: int | None, lsrp: int | None, accuracy: float, transferability: float = 0.0, facts: int = 10) -> PairRow:
    return PairRow(lirp, lsrp, accuracy, transferability, facts, facts)


def test_the_highest_wins_and_of_equals_the_first() -> None:
    rows = [_row(None, None, 90), _row(1, 2, 10, 5), _row(1, 3, 30, 5), _row(2, 3, 30, 4)]
    assert best_row(rows, "accuracy") == rows[2]
    assert best_row(rows, "transferability") == rows[1]


def test_the_baseline_and_pairs_without_a_value_never_win() -> None:
    nothing = PairRow(1, 2, math.nan, math.nan, 0, 0)
    assert best_row([_row(None, None, 90)], "accuracy") is None
    assert best_row([_row(None, None, 90), nothing], "accuracy") is None
    assert best_row([nothing, _row(1, 3, 0)], "accuracy") == _row(1, 3, 0)
