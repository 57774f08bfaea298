"""``lrp2-bench report``: the paper's tables and figures from the finished runs below some folders."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.text import Text

from lrp2_bench.errors import UnknownNameError
from lrp2_bench.files import write_text
from lrp2_bench.languages import GROUPS
from lrp2_bench.report.ablations import ablation_tables
from lrp2_bench.report.agreement import check_agreement
from lrp2_bench.report.figures.draw import write_figures
from lrp2_bench.report.group_means import group_means_table
from lrp2_bench.report.optimal_layers import optimal_layers_table
from lrp2_bench.report.render import to_csv, to_latex, to_markdown
from lrp2_bench.report.runs import METRICS, Run, Unfinished, find_runs
from lrp2_bench.report.table import Table
from lrp2_bench.report.terminal import to_terminal
from lrp2_bench.report.testbed import embedded_tables


def run_report(
    inputs: Sequence[Path],
    output: Path | None,
    select_by: str,
    console: Console,
    groups: Mapping[str, Sequence[str]] = GROUPS,
) -> Path:
    """Write ``table1_MODEL_DATASET`` and ``optimal_layers_MODEL_DATASET`` as .md, .csv and .tex, and print them; for
    the testbed's models also ``exposure_MODEL_DATASET`` and ``knowledge_MODEL_DATASET``. An ablation's tables are named
    MODEL_PROJECTION; where there is one, ``ablations_MODEL_DATASET`` compares all.

    Figures go to ``figures`` beside them, as .png and .pdf.

    ``groups`` are Table 1's, by name.

    ``inputs`` are searched for run folders at any depth; files go to ``output``, by default ``report`` in the first
    input, which is returned. Unfinished runs are named in the tables' notes and on the console. Nothing is written
    unless all tables can be made. Raises BenchError where there is nothing to report on or runs of one model and
    dataset were not made alike, UnknownNameError for an input or ``select_by`` that does not exist.
    """
    if select_by not in METRICS:
        raise UnknownNameError("metric in select_by:", select_by, METRICS)
    runs, unfinished = find_runs(inputs)
    by_model = list(_by_model_and_dataset(runs))
    tables = [table for members in by_model for table in _tables(members, runs, unfinished, select_by, groups)]
    tables += ablation_tables(runs, select_by)
    folder = output if output is not None else inputs[0] / "report"
    for table in tables:
        # A model's name is a user's text; it must not lead out of the folder.
        stem = re.sub(r"[^\w.-]", "_", table.name)
        write_text(folder / f"{stem}.md", to_markdown(table))
        write_text(folder / f"{stem}.csv", to_csv(table))
        write_text(folder / f"{stem}.tex", to_latex(table))
        console.print(to_terminal(table, console.width))
    figures, unread = write_figures(by_model, folder / "figures", select_by)
    for problem in unread:
        console.print(Text(f"Not in the alignment's figure: {problem}", style="yellow"), soft_wrap=True)
    where = f"{figures}, as PNG and PDF, in {folder / 'figures'}" if figures else "none, for no finished run has pairs"
    console.print(Text(f"Figures: {where}"), soft_wrap=True)
    if unfinished:
        console.print(Text(f"Not finished, so not in any table ({len(unfinished)}):", style="yellow"))
        for run in unfinished:
            console.print(Text(f"  {run.folder}: {run.reason}"), soft_wrap=True)
    console.print(Text(f"Report in {folder}"), soft_wrap=True)
    return folder


def _by_model_and_dataset(runs: Sequence[Run]) -> Iterator[list[Run]]:
    groups: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        groups.setdefault((run.model, run.dataset), []).append(run)
    for _, members in sorted(groups.items()):
        check_agreement(members)
        yield sorted(members, key=lambda run: run.language)


def _tables(
    runs: Sequence[Run],
    everything: Sequence[Run],
    unfinished: Sequence[Unfinished],
    select_by: str,
    groups: Mapping[str, Sequence[str]],
) -> Iterator[Table]:
    model, dataset = runs[0].model, runs[0].dataset
    notes = tuple(
        f"{run.language} is not finished: {run.reason}."
        for run in unfinished
        if (run.model, run.dataset) == (model, dataset)
    )
    tables = (group_means_table(runs, select_by, groups), optimal_layers_table(runs, select_by))
    for table in (*tables, *embedded_tables(runs, everything, select_by)):
        yield replace(table, notes=table.notes + notes)
