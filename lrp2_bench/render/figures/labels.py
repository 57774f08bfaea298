"""Names beside points: near them, inside the panel, over no point and no other name.

Libraries that move labels (adjustText) push until it looks better and may leave an overlap; here a name is set where it
is free, so that none is left while there is room.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

#: ``[box, 4]``: left, bottom, right, top.
Corners = npt.NDArray[np.float64]

_DIRECTIONS = [math.pi * eighth / 8 for eighth in (0, 8, 4, 12, 2, 14, 6, 10, 1, 15, 7, 9, 3, 13, 5, 11)]
_STEP = 0.04  # inches between two tries
_BESIDE = 0.1  # inches to which a name needs no line
_LINE = 0.02  # inches between the places of a line that must be free


@dataclass(frozen=True)
class Box:
    """A rectangle in inches."""

    left: float
    bottom: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.left + self.width

    @property
    def top(self) -> float:
        return self.bottom + self.height

    def inside(self, other: Box) -> bool:
        return (
            self.left >= other.left
            and self.right <= other.right
            and self.bottom >= other.bottom
            and self.top <= other.top
        )


@dataclass(frozen=True)
class Placed:
    """A name's rectangle, and where a line that leads to it ends if it is not beside its point."""

    box: Box
    leader: tuple[float, float] | None = None


def place_names(
    points: Sequence[tuple[float, float]], sizes: Sequence[tuple[float, float]], panel: Box, radius: float
) -> list[Placed]:
    """Where names of ``sizes`` (width, height) go, for points drawn as discs of ``radius``; all in inches.

    Crowded points choose first. Lines keep clear of other names, but where that leaves no place. Where nothing is free,
    a name stands right of its point.
    """
    discs = [Box(x - radius, y - radius, 2 * radius, 2 * radius) for x, y in points]
    names: list[Box] = []
    lines = _corners([])
    placed: dict[int, Placed] = {}
    for index in sorted(range(len(points)), key=lambda one: (_room(points, one), one)):
        point, (width, height) = points[index], sizes[index]
        found = (
            _free(
                point,
                (width, height),
                panel,
                radius,
                np.concatenate([_corners([*discs, *names]), lines]),
                _corners(names),
            )
            or _free(point, (width, height), panel, radius, _corners([*discs, *names]), _corners([]))
            or Placed(Box(point[0] + radius, point[1] - height / 2, width, height))
        )
        placed[index] = found
        names.append(found.box)
        # A name over another's line would seem to be its.
        lines = np.concatenate([lines, _along(point, found.leader, radius)])
    return [placed[index] for index in range(len(points))]


def _free(
    point: tuple[float, float],
    size: tuple[float, float],
    panel: Box,
    radius: float,
    taken: Corners,
    uncrossed: Corners,
) -> Placed | None:
    """The nearest place over nothing of ``taken``, with a line over nothing of ``uncrossed``."""
    width, height = size
    reach = radius + 0.02
    while reach < math.hypot(panel.width, panel.height):
        for direction in _DIRECTIONS:
            # The middle goes out until the rectangle just touches a circle of `reach`.
            x = point[0] + math.cos(direction) * (reach + width / 2)
            y = point[1] + math.sin(direction) * (reach + height / 2)
            box = Box(x - width / 2, y - height / 2, width, height)
            if not box.inside(panel) or _hits(_corners([box]), taken):
                continue
            if reach <= radius + _BESIDE:
                return Placed(box)
            leader = min(max(point[0], box.left), box.right), min(max(point[1], box.bottom), box.top)
            if not _hits(_along(point, leader, radius), uncrossed):
                return Placed(box, leader)
        reach += _STEP
    return None


def _corners(boxes: Sequence[Box]) -> Corners:
    return np.array([(box.left, box.bottom, box.right, box.top) for box in boxes], np.float64).reshape(-1, 4)


def _hits(these: Corners, those: Corners) -> bool:
    """Whether any box overlaps any of the others."""
    left, bottom, right, top = these.T[:, :, None]
    other_left, other_bottom, other_right, other_top = those.T
    across = (left < other_right) & (other_left < right)
    return bool((across & (bottom < other_top) & (other_bottom < top)).any())


def _along(point: tuple[float, float], end: tuple[float, float] | None, radius: float) -> Corners:
    """Small squares on the line from the edge of the point's own disc to ``end``."""
    if end is None:
        return _corners([])
    length = math.dist(point, end)
    shares = 1 - np.arange(0, max(length - radius, _LINE), _LINE) / length
    middles = np.array(point) + shares[:, None] * (np.array(end) - np.array(point))
    return np.concatenate([middles - _LINE / 4, middles + _LINE / 4], axis=1)


def _room(points: Sequence[tuple[float, float]], index: int) -> float:
    """The distance to the third nearest other point, or the farthest of fewer."""
    distances = sorted(math.dist(points[index], other) for at, other in enumerate(points) if at != index)
    return distances[min(2, len(distances) - 1)] if distances else math.inf
