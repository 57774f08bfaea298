"""LRP2 (paper, section 2): into the pivot's space after block i, back after block j."""

from __future__ import annotations

from lrp2_bench.core.settings import LRP2
from lrp2_bench.interventions.base import Edit, FittingData, Intervention


class Lrp2(Intervention):
    """``+d[i]`` after block i, ``-d[j]`` after block j; ``d[k] = v[pivot][k] - v[language][k]``."""

    name = LRP2
    how = "into the pivot's space and back"

    def edit(self, data: FittingData) -> Edit:
        from lrp2_bench.interventions.projection import ProjectionVectors

        shift = data.shifts(data.language, data.pivot)
        return ProjectionVectors(shift, shift)
