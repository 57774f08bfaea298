"""What LRP2 and its ablations add to hidden states and subtract from them."""

from __future__ import annotations

import hashlib

import numpy as np
import torch

from lrp2_bench.core.settings import ProjectionKind
from lrp2_bench.interventions.projection import Moves, Shifts


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
