"""The search space in Optuna's terms."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import optuna
from optuna.distributions import BaseDistribution, IntDistribution

from lrp2_bench.core.types import LayerPair


def distributions(blocks: int) -> dict[str, BaseDistribution]:
    """The same for every pair of a model: a square, of which the half with lirp < lsrp can be."""
    return {"lirp": IntDistribution(1, blocks - 1), "lsrp": IntDistribution(2, blocks)}


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
