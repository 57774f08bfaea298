"""The layers' alignment as part of a job: computed once, then read as long as its file is what was written."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lrp2_bench.analyses.alignment.queries import alignment
from lrp2_bench.commands.search.prepared import Prepared
from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.files import changed
from lrp2_bench.core.types import LayerPair
from lrp2_bench.results.layout import ALIGNMENT
from lrp2_bench.results.tables import AlignmentRow, read_alignment, write_alignment

DAMAGED = "A damaged alignment.csv was computed again"


def stored_alignment(run: Prepared, best: LayerPair | None) -> list[AlignmentRow]:
    """Computed and written, or read where the folder has it for the same hits and pair; none for the pivot itself. With
    ``alignment=false`` nothing is computed, and what is of another pair is removed.

    A file that is damaged, or no longer the one whose digest the manifest holds, is computed again (counted). A run
    of baselines has no vectors at hand: beside the pairs of an earlier run it keeps what that run wrote, and where
    there is nothing to keep it leaves the moved side open.
    """
    facts, edit, data_warnings = run.inputs.facts, run.projection.edit, run.job.data_warnings
    if facts.language == facts.pivot:
        return []
    path = run.job.folder / ALIGNMENT
    if not run.job.settings.alignment and not (path.exists() and _was_of(run, best)):
        path.unlink(missing_ok=True)
        return []
    pair = best if edit is not None else None
    if path.exists() and _was_of(run, best):
        rows = _read(path, run.stored, data_warnings)
        if rows and (pair is None or rows[0].lrp2 is not None):
            return rows
    model = run.evaluator.model
    batch_tokens = run.job.settings.grid.batch_tokens or (16_384 if model.device.type == "cuda" else 2_048)
    tokens = run.job.settings.projection.tokens
    rows = alignment(model, facts, pair, edit, batch_tokens=batch_tokens, data_warnings=data_warnings, tokens=tokens)
    write_alignment(path, rows)
    return rows


def _was_of(run: Prepared, best: LayerPair | None) -> bool:
    """Whether the manifest found in the folder is of the same hits and the same pair."""
    before = best.as_dict() if best else None
    return run.stored.get("identity") == run.identity and "best" in run.stored and run.stored["best"] == before


def _read(path: Path, stored: Mapping[str, Any], data_warnings: DataWarnings) -> list[AlignmentRow]:
    """The file's rows; none of a damaged one."""
    try:
        rows = read_alignment(path)
    except BenchError:
        rows = []
    if not rows or changed(path.parent, stored.get("files"), (path.name,)):
        data_warnings.add(DAMAGED, str(path))
        return []
    return rows
