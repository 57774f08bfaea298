"""Several edits that an engine run evaluates at once, each in the place of a strength."""

from __future__ import annotations

from collections.abc import Sequence

from jaxtyping import Bool, Float
from torch import Tensor

from lrp2_bench.core.types import LayerPair
from lrp2_bench.interventions.base import Edit
from lrp2_bench.models.layered import TokenBatch


class Numbered(Edit):
    """The ``edits`` by number: at :meth:`pair` it is one of them. They move the same tokens."""

    def __init__(self, edits: Sequence[Edit]) -> None:
        self._edits = edits
        self.acts_between = any(edit.acts_between for edit in edits)

    @staticmethod
    def pair(pair: LayerPair, number: int) -> LayerPair:
        """The layers of ``pair`` at which edit ``number`` acts."""
        return LayerPair(pair.lirp, pair.lsrp, number + 1.0)

    def tokens(self, batch: TokenBatch) -> Bool[Tensor, "row token"] | None:
        return self._edits[0].tokens(batch)

    def at_strength(self, strength: float, back: float) -> Edit:
        return self._edits[int(strength) - 1]

    def enter(self, layer: int, hidden: Float[Tensor, "*any hidden"]) -> Float[Tensor, "*any hidden"]:
        raise TypeError("Of several edits, none acts by itself: give a pair that has a number.")

    leave = enter
