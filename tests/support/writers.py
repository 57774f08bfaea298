"""Processes that fill studies side by side, to see that no trial is lost and none doubled."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Sequence

from lrp2_bench.core.types import LayerPair, all_pairs
from lrp2_bench.search.recorder import StudyKey, StudyRecorder

WRITERS = 8
BLOCKS = 12
KEY = StudyKey("m/d/l", BLOCKS, "accuracy", "hash")


def share(number: int) -> Sequence[LayerPair]:
    """The pairs of writer ``number``."""
    return all_pairs(BLOCKS)[number::WRITERS]


def value(pair: LayerPair) -> float:
    return pair.lirp + pair.lsrp / 100


def fill(recorder: StudyRecorder, number: int) -> None:
    """A writer's search: every pair runs and reports, every third is dropped, the others complete."""
    with recorder:
        for at, pair in enumerate(share(number)):
            recorder.begin([pair])
            recorder.report(pair, 10, value(pair) - 1)
            if at % 3 == 0:
                recorder.drop(pair)
            else:
                recorder.complete(pair, value(pair), {"facts": 20})
        assert not recorder.broken


def expected() -> dict[LayerPair, str]:
    return {
        pair: "PRUNED" if at % 3 == 0 else "COMPLETE"
        for number in range(WRITERS)
        for at, pair in enumerate(share(number))
    }


def run_together(write: Callable[[int], None]) -> None:
    """``write(0)`` to ``write(7)``, a process each; fails where one does."""
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=write, args=(number,)) for number in range(WRITERS)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0] * WRITERS
