"""LRP2 in every block between: shifted again after each block from LIRP's on, and taken back once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lrp2_bench.interventions.base import Edit, FittingData, Intervention

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor


@dataclass(frozen=True)
class RepeatedShift(Edit):
    """``+ strength shift[k]`` after each block k from LIRP's to the one before LSRP's, ``- back shift[j]`` once."""

    shift: Float[Tensor, "layer hidden"]
    strength: float = 1.0
    back: float = 1.0

    acts_between = True

    def enter(self, layer: int, hidden: Float[Tensor, "*any hidden"]) -> Float[Tensor, "*any hidden"]:
        return hidden + (self.strength * self.shift[layer]).to(hidden.dtype)

    def between(self, layer: int, hidden: Float[Tensor, "*any hidden"]) -> Float[Tensor, "*any hidden"]:
        return self.enter(layer, hidden)

    def leave(self, layer: int, hidden: Float[Tensor, "*any hidden"]) -> Float[Tensor, "*any hidden"]:
        return hidden - (self.back * self.shift[layer]).to(hidden.dtype)

    def at_strength(self, strength: float, back: float) -> RepeatedShift:
        return RepeatedShift(self.shift, strength, back)


class EveryLayer(Intervention):
    """``+d[k]`` after each block i <= k < j, ``-d[j]`` after block j; ``d`` as LRP2's. Ours, after no paper."""

    name = "every_layer"
    how = "into the pivot's space, again after every block up to LSRP's, and back once"

    def edit(self, data: FittingData) -> Edit:
        return RepeatedShift(data.shifts(data.language, data.pivot))
