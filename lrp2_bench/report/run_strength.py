"""The strength that a run is named by in tables."""

from __future__ import annotations

from lrp2_bench.results.runs import Run

#: The strength of a run that chose it with the pair.
SEARCHED = "searched"


def strength_of(run: Run) -> str:
    """As it is read: ``1``, ``0.5/0.25`` (there and back), or :data:`SEARCHED` where a few were."""
    if run.strengths:
        return run.strengths[0] if len(run.strengths) == 1 else SEARCHED
    return own_strength(run)


def own_strength(run: Run) -> str:
    """Of the pairs that name none."""
    there, back = run.own_strengths
    return f"{there:g}" if there == back else f"{there:g}/{back:g}"
