"""What a run's states were moved by, in words: LRP2, or an ablation of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from lrp2_bench.core.settings import LRP2
from lrp2_bench.core.types import NOT_EVALUATED, LayerPair
from lrp2_bench.interventions.registry import INTERVENTIONS
from lrp2_bench.render.table import Table
from lrp2_bench.results.runs import Run
from lrp2_bench.results.stored_hits import StoredHits

_NAME = "LRP2"
#: More strengths than these are a sampler's, at which there is no grid to draw.
_FEW = 8


def method(run: Run) -> str:
    """The name to show: ``LRP2``, or the ablation's: ``random``, ``other_pivot_de``."""
    return _NAME if run.projection == LRP2 else run.projection


def ablation_note(run: Run) -> str:
    """A sentence on an ablation; '' for LRP2 itself."""
    found = run.manifest.get("projection")
    if run.projection == LRP2 or not isinstance(found, Mapping):
        return ""
    kind = str(found.get("kind"))
    words = INTERVENTIONS.get(kind).how if kind in INTERVENTIONS else "differently from LRP2"
    tokens = found.get("tokens", "all")
    which = "" if tokens == "all" else f" (projection.tokens={tokens})"
    strengths = found.get("strength", [1.0, 1.0])
    which += "" if strengths == [1.0, 1.0] else f", at strength {' and '.join(map(str, dict.fromkeys(strengths)))}"
    return f"An ablation, {run.projection}: states are shifted {words.format(other=found.get('other'))}{which}."


def of_method(table: Table, run: Run) -> Table:
    """The ``table`` of an ablation's runs, with a note on how states were shifted before the others."""
    how = ablation_note(run)
    return replace(table, notes=(how, *table.notes)) if how else table


def distinct(run: Run, hits: StoredHits) -> StoredHits:
    """``hits`` with one pair, the first, of those with the same states, so that no statistic counts one twice."""
    first: dict[LayerPair | None, int] = {}
    for row, setting in enumerate(hits.settings):
        if not (hits.hits[row] == NOT_EVALUATED).any():
            first.setdefault(run.stands_for(setting) if setting else None, row)
    rows = sorted(first.values())
    return StoredHits(hits.facts, tuple(hits.settings[row] for row in rows), hits.hits[rows])


def few_strengths(runs: Sequence[Run]) -> tuple[str, ...]:
    """The strengths of ``runs`` that make heatmaps of their own, as they are read; none of a single one."""
    found = tuple(dict.fromkeys(each for run in runs for each in run.strengths))
    return found if 1 < len(found) <= _FEW else ()
