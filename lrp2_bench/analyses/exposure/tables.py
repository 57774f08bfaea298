"""The tables that only the testbed's models have, since what they saw in pretraining is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lrp2_bench.analyses.exposure.knowledge_table import knowledge_table
from lrp2_bench.analyses.exposure.runs import pretrained_of_run, read_exposure_runs
from lrp2_bench.analyses.exposure.table import exposure_table
from lrp2_bench.core.languages import GROUPS
from lrp2_bench.render.table import Table
from lrp2_bench.results.runs import Run


def embedded_tables(
    runs: Sequence[Run], others: Sequence[Run], select_by: str, groups: Mapping[str, Sequence[str]] = GROUPS
) -> list[Table]:
    """``exposure_MODEL_DATASET`` and ``knowledge_MODEL_DATASET`` for the runs of one model and dataset; none for models
    and facts that are not the testbed's, the first alone for a no-transfer control.

    A full model's control is looked for among ``others``, runs of the same experiment first.
    """
    found, notes = read_exposure_runs(runs, select_by)
    if not found:
        return []
    tables = [exposure_table(found, select_by, notes, groups)]
    model = found[0].model
    if not model.exposure.twin:
        twins = [run for run in others if (twin := pretrained_of_run(run)) and twin.is_twin_of(model)]
        here = found[0].run.folder.resolve().parents[2]
        twins.sort(key=lambda run: run.folder.resolve().parents[2] != here)
        tables.append(knowledge_table(found, twins, notes))
    return tables
