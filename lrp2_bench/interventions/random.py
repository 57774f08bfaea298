"""A control: as LRP2, by shifts of the same lengths, and angles between layers, in random directions."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from lrp2_bench.interventions.base import Edit, FittingData, Intervention

if TYPE_CHECKING:
    from lrp2_bench.interventions.projection import Shifts


class Random(Intervention):
    """Drawn for ``projection.seed`` and the language."""

    name = "random"
    how = "in random directions, by LRP2's length, and back"
    uses = frozenset({"seed"})

    def identity(self, other: str | None) -> str:
        return f"{self.name}(seed={self.settings.seed})"

    def edit(self, data: FittingData) -> Edit:
        from lrp2_bench.interventions.projection import ProjectionVectors

        shift = random_shifts(data.shifts(data.language, data.pivot), self.settings.seed, data.language)
        return ProjectionVectors(shift, shift)


def random_shifts(shift: Shifts, seed: int, language: str) -> Shifts:
    """Shifts of the same lengths, and the same angles between layers, in directions drawn for seed and language.

    The angles matter: shifts of neighbouring layers are similar, so that projecting back undoes much of
    projecting in; directions drawn again for each layer would disturb twice.
    """
    import numpy as np
    import torch

    across, lengths = np.linalg.qr(shift.detach().cpu().double().numpy().T)
    drawn = hashlib.sha256(f"{seed}\t{language}".encode()).digest()
    rng = np.random.default_rng(int.from_bytes(drawn[:8], "big"))
    basis, _ = np.linalg.qr(rng.standard_normal(across.shape))
    return torch.from_numpy((basis @ lengths).T.copy()).to(shift)
