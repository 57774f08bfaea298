"""LRP2 in the few dimensions that tell the two languages apart (after arXiv 2510.07213)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from lrp2_bench.core.errors import BenchError
from lrp2_bench.interventions.base import Edit, FittingData, Intervention, Needs

if TYPE_CHECKING:
    from jaxtyping import Bool, Float
    from torch import Tensor

#: What is taken unless told otherwise: the share that the paper works with.
SHARE = 0.05


class Sparse(Intervention):
    """As LRP2, by ``m[k] * d[k]``: m marks the ``projection.dimensions`` share of dimensions with the largest
    ``abs(d) / s``, s being the standard deviation over the pivot's sentence means."""

    name = "sparse"
    how = "into the pivot's space and back in the few dimensions that differ most"
    uses = frozenset({"dimensions"})

    def require(self, language: str, pivot: str) -> None:
        super().require(language, pivot)
        share = self.settings.dimensions
        if not (math.isfinite(share) and 0.0 < share <= 1.0):
            raise BenchError(
                f"projection.dimensions={share:g} is no share of a state's dimensions: give a number above 0, up to "
                f"1 (which is LRP2 itself); {SHARE:g} unless set."
            )

    def needs(self, language: str, pivot: str, languages: Callable[[], Sequence[str]]) -> Needs:
        return Needs(sentences=True)

    @property
    def marks(self) -> list[str]:
        share = self.settings.dimensions
        return [f"dims{share:.6f}".rstrip("0").rstrip(".")] if share != SHARE else []

    def identity(self, other: str | None) -> str:
        return f"{self.name}(dimensions={self.settings.dimensions:g})"

    def fit(self, means: Mapping[str, Float[Tensor, "layer sentence hidden"]]) -> dict[str, Tensor]:
        [sentences] = means.values()
        return {"deviation": sentences.double().std(dim=1, correction=0).float()}

    def edit(self, data: FittingData) -> Edit:
        from lrp2_bench.interventions.projection import ProjectionVectors

        shift = data.shifts(data.language, data.pivot)
        kept = shift * largest(shift, data.fitted["deviation"].to(shift), self.settings.dimensions)
        return ProjectionVectors(kept, kept)


def largest(
    shift: Float[Tensor, "layer hidden"], deviation: Float[Tensor, "layer hidden"], share: float
) -> Bool[Tensor, "layer hidden"]:
    """Each layer's share (at least one) of dimensions with the largest ``abs(shift) / deviation``, the first of equals.

    A dimension that never varies comes first where the languages differ in it, and last where they do not.
    """
    scores = (shift.abs() / deviation).nan_to_num(nan=0.0, posinf=math.inf)
    count = max(1, round(share * shift.shape[-1]))
    order = scores.argsort(dim=-1, descending=True, stable=True)
    marked = shift.new_zeros(shift.shape).bool()
    return marked.scatter(-1, order[..., :count], True)
