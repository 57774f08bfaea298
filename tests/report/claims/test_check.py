"""What an interval says of a rise, alone and beside other languages."""

from __future__ import annotations

import math

import pytest

from lrp2_bench.core.types import Interval
from lrp2_bench.report.claims.check import CONTRADICTED, INCONCLUSIVE, SUPPORTED, gain_outcome

ABOVE, TINY, AROUND = Interval(0.22, 0.05, 0.39), Interval(0.05, -0.2, 0.3), Interval(0.3, -0.5, 1.1)


@pytest.mark.parametrize(
    ("gain", "p", "none", "outcome"),
    [
        (ABOVE, math.nan, math.nan, SUPPORTED),
        (ABOVE, 0.01, 0.001, SUPPORTED),
        # Not beyond chance among many languages, and yet nothing that speaks against a rise.
        (ABOVE, 0.3, 0.001, INCONCLUSIVE),
        (TINY, 0.7, 0.001, CONTRADICTED),
        (TINY, math.nan, math.nan, CONTRADICTED),
        # Equivalence is corrected for the other languages as a sign is.
        (TINY, 0.7, 0.06, INCONCLUSIVE),
        (AROUND, 0.7, 0.4, INCONCLUSIVE),
    ],
)
def test_a_gain_rises_falls_is_none_or_is_not_known(gain: Interval, p: float, none: float, outcome: str) -> None:
    assert gain_outcome(gain, 0.5, p, none)[0] == outcome
