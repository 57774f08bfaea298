"""Random halves of sentences, for the error of CKA."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def split_halves(groups: Sequence[str], splits: int, seed: int = 0) -> npt.NDArray[np.bool_]:
    """``[split, sentence]``: the sentences of one half; the others are the other. Halves differ by one sentence at
    most, and so do their sentences of any group."""
    _, group = np.unique(np.asarray(groups), return_inverse=True)
    rng = np.random.default_rng(seed)
    halves = np.empty((splits, len(group)), dtype=bool)
    for half in halves:
        # Dealt out in turn, group by group: the odd sentence of one goes to the half that the last one left short.
        order = np.lexsort((rng.random(len(group)), rng.permutation(group.max() + 1)[group]))
        half[order] = (np.arange(len(group)) + rng.integers(2)) % 2 == 0
    return halves
