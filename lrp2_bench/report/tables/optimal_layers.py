"""Tables 4 and 5: the best layer pair of every language, and what the paper's pair gives on our hits."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from lrp2_bench.core.languages import ENGLISH
from lrp2_bench.core.types import LayerPair
from lrp2_bench.data import published
from lrp2_bench.metrics.registry import metric
from lrp2_bench.render.table import Cell, Column, Table
from lrp2_bench.report.method import method
from lrp2_bench.results.choice import best_row, value
from lrp2_bench.results.runs import Run


def optimal_layers_table(runs: Sequence[Run], select_by: str) -> Table:
    """One row a language with a finished grid, in the paper's order, others behind; best pair by ``select_by``.

    Where the paper has a pair: ``select_by`` at that pair in our hits, what it lacks of our best, and its rank among
    our pairs (1 is best, equals share the better rank).
    """
    model, dataset = runs[0].model, runs[0].dataset
    paper = published.optimal_pairs(model, dataset) if runs[0].pivot == ENGLISH else {}
    order = {language: position for position, language in enumerate(paper)}
    ordered = sorted(runs, key=lambda run: (order.get(run.language, len(order)), run.language))
    rows = [row for run in ordered if not run.is_pivot and (row := _row(run, select_by, paper))]
    return Table(
        name=f"optimal_layers_{model}_{dataset}",
        title=f"Optimal layers, {model} on {dataset}, by {select_by}, in percent (the paper's Tables 4 and 5)",
        columns=_columns(method(runs[0]), select_by, bool(paper)),
        rows=tuple(rows),
        notes=tuple(_notes(runs, select_by, bool(paper))),
    )


def _columns(method: str, select_by: str, beside: bool) -> tuple[Column, ...]:
    columns = (
        Column("language", "language", "text"),
        Column("best", "best pair", "pair"),
        Column("accuracy_without", "accuracy baseline", "percent"),
        Column("accuracy_lrp2", f"accuracy {method}", "percent"),
        Column("transferability_without", "transf. baseline", "percent"),
        Column("transferability_lrp2", f"transf. {method}", "percent"),
    )
    if not beside:
        return columns
    short = "transf." if select_by == "transferability" else select_by
    return (
        *columns,
        Column("paper", "paper's pair", "pair"),
        Column(f"{select_by}_at_paper", f"{short} there", "percent"),
        Column(f"{select_by}_difference", "diff. to best", "change"),
        Column("paper_rank", "its rank", "share"),
    )


def _row(run: Run, select_by: str, paper: Mapping[str, LayerPair]) -> tuple[Cell, ...] | None:
    best = run.best(select_by)
    if best is None:
        return None
    ours: tuple[Cell, ...] = (
        run.language, best.pair,
        run.baseline.accuracy, best.accuracy, run.baseline.transferability, best.transferability,
    )  # fmt: skip
    return (*ours, *_at_papers_pair(run, value(best, select_by), select_by, paper.get(run.language))) if paper else ours


def _at_papers_pair(run: Run, best: float, select_by: str, pair: LayerPair | None) -> tuple[Cell, ...]:
    there = (row for row in run.pairs if row.pair is not None and row.pair.layers == pair)
    row = best_row(there, select_by) if pair else None  # at its best strength, where several are searched
    if row is None:
        return pair, None, None, None
    at_paper = value(row, select_by)
    scores = [value(other, select_by) for other in run.pairs if not math.isnan(value(other, select_by))]
    sign = metric(select_by).sign
    rank = 1 + sum(sign * score > sign * at_paper for score in scores)
    return pair, at_paper, at_paper - best, (rank, len(scores))


def _notes(runs: Sequence[Run], select_by: str, beside: bool) -> list[str]:
    notes = ["A pair i/j: into the pivot's space after block i (LIRP), back after block j (LSRP)."]
    if beside:
        notes.append(
            f"Paper's pair: the published optimum. Beside it the {select_by} our hits give at that pair, its distance "
            "to our best, and its rank among our pairs."
        )
    searched = [run for run in runs if run.pairs and not run.is_pivot]
    partial = [f"{run.language} ({run.evaluated} of {run.grid})" for run in searched if run.evaluated < run.grid]
    if partial:
        notes.append(f"Best of the pairs evaluated so far: {', '.join(sorted(partial))}.")
    unscored = sorted(run.language for run in searched if run.best(select_by) is None)
    if unscored:
        notes.append(f"No row, because there are no facts for {select_by}: {', '.join(unscored)}.")
    unfinished = [f"{run.language} ({', '.join(run.missing)})" for run in searched if run.missing]
    if unfinished:
        notes.append(f"Without these relations: {'; '.join(sorted(unfinished))}.")
    return notes
