"""A search ends with what holds on facts that did not choose the pair, or that there are too few to tell."""

from __future__ import annotations

import pytest

from lrp2_bench.commands.search.held_out import held_out_line, held_out_measures
from lrp2_bench.core.types import Interval
from lrp2_bench.stats.held_out import HeldOut, nothing_held_out


def found(value: float, low: float, high: float) -> HeldOut:
    gains = {name: Interval(value, low, high) for name in ("accuracy", "transferability")}
    return HeldOut(gains, dict.fromkeys(gains, 0.1), dict.fromkeys(gains, 0.01), 20, {1: 100.0})


@pytest.mark.parametrize(
    ("bounds", "said"),
    [((-0.2, 0.4), "; the interval includes 0."), ((0.1, 0.4), ", above 0."), ((-0.4, -0.1), ", below 0.")],
)
def test_the_gain_is_said_with_its_interval(bounds: tuple[float, float], said: str) -> None:
    line = held_out_line(found(0.1, *bounds), "accuracy")
    assert line == f"Held-out gain of accuracy: +0.10 [{bounds[0]:.2f}, {bounds[1]:.2f}] points{said}"


def test_of_few_facts_it_says_that_nothing_can_be_told() -> None:
    line = held_out_line(nothing_held_out(), "transferability")
    assert line.startswith("Held-out gain of transferability: too few facts to tell (fewer than 40 clusters of facts)")
    assert held_out_measures(nothing_held_out()) == {} == held_out_measures(None)


def test_the_trackers_summary_has_bounds_too() -> None:
    measures = held_out_measures(found(0.1, -0.2, 0.4))
    assert measures["held_out"]["accuracy"] == {"gain": 0.1, "low": -0.2, "high": 0.4}


def test_where_less_is_better_the_line_says_so() -> None:
    gain = Interval(-3.0, -4.0, -2.0)
    name = "hit_to_miss_pivot_hit"
    line = held_out_line(HeldOut({name: gain}, {name: 0.01}, {name: 0.01}, 20), name)
    assert line == f"Held-out gain of {name}: -3.00 [-4.00, -2.00] points, below 0 (less is better)."
