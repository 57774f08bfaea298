"""An affine map from the language's states to the pivot's, fitted on parallel sentences (after INCLINE, 2410.12462)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lrp2_bench.interventions.base import Edit, FittingData, Intervention, Needs

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor


@dataclass(frozen=True)
class AffineMap:
    """``x -> weight[k] x + bias[k]`` of the states after block k."""

    weight: Float[Tensor, "layer hidden hidden"]
    bias: Float[Tensor, "layer hidden"]

    def moved(self, layer: int, hidden: Float[Tensor, "*any hidden"], strength: float) -> Float[Tensor, "*any hidden"]:
        """``hidden``, ``strength`` of the way to where the map takes it."""
        weight, states = self.weight[layer], hidden.to(self.weight.dtype)
        return (states + strength * (states @ weight.T + self.bias[layer] - states)).to(hidden.dtype)


@dataclass(frozen=True)
class AffineMaps(Edit):
    """``h + strength (W h + c - h)`` after block i; the same by the map the other way, ``back``, after block j."""

    there: AffineMap
    return_: AffineMap
    strength: float = 1.0
    back: float = 1.0

    def enter(self, layer: int, hidden: Float[Tensor, "*any hidden"]) -> Float[Tensor, "*any hidden"]:
        return self.there.moved(layer, hidden, self.strength)

    def leave(self, layer: int, hidden: Float[Tensor, "*any hidden"]) -> Float[Tensor, "*any hidden"]:
        return self.return_.moved(layer, hidden, self.back)

    def at_strength(self, strength: float, back: float) -> AffineMaps:
        return replace(self, strength=strength, back=back)


class Affine(Intervention):
    """``W, c`` by ridge regression from the language's to the pivot's sentence means at each layer, and the reverse by
    a regression of its own; the penalty by leave-one-out cross-validation on those sentences."""

    name = "affine"
    how = "by an affine map fitted on parallel sentences, and back by the reverse one"

    def needs(self, language: str, pivot: str, languages: Callable[[], Sequence[str]]) -> Needs:
        return Needs(parallel=True)

    def fit(self, means: Mapping[str, Float[Tensor, "layer sentence hidden"]]) -> dict[str, Tensor]:
        import torch

        from lrp2_bench.interventions.ridge import ridge

        language, pivot = means.values()
        found: dict[str, Tensor] = {}
        for name, source, target in (("there", language, pivot), ("back", pivot, language)):
            fits = [ridge(ours, theirs) for ours, theirs in zip(source, target, strict=True)]
            found[f"{name}_weight"] = torch.stack([fit.weight for fit in fits])
            found[f"{name}_bias"] = torch.stack([fit.bias for fit in fits])
            found[f"{name}_penalty"] = torch.tensor([fit.penalty for fit in fits])
        return found

    def edit(self, data: FittingData) -> Edit:
        there, back = (
            AffineMap(data.fitted[f"{name}_weight"], data.fitted[f"{name}_bias"]) for name in ("there", "back")
        )
        return AffineMaps(there, back)
