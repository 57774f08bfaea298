"""A control: as LRP2, into another language's space; knowledge is still compared with the pivot's."""

from __future__ import annotations

from lrp2_bench.core.errors import BenchError
from lrp2_bench.interventions.base import Edit, FittingData, Intervention, third_language


class OtherPivot(Intervention):
    """``v[other] - v[language]``, the other being ``projection.language``."""

    name = "other_pivot"
    how = "into the space of {other} in place of the pivot's, and back"
    uses = frozenset({"language"})

    def require(self, language: str, pivot: str) -> None:
        super().require(language, pivot)
        other, third = self.settings.language, third_language(language, pivot)
        if other is None:
            raise BenchError(f"projection=other_pivot needs projection.language, such as projection.language={third}.")
        if other == language:
            raise BenchError(
                f"projection=other_pivot projection.language={other} language={language} would change nothing.\n"
                f"Choose another projection.language, such as projection.language={third}."
            )
        if other == pivot:
            raise BenchError(
                f"projection=other_pivot projection.language={other} would do the same as projection=lrp2: '{pivot}' "
                f"is the pivot.\nChoose another projection.language, such as projection.language={third}."
            )

    def edit(self, data: FittingData) -> Edit:
        from lrp2_bench.interventions.projection import ProjectionVectors

        shift = data.shifts(data.language, data.third)
        return ProjectionVectors(shift, shift)
