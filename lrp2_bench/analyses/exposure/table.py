"""The testbed's first table: accuracy and transferability of each language with its exposure in pretraining."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lrp2_bench.analyses.exposure.runs import INTERVAL_NOTE, ExposureRun
from lrp2_bench.core.languages import GROUPS
from lrp2_bench.data.language_table import resource_of
from lrp2_bench.render.table import Cell, Column, Table

_COLUMNS = (
    Column("language", "language", "text"),
    Column("name", "name", "text", optional=True),
    Column("resource", "class", "text", optional=True),
    Column("exposure", "seen in pretraining", "percent"),
    Column("facts", "facts", "count", optional=True),
    Column("accuracy_without", "acc. baseline", "interval"),
    Column("best", "best pair", "pair"),
    Column("accuracy_lrp2", "acc. LRP2", "percent"),
    Column("accuracy_change", "acc. change", "change_interval"),
    Column("transferability_without", "transf. baseline", "percent"),
    Column("transferability_lrp2", "transf. LRP2", "percent"),
    Column("transferability_change", "transf. change", "change_interval"),
)


def exposure_table(
    runs: Sequence[ExposureRun],
    select_by: str,
    notes: Sequence[str] = (),
    groups: Mapping[str, Sequence[str]] = GROUPS,
) -> Table:
    """One row a language in the order of ``runs``, best pair by ``select_by``; the pivot has its accuracy only.

    "LRP2" is the best pair, "change" what it changes against the baseline, in points.
    """
    first = runs[0]
    model, dataset = first.run.model, first.run.dataset
    shares = first.model.exposure
    said = [
        "Seen in pretraining: share of the countries that the language's pretraining text covers, in percent "
        "(– for a language without text).",
        f"LRP2: the best pair by {select_by}; change: against the baseline, in points, in-sample.",
        INTERVAL_NOTE,
    ]
    if any(each.run.is_pivot for each in runs):
        said.append(
            f"{first.run.pivot} is the pivot: no intervention applies, and its overlap with itself is not a result."
        )
    if shares.twin:
        said.append(f"A no-transfer control: no text covers the held-out countries ({100 * shares.held_out:.0f} %).")
    return Table(
        name=f"exposure_{model}_{dataset}",
        title=f"Exposure, accuracy and transferability, {model} on {dataset}, in percent",
        columns=_COLUMNS,
        rows=tuple(_row(each, groups) for each in runs),
        notes=(*said, *notes),
    )


def _row(each: ExposureRun, groups: Mapping[str, Sequence[str]]) -> tuple[Cell, ...]:
    run = each.run
    head: tuple[Cell, ...] = (run.language, each.name, resource_of(run.language, groups), each.exposure)
    accuracy, transferability = each.levels("accuracy"), each.levels("transferability")
    counted: tuple[Cell, ...] = (len(each.hits.facts), accuracy[0])
    # The pivot's overlap with itself is no result.
    without = None if run.is_pivot else transferability[0].value
    if each.best is None:
        return (*head, *counted, None, None, None, without, None, None)
    return (
        *head, *counted, each.best, accuracy[1].value, each.change("accuracy"),
        without, transferability[1].value, each.change("transferability"),
    )  # fmt: skip
