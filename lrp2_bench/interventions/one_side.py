"""Each of LRP2's two projections alone.

One side does not depend on the other side's layer: of all pairs with the same LIRP (or LSRP) layer one is evaluated and
stands for all.
"""

from __future__ import annotations

from lrp2_bench.core.types import LayerPair
from lrp2_bench.interventions.base import Edit, FittingData, Intervention

_NOTE = "One side alone has one intervention per layer: the best pair is the first with that layer."


class LirpOnly(Intervention):
    """Into the pivot's space after block i, and never back."""

    name = "lirp_only"
    how = "into the pivot's space after LIRP's block and never back; LSRP's block makes no difference"
    note = _NOTE
    has_way_back = False

    def edit(self, data: FittingData) -> Edit:
        from lrp2_bench.interventions.projection import ProjectionVectors

        shift = data.shifts(data.language, data.pivot)
        return ProjectionVectors(shift, shift.new_zeros(shift.shape))

    @classmethod
    def representative(cls, pair: LayerPair, blocks: int) -> LayerPair:
        return LayerPair(pair.lirp, blocks)


class LsrpOnly(Intervention):
    """Out of the pivot's space after block j, which was never entered."""

    name = "lsrp_only"
    how = "out of the pivot's space after LSRP's block, never entered; LIRP's block makes no difference"
    note = _NOTE
    has_way_back = False

    def edit(self, data: FittingData) -> Edit:
        from lrp2_bench.interventions.projection import ProjectionVectors

        shift = data.shifts(data.language, data.pivot)
        return ProjectionVectors(shift.new_zeros(shift.shape), shift)

    @classmethod
    def representative(cls, pair: LayerPair, blocks: int) -> LayerPair:
        return LayerPair(1, pair.lsrp)
