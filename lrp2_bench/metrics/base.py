"""What a metric must say; one file per metric implements it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt

from lrp2_bench.core.types import HIT, NOT_EVALUATED, Hits

#: ``[setting]`` or ``[setting, fact]``.
Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class FactHits:
    """What a metric of hits is computed from, facts of all relations together.

    ``hits`` is ``[setting, fact]``, the language's; ``pivot`` ``[fact]``, the pivot's baseline, -1 where the pivot
    lacks the fact; ``relations`` ``[fact]`` names each fact's relation; ``baseline`` ``[fact]`` is the language's own
    baseline, for metrics that compare with it. Raises ValueError where they differ in length.
    """

    hits: Hits
    pivot: npt.NDArray[np.int8]
    relations: tuple[str, ...]
    baseline: npt.NDArray[np.int8] | None = None

    def __post_init__(self) -> None:
        before = self.pivot if self.baseline is None else self.baseline
        if not self.hits.shape[1] == len(self.pivot) == len(self.relations) == len(before):
            raise ValueError(
                f"hits have {self.hits.shape[1]} facts, the pivot's {len(self.pivot)}, relations {len(self.relations)}"
                f", the baseline's {len(before)}."
            )

    @cached_property
    def hit(self) -> npt.NDArray[np.bool_]:
        """``[setting, fact]``."""
        found: npt.NDArray[np.bool_] = self.hits == HIT
        return found

    @cached_property
    def shared(self) -> npt.NDArray[np.bool_]:
        """``[fact]``: those that the pivot has too."""
        found: npt.NDArray[np.bool_] = self.pivot != NOT_EVALUATED
        return found

    def of(self, facts: npt.NDArray[np.int64]) -> FactHits:
        """Some of the facts, repeats allowed."""
        before = None if self.baseline is None else self.baseline[facts]
        return FactHits(self.hits[:, facts], self.pivot[facts], tuple(self._named[facts].tolist()), before)

    @cached_property
    def _named(self) -> npt.NDArray[np.str_]:
        return np.asarray(self.relations, dtype=np.str_)


class Metric(ABC):
    """One number for every setting. ``name`` is its column in ``pairs.csv`` and its option of ``select_by=``."""

    name: ClassVar[str]
    label: ClassVar[str]  # in figures and in the console
    description: ClassVar[str]  # a line for --help
    needs: ClassVar[Literal["hits", "scores"]] = "hits"
    compares: ClassVar[bool] = False  # whether it needs the language's own baseline beside the setting
    direction: ClassVar[Literal["maximize", "minimize"]] = "maximize"
    unit: ClassVar[str] = "%"
    decimals: ClassVar[int] = 2  # in the console
    bounds: ClassVar[tuple[float, float]] = (0.0, 100.0)

    @abstractmethod
    def values(self, data: FactHits) -> Values:
        """``[setting]``; NaN where there is nothing to take it over. Only settings that are fully evaluated have a
        value to be compared with others."""

    def fact_values(self, data: FactHits, best: float) -> Values | None:
        """``[setting, fact]``: values whose sums over facts put settings in the metric's order, more being better.

        ``best`` is the leader's value. A race tests paired differences of them. None, the default: there are none, and
        a race drops pairs by its budget alone.
        """
        return None

    def parts(self, data: FactHits) -> tuple[Values, ...]:
        """Each ``[setting, fact]`` or ``[1, fact]``: what :meth:`of_sums` takes the sums over facts of. None, the
        default: then a search may select by the metric, and a report may not, for it has no intervals."""
        return ()

    def of_sums(self, *sums: Values) -> Values:
        """The metric from sums of :meth:`parts` over facts, which may count any number of times: by default 100 times
        the first by the second. NaN over nothing."""
        above, below = sums
        return np.where(below > 0, 100.0 * above / np.where(below > 0, below, 1.0), np.nan)

    @property
    def sign(self) -> float:
        """What makes more better: -1 for a metric of which less is better."""
        return 1.0 if self.direction == "maximize" else -1.0

    def merit(self, values: Values) -> Values:
        """``values`` so that more is better, NaN as minus infinity."""
        signed = self.sign * values
        return np.where(np.isnan(signed), -np.inf, signed)

    def best(self, values: Values | list[float]) -> int | None:
        """The place of the best of ``values``, the first of equals; None without any that is a number.

        Whoever chooses a pair chooses it here, of pairs in (lirp, lsrp) order.
        """
        merit = self.merit(np.asarray(values, dtype=np.float64))
        return int(merit.argmax()) if len(merit) and merit.max() > -np.inf else None

    def text(self, value: float, *, signed: bool = False) -> str:
        """As the console shows it."""
        return f"{value:+.{self.decimals}f}" if signed else f"{value:.{self.decimals}f}"
