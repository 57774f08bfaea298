"""``lrp2-bench report``: the paper's tables and figures from the finished runs below some folders."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.text import Text

from lrp2_bench.errors import BenchError, UnknownNameError
from lrp2_bench.files import write_text
from lrp2_bench.languages import GROUPS
from lrp2_bench.progress import progress
from lrp2_bench.report.agreement import check_agreement
from lrp2_bench.report.figures.alignment import read_aligned
from lrp2_bench.report.figures.draw import write_figures
from lrp2_bench.report.group_means import group_means_table
from lrp2_bench.report.judged_runs import JudgedRuns, judge_runs
from lrp2_bench.report.lacking import lacking
from lrp2_bench.report.languages import languages_table
from lrp2_bench.report.latex import to_latex
from lrp2_bench.report.optimal_layers import optimal_layers_table
from lrp2_bench.report.page.build import write_page
from lrp2_bench.report.page.data import Choices
from lrp2_bench.report.published import XFACTR
from lrp2_bench.report.relations import relations_table
from lrp2_bench.report.render import to_csv, to_markdown
from lrp2_bench.report.runs import METRICS, Run, Unfinished, find_runs
from lrp2_bench.report.significance import significance_table
from lrp2_bench.report.table import Table
from lrp2_bench.report.terminal import to_terminal
from lrp2_bench.report.testbed import embedded_tables
from lrp2_bench.report.text import file_stem
from lrp2_bench.report.verdict.evidence import Evidence
from lrp2_bench.report.verdict.table import verdict_table

_TOLD = 5  # problems of one kind


@dataclass(frozen=True)
class Report:
    """Where it was written, and what the run folders ``lack``, a line each: nothing if all are whole."""

    folder: Path
    lacks: tuple[str, ...]


def run_report(
    inputs: Sequence[Path],
    output: Path | None,
    select_by: str,
    console: Console,
    groups: Mapping[str, Sequence[str]] = GROUPS,
    models: Sequence[str] = (),
) -> Report:
    """Write every table as .md, .csv and .tex, and print it; figures go to ``figures`` beside them, as .png and .pdf.

    For every MODEL and DATASET: ``table1_...`` (``table3_...`` for X-FACTR), ``optimal_layers_...``,
    ``significance_...`` and ``relations_...``; for the testbed's models also ``exposure_...`` and ``knowledge_...``;
    one ``verdict`` for all, and all of it on one page, ``page.html``. ``groups`` are Table 1's, by name; ``models``
    restricts the report to these.

    ``inputs`` are searched for run folders at any depth; files go to ``output``, by default ``report`` in the first
    input. Unfinished runs are named in the tables' notes and on the console. Nothing is written unless all tables can
    be made. Raises BenchError where there is nothing to report on or runs of one model and dataset were not made
    alike, UnknownNameError for an input, ``select_by`` or model that does not exist.
    """
    if select_by not in METRICS:
        raise UnknownNameError("metric in select_by:", select_by, METRICS)
    runs, unfinished = _of_models(*find_runs(inputs), models)
    by_model = list(_by_model_and_dataset(runs))
    judged = _judged(by_model, select_by, console)
    tables = [table for found in judged for table in _tables(found, runs, unfinished, groups)]
    verdict = verdict_table([Evidence(found, read_aligned(found.runs)[0]) for found in judged])
    folder = output if output is not None else inputs[0] / "report"
    for table in [*tables, *([verdict] if verdict else [])]:
        stem = file_stem(table.name)
        write_text(folder / f"{stem}.md", to_markdown(table))
        write_text(folder / f"{stem}.csv", to_csv(table))
        write_text(folder / f"{stem}.tex", to_latex(table))
        console.print(to_terminal(table, console.width))
    figures, unread = write_figures(by_model, folder / "figures", select_by, judged)
    _tell("Not in the alignment's figure", unread, console)
    where = f"{figures}, as PNG and PDF, in {folder / 'figures'}" if figures else "none, for no finished run has pairs"
    console.print(Text(f"Figures: {where}"), soft_wrap=True)
    page, unread = write_page(judged, unfinished, folder, Choices(select_by, groups))
    _tell("Not on the page", unread, console)
    console.print(Text(f"Page: {page}"), soft_wrap=True)
    lacks = lacking(unfinished, judged)
    if lacks:
        console.print(Text(f"Not whole ({len(lacks)}):", style="yellow"))
        for line in lacks:
            console.print(Text(f"  {line}"), soft_wrap=True)
    console.print(Text(f"Report in {folder}"), soft_wrap=True)
    return Report(folder, tuple(lacks))


def _tell(where: str, problems: Sequence[str], console: Console) -> None:
    """A line a problem, the first few: a hundred runs that lack the same file are one thing to know."""
    for problem in problems[:_TOLD]:
        console.print(Text(f"{where}: {problem}", style="yellow"), soft_wrap=True)
    if len(problems) > _TOLD:
        console.print(Text(f"{where}: and {len(problems) - _TOLD} more like these", style="yellow"), soft_wrap=True)


def _of_models(
    runs: list[Run], unfinished: list[Unfinished], models: Sequence[str]
) -> tuple[list[Run], list[Unfinished]]:
    """Those of ``models`` alone, if any are named. Raises where one has no run, or no finished one."""
    if not models:
        return runs, unfinished
    known = {run.model for run in runs} | {each.model for each in unfinished}
    for model in models:
        if model not in known:
            raise UnknownNameError("model", model, known, "These have runs in the folders given.")
        if model not in {run.model for run in runs}:
            reasons = [f"  {each.folder}: {each.reason}" for each in unfinished if each.model == model]
            raise BenchError(f"Model '{model}' has no finished run to report on:\n" + "\n".join(reasons))
    return [run for run in runs if run.model in models], [each for each in unfinished if each.model in models]


def _by_model_and_dataset(runs: Sequence[Run]) -> Iterator[list[Run]]:
    groups: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        groups.setdefault((run.model, run.dataset), []).append(run)
    for _, members in sorted(groups.items()):
        check_agreement(members)
        yield sorted(members, key=lambda run: run.language)


def _judged(by_model: Sequence[Sequence[Run]], select_by: str, console: Console) -> list[JudgedRuns]:
    total = sum(bool(run.pairs) for runs in by_model for run in runs)
    with nullcontext(lambda: None) if console.quiet else progress("judging", total, "languages") as advance:
        return [judge_runs(runs, select_by, advance) for runs in by_model]


def _tables(
    found: JudgedRuns, everything: Sequence[Run], unfinished: Sequence[Unfinished], groups: Mapping[str, Sequence[str]]
) -> Iterator[Table]:
    runs, select_by = found.runs, found.select_by
    notes = tuple(
        f"{run.language} is not finished: {run.reason}."
        for run in unfinished
        if (run.model, run.dataset) == (found.model, found.dataset)
    )
    means = languages_table(runs, select_by) if found.dataset == XFACTR else group_means_table(runs, select_by, groups)
    tables = [means, optimal_layers_table(runs, select_by)]
    if found.judged:
        tables += [significance_table(found), relations_table(found)]
    tables += embedded_tables(runs, everything, select_by)
    for table in tables:
        yield replace(table, notes=table.notes + notes)
