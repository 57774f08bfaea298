"""Table 3: accuracy and transferability of single languages, without and with LRP2 (X-FACTR in the paper)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from lrp2_bench.core.languages import ENGLISH
from lrp2_bench.data import published
from lrp2_bench.data.language_table import language_name
from lrp2_bench.render.table import Cell, Column, Table
from lrp2_bench.report.method import method
from lrp2_bench.report.tables.group_means import WITH_METHOD, cells_beside, columns_beside
from lrp2_bench.results.choice import METRICS, value
from lrp2_bench.results.runs import Run

_MEAN = "mean"


def languages_table(runs: Sequence[Run], select_by: str) -> Table:
    """A row per metric and language of one model and dataset: the paper's languages in its order whether there is a run
    or not, then the others; last their mean. The paper's values stand beside ours where it has any."""
    model, dataset, pivot = runs[0].model, runs[0].dataset, runs[0].pivot
    beside = pivot == ENGLISH and published.has_languages(model, dataset)
    rows: list[tuple[Cell, ...]] = []
    unlike = []
    for metric in METRICS:
        paper = published.by_language(model, dataset, metric) if beside else {}
        scores = {run.language: _scores(run, metric, select_by) for run in runs}
        same = _over_the_same(scores, paper, pivot)
        rows += [(metric, *row) for row in _rows(scores, paper, pivot, beside, same)]
        unlike += [] if same else [metric]
    return Table(
        name=f"table3_{model}_{dataset}",
        title=f"Languages one by one, {model} on {dataset}, in percent (the paper's Table 3)",
        columns=(
            Column("metric", "metric", "text"),
            Column("language", "language", "text"),
            Column("name", "name", "text", optional=True),
            *columns_beside(method(runs[0]), beside),
        ),
        rows=tuple(rows),
        notes=tuple(_notes(runs, select_by, model, dataset, beside, unlike)),
    )


def _rows(
    scores: Mapping[str, tuple[float, float]],
    paper: Mapping[str, published.PublishedMean],
    pivot: str,
    beside: bool,
    same: bool,
) -> Iterator[tuple[Cell, ...]]:
    codes = [*paper, *sorted(code for code in scores if code not in paper)]
    for code in codes:
        ours = scores.get(code, (math.nan, math.nan))
        yield (
            code,
            name if (name := language_name(code)) != code else None,
            *cells_beside(*ours, paper.get(code), beside),
        )
    both = [scores[code] for code in _in_mean(scores, pivot)]
    papers = [cell for code, cell in paper.items() if code != pivot]
    without, lrp2 = (math.fsum(pair[side] for pair in both) / len(both) if both else math.nan for side in (0, 1))
    published_mean = published.PublishedMean(_mean(papers, "without"), _mean(papers, "lrp2")) if same else None
    yield (
        _MEAN,
        f"{len(both)} language{'' if len(both) == 1 else 's'}",
        *cells_beside(without, lrp2, published_mean, beside),
    )


def _in_mean(scores: Mapping[str, tuple[float, float]], pivot: str) -> list[str]:
    return [code for code, pair in scores.items() if code != pivot and not any(map(math.isnan, pair))]


def _over_the_same(
    scores: Mapping[str, tuple[float, float]], paper: Mapping[str, published.PublishedMean], pivot: str
) -> bool:
    """Whether our mean is over the paper's languages; only then may the paper's stand beside it."""
    return bool(paper) and set(_in_mean(scores, pivot)) == set(paper) - {pivot}


def _scores(run: Run, metric: str, select_by: str) -> tuple[float, float]:
    """The pivot is the same with LRP2, and has no transferability to itself; a baseline has no LRP2."""
    if run.is_pivot:
        score = run.baseline.accuracy if metric == "accuracy" else math.nan
        return score, score
    best = run.best(select_by)
    return value(run.baseline, metric), value(best, metric) if best is not None else math.nan


def _mean(cells: Sequence[published.PublishedMean], side: str) -> float | None:
    values = [getattr(cell, side) for cell in cells]
    return None if None in values else math.fsum(values) / len(values)


def _notes(
    runs: Sequence[Run], select_by: str, model: str, dataset: str, beside: bool, unlike: Sequence[str]
) -> Iterator[str]:
    """``unlike``: the metrics of which our mean is over other languages than the paper's."""
    yield WITH_METHOD.format(method=method(runs[0]), select_by=select_by)
    if beside:
        there = {run.language for run in runs}
        missing = [code for code in published.by_language(model, dataset, "accuracy") if code not in there]
        if missing:
            yield f"Missing ({len(missing)} of the paper's languages): {', '.join(missing)}."
        if unlike:
            of = "" if len(unlike) == len(METRICS) else f" of {', '.join(unlike)}"
            yield f"The paper's mean{of} is not shown, for ours is over other languages."
    only_baseline = sorted(run.language for run in runs if not run.is_pivot and run.best(select_by) is None)
    if only_baseline:
        yield f"Only the baseline was run, so in no mean: {', '.join(only_baseline)}."
