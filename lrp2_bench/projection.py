"""LIRP and LSRP (paper, section 2): moving hidden states into the pivot's space and back, or as an ablation says."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from lrp2_bench.settings import ProjectionKind

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


def moves(kind: ProjectionKind, shift: Shifts, seed: int, language: str) -> Moves:
    """What ``kind`` adds and subtracts; ``shift`` is already between the two languages it is about."""
    if kind is ProjectionKind.lirp_only:
        return Moves(shift, torch.zeros_like(shift))
    if kind is ProjectionKind.lsrp_only:
        return Moves(torch.zeros_like(shift), shift)
    if kind is ProjectionKind.random:
        shift = random_shifts(shift, seed, language)
    return Moves(shift, shift)


def random_shifts(shift: Shifts, seed: int, language: str) -> Shifts:
    """Shifts of the same lengths, and the same angles between layers, in directions drawn for seed and language.

    The angles matter: shifts of neighbouring layers are alike, so that moving back undoes much of moving in; directions
    drawn anew for each layer would disturb twice.
    """
    across, lengths = np.linalg.qr(shift.detach().cpu().double().numpy().T)
    drawn = hashlib.sha256(f"{seed}\t{language}".encode()).digest()
    rng = np.random.default_rng(int.from_bytes(drawn[:8], "big"))
    basis, _ = np.linalg.qr(rng.standard_normal(across.shape))
    return torch.from_numpy((basis @ lengths).T.copy()).to(shift.dtype)
