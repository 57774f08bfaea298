"""The search space in Optuna's terms."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial

from lrp2_bench.core.types import LayerPair

#: Decimals of the strengths that a sampler suggests: what is evaluated is exactly what is written.
_DECIMALS = 3


@dataclass(frozen=True)
class Ranges:
    """The least and the most of the strengths there, and of those of the way back (None: as there)."""

    there: tuple[float, float]
    back: tuple[float, float] | None = None


def distributions(blocks: int, ranges: Ranges | None = None) -> dict[str, BaseDistribution]:
    """The same for every pair of a model: a square, of which the half with lirp < lsrp can be; and the strengths."""
    found: dict[str, BaseDistribution] = {"lirp": IntDistribution(1, blocks - 1), "lsrp": IntDistribution(2, blocks)}
    if ranges is not None:
        found["strength"] = FloatDistribution(*ranges.there)
        if ranges.back is not None:
            found["strength_back"] = FloatDistribution(*ranges.back)
    return found


def ranges_of(pairs: Iterable[LayerPair]) -> Ranges | None:
    """Those that hold the strengths of ``pairs``; None where no pair has one."""
    listed = list(pairs)
    there = [pair.strength for pair in listed if pair.strength is not None]
    if not there:
        return None
    back = [pair.back for pair in listed if pair.back is not None]
    apart = any(pair.strength_back is not None for pair in listed)
    return Ranges((min(there), max(there)), (min(back), max(back)) if apart else None)


def params(pair: LayerPair, ranges: Ranges | None = None) -> dict[str, float]:
    """A pair as a trial's, with the strengths that there are ``ranges`` of."""
    found: dict[str, float] = {"lirp": pair.lirp, "lsrp": pair.lsrp}
    if ranges is not None and pair.strength is not None and pair.back is not None:
        found["strength"] = pair.strength
        if ranges.back is not None:
            found["strength_back"] = pair.back
    return found


def pair_of(trial: FrozenTrial) -> LayerPair:
    """The one that a trial of a pair is of."""
    pair = LayerPair(trial.params["lirp"], trial.params["lsrp"])
    strength, back = (trial.params.get(name) for name in ("strength", "strength_back"))
    return pair if strength is None else pair.at(round(strength, 6), None if back is None else round(back, 6))


def suggested(params: Mapping[str, Any], ranges: Ranges) -> LayerPair:
    """The pair to evaluate where a sampler suggests ``params``: its strengths are rounded, within the ``ranges``."""
    strengths = [_rounded(params["strength"], ranges.there)]
    if ranges.back is not None:
        strengths.append(_rounded(params["strength_back"], ranges.back))
    return folded(params["lirp"], params["lsrp"]).at(*strengths)


def _rounded(strength: float, within: tuple[float, float]) -> float:
    return min(max(round(strength, _DECIMALS), within[0]), within[1])


def folded(lirp: int, lsrp: int) -> LayerPair:
    """The pair that a point of the square stands for: itself, or the one across the diagonal.

    (i, j) with i >= j, which cannot be, becomes (j - 1, i + 1); so every point is a pair, and neighbours stay
    neighbours.
    """
    return LayerPair(lirp, lsrp) if lirp < lsrp else LayerPair(lsrp - 1, lirp + 1)


@contextmanager
def quiet_optuna() -> Iterator[None]:
    """Optuna without its line per trial; its verbosity is as before afterwards."""
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(verbosity)
