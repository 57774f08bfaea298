"""Names on a map overlap neither each other nor points, however crowded it is."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from lrp2_bench.render.figures.labels import Box, Placed, place_names

PANEL = Box(0, 0, 7.2, 4.9)
RADIUS = 0.045


def crowd(points: int, spread: float) -> list[tuple[float, float]]:
    places = np.random.default_rng(points).normal((3.6, 2.4), spread, size=(points, 2))
    return [(float(x), float(y)) for x, y in places.clip(0.1, 4.8)]


def overlap(one: Box, other: Box) -> bool:
    across = min(one.right, other.right) - max(one.left, other.left)
    up = min(one.top, other.top) - max(one.bottom, other.bottom)
    return min(across, up) > 1e-9


@pytest.mark.parametrize(("points", "spread"), [(1, 0.1), (13, 0.05), (53, 0.8), (30, 0.02)])
def test_nothing_overlaps(points: int, spread: float) -> None:
    places = crowd(points, spread)
    placed = place_names(places, [(0.65, 0.11)] * points, PANEL, RADIUS)
    for one, other in itertools.combinations(placed, 2):
        assert not overlap(one.box, other.box)
    for found in placed:
        assert found.box.inside(PANEL)
        assert not any(overlap(found.box, Box(x - RADIUS, y - RADIUS, 2 * RADIUS, 2 * RADIUS)) for x, y in places)


def test_no_line_crosses_another_name() -> None:
    places = crowd(53, 1.2)
    placed = place_names(places, [(0.65, 0.11)] * 53, PANEL, RADIUS)
    lined = [(place, found) for place, found in zip(places, placed, strict=True) if found.leader]
    assert lined
    for place, found in lined:
        # A line may graze a corner by less than the distance of the places that are kept free.
        others = [_smaller(other.box, 0.012) for other in placed if other is not found]
        assert found.leader is not None
        for share in np.linspace(0, 1, 50):
            x, y = (a + share * (b - a) for a, b in zip(place, found.leader, strict=True))
            assert not any(overlap(box, Box(x, y, 1e-6, 1e-6)) for box in others)


def _smaller(box: Box, by: float) -> Box:
    return Box(box.left + by, box.bottom + by, box.width - 2 * by, box.height - 2 * by)


def test_a_lone_name_stands_right_of_its_point_and_left_at_the_edge() -> None:
    (right,) = place_names([(3, 2)], [(0.6, 0.1)], PANEL, RADIUS)
    assert right == Placed(Box(pytest.approx(3.065), pytest.approx(1.95), 0.6, 0.1))
    (left,) = place_names([(7, 2)], [(0.6, 0.1)], PANEL, RADIUS)
    assert left.box.right < 7


def test_without_room_a_name_is_still_written() -> None:
    (found,) = place_names([(0.5, 0.5)], [(3, 0.1)], Box(0, 0, 1, 1), RADIUS)
    assert found.box.left > 0.5 and found.leader is None
