"""The testbed's second table: what a model knows in a language by exposure, and its transfer from the pivot."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from lrp2_bench.analyses.exposure.runs import INTERVAL_NOTE, ExposureRun
from lrp2_bench.core.types import Interval
from lrp2_bench.data.language_table import language_name
from lrp2_bench.render.table import Cell, Column, Table
from lrp2_bench.results.runs import Run
from lrp2_bench.testbed.exposure import PIVOT, SEEN, Status


def knowledge_table(runs: Sequence[ExposureRun], twins: Sequence[Run], notes: Sequence[str] = ()) -> Table:
    """One row a language in the order of ``runs``: accuracy on the facts seen in the language, on those seen in the
    pivot alone, the no-transfer control's on those about held-out countries, and the model's minus the control's there
    (transfer).

    ``twins`` are the runs of the model's no-transfer control, among which each language's is looked for.
    """
    first = runs[0]
    model, dataset, pivot = first.run.model, first.run.dataset, first.model.exposure.pivot
    reasons: dict[str, list[str]] = {}
    rows = tuple(_row(each, twins, reasons) for each in runs)
    return Table(
        name=f"knowledge_{model}_{dataset}",
        title=f"Knowledge by language seen in pretraining, {model} on {dataset}, accuracy in percent",
        columns=_columns(language_name(pivot)),
        rows=rows,
        notes=(*_notes(first, reasons), INTERVAL_NOTE, *notes),
    )


def _columns(pivot: str) -> tuple[Column, ...]:
    return (
        Column("language", "language", "text"),
        Column("name", "name", "text", optional=True),
        Column("seen_facts", "seen: facts", "count", optional=True),
        Column("seen_without", "seen: baseline", "interval"),
        Column("seen_lrp2", "seen: LRP2", "percent"),
        Column("pivot_facts", f"{pivot} only: facts", "count", optional=True),
        Column("pivot_without", f"{pivot} only: baseline", "interval"),
        Column("pivot_lrp2", f"{pivot} only: LRP2", "percent"),
        Column("held_out_facts", "held out: facts", "count", optional=True),
        Column("twin_without", "held out: control", "percent"),
        Column("transfer_without", "difference, baseline", "change_interval"),
        Column("placebo", "placebo", "change_interval", optional=True),
        Column("transfer_beyond_placebo", "transfer", "change_interval"),
        Column("transfer_lrp2", "difference, LRP2 in-sample", "change_interval", optional=True),
    )


def _row(each: ExposureRun, twins: Sequence[Run], reasons: dict[str, list[str]]) -> tuple[Cell, ...]:
    head: tuple[Cell, ...] = (each.run.language, each.name)
    split = (*_split(each, SEEN), *_split(each, PIVOT))
    held_out = int(each.statuses.held_out.sum())
    if each.run.language == each.model.exposure.pivot:
        # Its text covers the held-out countries too: nothing transfers.
        return (*head, *split, held_out, None, None, None, None, None)
    found = each.transfer(twins)
    if isinstance(found, str):
        reasons.setdefault(found, []).append(each.run.language)
        return (*head, *split, held_out, None, None, None, None, None)
    best = found.best.transfer if found.best else None
    baseline = found.baseline
    same = _told(baseline.same), _told(baseline.beyond)
    return (*head, *split, found.facts, baseline.twin, baseline.transfer, *same, best)


def _told(found: Interval) -> Interval | None:
    return None if math.isnan(found.value) else found


def _split(each: ExposureRun, status: Status) -> tuple[Cell, ...]:
    mask = each.statuses.by[status]
    if not mask.any():
        return 0, None, None
    accuracy = each.levels("accuracy", mask)
    return int(mask.sum()), accuracy[0], accuracy[1].value if each.best else None


def _notes(first: ExposureRun, reasons: Mapping[str, Sequence[str]]) -> Iterator[str]:
    exposure = first.model.exposure
    pivot = language_name(exposure.pivot)
    yield (
        f"Seen: facts seen in pretraining in the language itself. {pivot} only: facts seen in {pivot} alone. Facts "
        "seen only in a third language are in neither. LRP2: the best pair, in-sample."
    )
    yield (
        f"Held out: facts about the {100 * exposure.held_out:.0f} % of countries seen only in {pivot}. The "
        "no-transfer control was pretrained without those, so what it gets right is priors and spellings; difference: "
        "the model's accuracy there minus the control's, for the baseline and with both at the model's best pair."
    )
    yield (
        "Placebo: the same difference on facts that both saw alike, in other languages only; two pretrainings differ "
        "by as much anyway. Transfer: the difference less the placebo. One pretraining of each is one draw, which no "
        "interval accounts for."
    )
    for reason, languages in reasons.items():
        yield f"No transfer for {', '.join(languages)}: {reason}."
