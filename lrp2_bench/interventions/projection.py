"""LIRP and LSRP (paper, section 2): moving hidden states into the pivot's space and back."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from lrp2_bench.interventions.base import Edit

#: ``[layer, hidden]``, float32: row k is the pivot's language vector at layer k minus the language's.
Shifts = Float[Tensor, "layer hidden"]


@dataclass(frozen=True)
class ProjectionVectors(Edit):
    """What is ``added`` after the LIRP layer and ``subtracted`` after the LSRP layer, ``[layer, hidden]`` each.

    The same in LRP2, not in all ablations."""

    added: Shifts
    subtracted: Shifts

    def enter(self, layer: int, hidden: Float[Tensor, "*any hidden"]) -> Float[Tensor, "*any hidden"]:
        return lirp(hidden, self.added[layer])

    def leave(self, layer: int, hidden: Float[Tensor, "*any hidden"]) -> Float[Tensor, "*any hidden"]:
        return lsrp(hidden, self.subtracted[layer])

    def at_strength(self, strength: float, back: float) -> ProjectionVectors:
        if strength == back == 1.0:
            return self
        return ProjectionVectors(strength * self.added, back * self.subtracted)


def as_edit(shifts: Shifts | Edit) -> Edit:
    """Shifts alone are LRP2's: the same there and back."""
    return shifts if isinstance(shifts, Edit) else ProjectionVectors(shifts, shifts)


def shifts(
    language: Float[Tensor, "layer hidden"], pivot: Float[Tensor, "layer hidden"]
) -> Float[Tensor, "layer hidden"]:
    """``d[k] = v[pivot][k] - v[language][k]``."""
    return pivot - language


def lirp(hidden: Float[Tensor, "*any hidden"], shift: Float[Tensor, " hidden"]) -> Float[Tensor, "*any hidden"]:
    """Language-independent representation projection: ``h - v[l] + v[pivot]``, on every token."""
    return hidden + shift.to(hidden.dtype)


def lsrp(hidden: Float[Tensor, "*any hidden"], shift: Float[Tensor, " hidden"]) -> Float[Tensor, "*any hidden"]:
    """Language-specific representation projection: ``h - v[pivot] + v[l]``, on every token."""
    return hidden - shift.to(hidden.dtype)
