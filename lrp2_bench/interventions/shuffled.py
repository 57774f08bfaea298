"""A control: as LRP2, by another language's shift."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence

from lrp2_bench.core.errors import BenchError, UnknownNameError
from lrp2_bench.interventions.base import Edit, FittingData, Intervention, third_language


class Shuffled(Intervention):
    """``v[pivot] - v[other]`` of ``projection.language``, or of a language drawn with ``projection.seed`` among
    ``projection.among`` (None: all of the dataset's)."""

    name = "shuffled"
    how = "by the shift of another language, {other}, and back"
    uses = frozenset({"language", "among", "seed"})

    def require(self, language: str, pivot: str) -> None:
        super().require(language, pivot)
        other, third = self.settings.language, third_language(language, pivot)
        if other == language:
            raise BenchError(
                f"projection=shuffled projection.language={other} language={language} would do the same as "
                f"projection=lrp2.\nChoose another projection.language, such as projection.language={third}."
            )
        if other == pivot:
            raise BenchError(
                f"projection=shuffled projection.language={other} would change nothing: '{pivot}' is the pivot.\n"
                f"Choose another projection.language, such as projection.language={third}."
            )

    def other(self, language: str, pivot: str, languages: Callable[[], Sequence[str]]) -> str | None:
        if self.settings.language is not None or language == pivot:
            return self.settings.language
        return drawn_language(language, self.settings.among or languages(), pivot, self.settings.seed)

    def edit(self, data: FittingData) -> Edit:
        from lrp2_bench.interventions.projection import ProjectionVectors

        shift = data.shifts(data.third, data.pivot)
        return ProjectionVectors(shift, shift)


def drawn_language(language: str, among: Iterable[str], pivot: str, seed: int) -> str:
    """Whose shift ``language`` gets: the next in a circle drawn with ``seed``.

    So each language's shift is used once and never for itself. The pivot has none.
    """
    order = sorted(set(among) - {pivot}, key=lambda code: hashlib.sha256(f"{seed}\t{code}".encode()).digest())
    if language not in order:
        raise UnknownNameError(
            "language", language, sorted(order), "projection.among names the languages that are shuffled."
        )
    if len(order) < 2:
        raise BenchError("projection=shuffled needs two languages or more besides the pivot. Set projection.among.")
    return order[(order.index(language) + 1) % len(order)]
