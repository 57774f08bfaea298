"""A claim of the paper, checked: what these hits say of it, and whether they support it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence, Sized
from dataclasses import dataclass
from typing import Final, Literal

from lrp2_bench.core.types import Interval
from lrp2_bench.stats.across_languages import FEWEST

Outcome = Literal["supported", "contradicted", "inconclusive"]
SUPPORTED: Final = "supported"
CONTRADICTED: Final = "contradicted"
INCONCLUSIVE: Final = "inconclusive"
ALPHA = 0.05


@dataclass(frozen=True)
class Check:
    """``name`` is for programs, ``claim`` a sentence. ``figure`` is the number it rests on, with its 95 % bounds where
    it has any; ``ours`` and ``paper`` are written out, with units. ``why`` says what decided, or what is missing."""

    name: str
    claim: str
    outcome: Outcome
    ours: str = ""
    paper: str = ""
    why: str = ""
    figure: Interval | None = None


def by_sign(figure: Interval, direction: int = 1, zero: str = "0") -> tuple[Outcome, str]:
    """Supported if the whole interval lies on the side of ``direction`` (1 or -1), contradicted if on the other.
    ``zero`` says what 0 stands for where ``figure`` is a difference from something."""
    if math.isnan(figure.value):
        return INCONCLUSIVE, "No language has the data for this check."
    if math.isnan(figure.low):
        return INCONCLUSIVE, f"Fewer than {FEWEST} languages."
    low, high = sorted((direction * figure.low, direction * figure.high))
    if low > 0:
        return SUPPORTED, ""
    if high < 0:
        return CONTRADICTED, f"The interval is on the other side of {zero}."
    return INCONCLUSIVE, f"The interval includes {zero}."


def gain_outcome(
    gain: Interval, margin: float, none: float, p: float = math.nan, direction: int = 1
) -> tuple[Outcome, str]:
    """What a held-out ``gain`` says of a change for the better: as :func:`by_sign`, and a gain shown to be none, within
    ``margin`` points of 0, contradicts one: ``none`` is TOST's p. Of one language of several both it and ``p``, which
    a sign then needs too, are corrected for the others. What is better than 0 by its own interval contradicts
    nothing."""
    outcome, why = by_sign(gain, direction)
    better = gain.low > 0 if direction > 0 else gain.high < 0
    if outcome != INCONCLUSIVE and p >= ALPHA:
        outcome, why = INCONCLUSIVE, f"{p_of(p)} after Holm's correction over languages."
    if outcome == INCONCLUSIVE and none < ALPHA and not better:
        return CONTRADICTED, f"Equivalent to none: within {margin:g} points of 0 (TOST, {p_of(none)})."
    return outcome, why


def by_all(figures: Mapping[str, Interval]) -> tuple[Outcome, str]:
    """Supported if every interval lies above 0, contradicted if one lies below; ``figures`` by what they are of."""
    outcomes = {name: by_sign(figure)[0] for name, figure in figures.items()}
    against = [name for name, outcome in outcomes.items() if outcome == CONTRADICTED]
    if against:
        return CONTRADICTED, f"Below 0: {', '.join(against)}."
    few = [name for name, figure in figures.items() if math.isnan(figure.low)]
    open_ = [name for name, outcome in outcomes.items() if outcome == INCONCLUSIVE and name not in few]
    if not few and not open_:
        return SUPPORTED, ""
    reasons = [f"Includes 0: {', '.join(open_)}."] if open_ else []
    reasons += [f"Fewer than {FEWEST} languages: {', '.join(few)}."] if few else []
    return INCONCLUSIVE, " ".join(reasons)


def points(figure: Interval | float, digits: int = 1) -> str:
    """``+1.1 [0.4, 1.8]``; '' where there is no value."""
    value = figure.value if isinstance(figure, Interval) else figure
    if math.isnan(value):
        return ""
    if isinstance(figure, Interval) and not math.isnan(figure.low):
        low, high = (_signed(bound, digits).removeprefix("+") for bound in (figure.low, figure.high))
        return f"{_signed(value, digits)} [{low}, {high}]"
    return _signed(value, digits)


def points_of(figure: Interval, of: str) -> str:
    """``+1.1 [0.4, 1.8] (OF)``; '' where there is no value."""
    return "" if math.isnan(figure.value) else f"{points(figure)} ({of})"


def p_of(p: float) -> str:
    """``p = 0.146``, ``p < 0.001``."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def counted(languages: Sized) -> str:
    """``1 language``, ``12 languages``."""
    return f"{len(languages)} language{'' if len(languages) == 1 else 's'}"


def _signed(value: float, digits: int) -> str:
    text = f"{value:+.{digits}f}"
    return text if float(text) else text[1:]


def joined(parts: Sequence[str]) -> str:
    """Sentences after each other, empty ones left out."""
    return " ".join(part for part in parts if part)
