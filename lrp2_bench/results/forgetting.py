"""Transferability that rises by forgetting: facts are lost that the pivot misses, and so the overlap grows."""

from __future__ import annotations

from collections.abc import Iterable

from lrp2_bench.results.tables import PairRow

#: Why such a rise is no gain.
WHY = "facts lost that the pivot misses count as overlap gained"


def forgets(baseline: PairRow, row: PairRow) -> bool:
    """Whether ``row`` has a higher transferability than the baseline and a lower accuracy."""
    return row.transferability > baseline.transferability and row.accuracy < baseline.accuracy


def forgetting_note(baseline: PairRow, row: PairRow) -> str | None:
    """A sentence where ``row`` forgets."""
    if not forgets(baseline, row):
        return None
    return (
        f"Transferability rises ({baseline.transferability:.1f} to {row.transferability:.1f} %) while accuracy falls "
        f"({baseline.accuracy:.1f} to {row.accuracy:.1f} %) at {row.pair}: {WHY}."
    )


def forgetting_notes(best: Iterable[tuple[str, PairRow, PairRow]]) -> list[str]:
    """One sentence on all of several runs that forget, none without any; ``best`` has each one's name, baseline and
    best pair."""
    named = [
        f"{name} ({before.accuracy:.1f} to {row.accuracy:.1f} %)" for name, before, row in best if forgets(before, row)
    ]
    return [f"Transferability rises while accuracy falls in {', '.join(named)}: {WHY}."] if named else []
