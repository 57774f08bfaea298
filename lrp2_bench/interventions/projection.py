"""LIRP and LSRP (paper, section 2): moving hidden states into the pivot's space and back."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

#: ``[layer, hidden]``, float32: row k is the pivot's language vector at layer k minus the language's.
Shifts = Float[Tensor, "layer hidden"]


@dataclass(frozen=True)
class Moves:
    """What LIRP adds and what LSRP subtracts, ``[layer, hidden]`` each: the same in LRP2, not in all ablations."""

    enter: Shifts
    leave: Shifts

    def to(self, device: torch.device) -> Moves:
        return Moves(self.enter.to(device), self.leave.to(device))


def moves_of(shifts: Shifts | Moves) -> Moves:
    """Shifts alone are LRP2's: the same there and back."""
    return shifts if isinstance(shifts, Moves) else Moves(shifts, shifts)


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
