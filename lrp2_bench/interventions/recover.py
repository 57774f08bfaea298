"""ReCoVeR (arXiv 2509.14814): in every block, from what sets the language apart to what sets the pivot apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lrp2_bench.interventions.among import among_label, languages_among
from lrp2_bench.interventions.base import Edit, FittingData, Intervention, Needs

if TYPE_CHECKING:
    from jaxtyping import Bool, Float
    from torch import Tensor

    from lrp2_bench.models.layered import TokenBatch


@dataclass(frozen=True)
class Recovery(Edit):
    """``+ strength pivot[k] - back language[k]`` after every block k from LIRP's to LSRP's, both included.

    ``keep_norm`` scales each state back to the length it had. A sentence's first token, which decoders use as an
    attention sink, stays as it is.
    """

    language: Float[Tensor, "layer hidden"]
    pivot: Float[Tensor, "layer hidden"]
    keep_norm: bool
    strength: float = 1.0
    back: float = 1.0

    acts_between = True
    before_leaving_uses_back = True

    def tokens(self, batch: TokenBatch) -> Bool[Tensor, "row token"]:
        return batch.keep & (batch.positions > 0)

    def enter(self, layer: int, hidden: Float[Tensor, "*any hidden"]) -> Float[Tensor, "*any hidden"]:
        shift = self.strength * self.pivot[layer] - self.back * self.language[layer]
        moved = hidden + shift.to(hidden.dtype)
        if not self.keep_norm:
            return moved
        before, after = (states.norm(dim=-1, keepdim=True) for states in (hidden, moved))
        scaled: Tensor = moved * (before / after.clamp(min=1e-12))
        return scaled

    between = enter
    leave = enter

    def at_strength(self, strength: float, back: float) -> Recovery:
        return replace(self, strength=strength, back=back)


class Recover(Intervention):
    """``r[l] = v[l] - mean of v over projection.among``; ``h + a r[pivot] - b r[language]`` after each block
    i <= k <= j. At one strength the mean cancels, and this is LRP2's shift in every block without a way back."""

    name = "recover"
    how = "in every block from LIRP's to LSRP's, off the language and towards the pivot, first token spared; never back"
    note = (
        "recover with equal strengths there and back is LRP2's shift in every block; ReCoVeR has "
        "projection.strength_back other than projection.strength."
    )
    uses = frozenset({"among", "keep_norm"})

    def needs(self, language: str, pivot: str, languages: Callable[[], Sequence[str]]) -> Needs:
        return Needs(among=languages_among(self.settings.among, language, pivot, languages))

    @property
    def marks(self) -> list[str]:
        return [*among_label(self.settings.among), *(["norm"] if self.settings.keep_norm else [])]

    def identity(self, other: str | None) -> str:
        return f"{self.name}(keep_norm={str(self.settings.keep_norm).lower()})"

    def edit(self, data: FittingData) -> Edit:
        mean = sum(data.vectors[code] for code in data.among) / len(data.among)
        language, pivot = (data.vectors[code] - mean for code in (data.language, data.pivot))
        return Recovery(language, pivot, self.settings.keep_norm)
