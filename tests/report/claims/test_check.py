"""A claim is decided by an interval that excludes 0, and by nothing less."""

from __future__ import annotations

import math

import pytest

from lrp2_bench.core.types import Interval
from lrp2_bench.report.claims.check import (
    CONTRADICTED,
    INCONCLUSIVE,
    SUPPORTED,
    by_all,
    by_sign,
    gain_outcome,
    p_of,
    points,
)

NAN = math.nan
UP, DOWN, OPEN, FEW = Interval(1, 0.2, 2), Interval(-1, -2, -0.2), Interval(1, -0.2, 2), Interval(1, NAN, NAN)
ABOVE, TINY, AROUND = Interval(0.22, 0.05, 0.39), Interval(0.05, -0.2, 0.3), Interval(0.3, -0.5, 1.1)


@pytest.mark.parametrize(
    ("figure", "direction", "outcome"),
    [
        (UP, 1, SUPPORTED),
        (UP, -1, CONTRADICTED),
        (DOWN, 1, CONTRADICTED),
        (DOWN, -1, SUPPORTED),
        (OPEN, 1, INCONCLUSIVE),
        (OPEN, -1, INCONCLUSIVE),
    ],
)
def test_the_side_of_the_interval_decides(figure: Interval, direction: int, outcome: str) -> None:
    assert by_sign(figure, direction)[0] == outcome


def test_why_it_cannot_be_told_is_said() -> None:
    assert by_sign(OPEN) == (INCONCLUSIVE, "The interval includes 0.")
    assert by_sign(FEW) == (INCONCLUSIVE, "Fewer than 3 languages.")
    assert by_sign(Interval(NAN, NAN, NAN)) == (INCONCLUSIVE, "No language has the data for this check.")


def test_of_several_one_against_is_enough_and_one_open_leaves_it_open() -> None:
    assert by_all({"a": UP, "b": UP}) == (SUPPORTED, "")
    assert by_all({"a": UP, "b": DOWN, "c": OPEN}) == (CONTRADICTED, "Below 0: b.")
    assert by_all({"a": UP, "b": OPEN, "c": FEW}) == (INCONCLUSIVE, "Includes 0: b. Fewer than 3 languages: c.")


def test_small_ps_are_not_nought() -> None:
    assert (p_of(0.00099), p_of(0.1456)) == ("p < 0.001", "p = 0.146")


def test_points_are_signed_and_nought_is_plain() -> None:
    assert points(UP) == "+1.0 [0.2, 2.0]"
    assert (points(FEW), points(-0.04), points(NAN)) == ("+1.0", "0.0", "")


@pytest.mark.parametrize(
    ("gain", "p", "none", "outcome"),
    [
        (ABOVE, math.nan, 0.001, SUPPORTED),
        (ABOVE, 0.01, 0.001, SUPPORTED),
        # Not beyond chance among many languages, and yet nothing that speaks against a rise.
        (ABOVE, 0.3, 0.001, INCONCLUSIVE),
        (TINY, 0.7, 0.001, CONTRADICTED),
        (TINY, math.nan, 0.001, CONTRADICTED),
        # Equivalence is corrected for the other languages as a sign is.
        (TINY, 0.7, 0.06, INCONCLUSIVE),
        (AROUND, 0.7, 0.4, INCONCLUSIVE),
    ],
)
def test_a_gain_rises_falls_is_none_or_is_not_known(gain: Interval, p: float, none: float, outcome: str) -> None:
    assert gain_outcome(gain, 0.5, none, p)[0] == outcome


def test_where_less_is_better_a_fall_is_the_gain() -> None:
    def mirrored(gain: Interval) -> Interval:
        return Interval(-gain.value, -gain.high, -gain.low)

    for gain in (UP, DOWN, OPEN, FEW, ABOVE, TINY, AROUND):
        for p, none in ((NAN, NAN), (0.01, 0.2), (0.2, 0.01)):
            assert gain_outcome(mirrored(gain), 0.5, none, p, direction=-1) == gain_outcome(gain, 0.5, none, p)
    # Equivalent to none as well, and a gain for all that by its own interval.
    assert gain_outcome(mirrored(ABOVE), 0.5, 0.001, direction=-1)[0] == SUPPORTED
