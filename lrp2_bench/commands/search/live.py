"""How far a search is, told while it works: now and then, so that it costs next to nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from lrp2_bench.core.progress import Advance
from lrp2_bench.core.types import HIT, NOT_EVALUATED, Hits, Setting

Tell = Callable[[Mapping[str, float]], None]


class Live:
    """Calls ``tell`` with a search's progress, at most every ``every`` seconds and not before; 0 for never."""

    def __init__(self, tell: Tell, every: float, now: Callable[[], float] = time.monotonic) -> None:
        self._tell, self._every, self._now = tell, every, now
        self._next = now() + every
        self._told = False

    def beside(
        self, advance: Advance, total: int, settings: Sequence[Setting], hits: Callable[[], Sequence[Hits]]
    ) -> Advance:
        """``advance``, with a look at the clock. ``total`` cells are to be evaluated; ``hits`` ``[setting, fact]`` are
        those of every relation by now."""
        if not self._every:
            return advance
        done = 0

        def counted(steps: int = 1) -> None:
            nonlocal done
            advance(steps)
            done += steps
            now = self._now()
            if now >= self._next or (self._told and done >= total):
                self._told = True
                self._tell({"cells": done, "cells_total": total, **standing(settings, hits())})
                self._next = now + self._every

        return counted


#: For a job that nobody watches.
UNSEEN = Live(lambda progress: None, 0.0)


def standing(settings: Sequence[Setting], hits: Sequence[Hits]) -> dict[str, float]:
    """``facts``: how many the furthest pairs (a baseline without any) have been evaluated on, of ``facts_total``. Of
    those pairs the best by accuracy, in-sample, in percent; its layers; and the baseline on the same facts."""
    total = sum(part.shape[1] for part in hits)
    evaluated = np.sum([(part != NOT_EVALUATED).sum(axis=1) for part in hits], axis=0)
    right = np.sum([(part == HIT).sum(axis=1) for part in hits], axis=0)
    pairs = [row for row, setting in enumerate(settings) if setting is not None]
    rows = pairs or list(range(len(settings)))
    facts = int(max(evaluated[row] for row in rows))
    found: dict[str, float] = {"facts": facts, "facts_total": total}
    if not facts:
        return found
    best = max((row for row in rows if evaluated[row] == facts), key=lambda row: (right[row], -row))
    if None in settings:
        unmoved = list(settings).index(None)
        baseline = np.concatenate([part[unmoved][part[best] != NOT_EVALUATED] for part in hits])
        if NOT_EVALUATED not in baseline:
            found["baseline_accuracy"] = 100.0 * float((baseline == HIT).mean())
    if (pair := settings[best]) is not None:
        found |= {"best_accuracy_in_sample": 100.0 * float(right[best]) / facts, "lirp": pair.lirp, "lsrp": pair.lsrp}
    return found
