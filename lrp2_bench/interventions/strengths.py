"""How strong an intervention is: a number for the way into the pivot's space, and one for the way back."""

from __future__ import annotations

import sys

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.settings import ProjectionSettings

#: Of the way there and the way back.
Strengths = tuple[float, float]

#: What strengths are rounded to, and what ``pairs.csv`` shows.
DECIMALS = 6

#: What a float holds; an int may be larger.
_LARGEST = sys.float_info.max

#: A strength in the name of a folder.
PATTERN = r"\d+(\.\d+)?"


def fixed_strengths(settings: ProjectionSettings) -> Strengths:
    """Those of a run. Raises :class:`BenchError` for what is no strength."""
    strength = strength_of("projection.strength", settings.strength)
    back = settings.strength_back
    return strength, strength if back is None else way_back_of("projection.strength_back", back)


def strength_of(setting: str, value: object, such_as: str = "0.5", *, allowed: str = "above 0") -> float:
    """``value``, to six decimals. Raises :class:`BenchError` for what is no strength, naming ``setting``, which takes
    numbers of ``allowed``, ``such_as`` this."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= _LARGEST:
        raise _refused(setting, value, such_as, allowed, "is not a number")
    if round(value, DECIMALS) == 0.0:
        raise _refused(
            setting, value, such_as, allowed, "would change nothing: that is the baseline, which every search evaluates"
        )
    if value < 0.0:
        raise _refused(setting, value, such_as, allowed, "is negative, which would move states away from the pivot")
    return round(float(value), DECIMALS)


def way_back_of(setting: str, value: object, such_as: str = "0.5") -> float:
    """The same of the way back, where 0 is one: states stay where they were moved to."""
    if not isinstance(value, bool) and isinstance(value, int | float) and round(value, DECIMALS) == 0.0:
        return 0.0
    return strength_of(setting, value, such_as, allowed="from 0 (no way back) on")


def number(strength: float) -> str:
    """As short as it can be, never with an exponent: ``0.5``, ``2``, ``0.000001``."""
    return f"{strength:.{DECIMALS}f}".rstrip("0").rstrip(".")


def _refused(setting: str, value: object, such_as: str, allowed: str, why: str) -> BenchError:
    return BenchError(
        f"{setting}={value} {why}.\nGive numbers {allowed}, such as {setting}={such_as}; 1 is the paper's."
    )
