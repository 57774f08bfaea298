"""``lrp2-bench report``: the paper's tables and figures from the finished runs below some folders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.text import Text

from lrp2_bench.analyses.finished import copy_figures
from lrp2_bench.commands.report_contents import Contents, Remarks, contents_of
from lrp2_bench.commands.tracked import report_record
from lrp2_bench.core.files import write_text
from lrp2_bench.core.languages import GROUPS
from lrp2_bench.core.settings import StatsSettings
from lrp2_bench.render.terminal import to_terminal
from lrp2_bench.report.chosen_metric import require_counted
from lrp2_bench.report.completeness import incomplete_runs
from lrp2_bench.report.figures.draw import write_figures
from lrp2_bench.report.files import FIGURES, INDEX, remove_former, write_tables
from lrp2_bench.report.headlines import headlines
from lrp2_bench.report.overview.index import Overview, index_markdown
from lrp2_bench.report.overview.leaderboard import heads, unmeasured
from lrp2_bench.report.overview.leaderboard_table import leaderboard_table
from lrp2_bench.report.overview.results_table import results_frame, write_results
from lrp2_bench.report.page.build import write_page
from lrp2_bench.report.page.data import Choices
from lrp2_bench.stats.equivalence import require_margin
from lrp2_bench.stats.fact_clusters import require_kind
from lrp2_bench.tracking.base import Tracker


@dataclass(frozen=True)
class Report:
    """Where it was written, and what the run folders ``lack``, a line each: nothing if all are whole."""

    folder: Path
    incomplete: tuple[str, ...]


def run_report(
    inputs: Sequence[Path],
    output: Path | None,
    select_by: str,
    console: Console,
    groups: Mapping[str, Sequence[str]] = GROUPS,
    models: Sequence[str] = (),
    tracker: Tracker | None = None,
    stats: StatsSettings | None = None,
) -> Report:
    """Write a folder that opens with ``index.md`` (the answer, the leaderboard, every file) and ``index.html`` (the
    page), ``results.csv`` and ``.parquet`` (a row a run), and tables and figures, which are printed too.

    Tables are ``tables/NAME.md`` and ``.tex`` and ``data/NAME.csv``, figures ``figures/NAME.png`` and ``.pdf``.
    ``leaderboard``, ``verdict``, ``runs`` and ``comparison`` are of all runs. For every MODEL and DATASET:
    ``table1_...`` (``table3_...`` for X-FACTR), ``optimal_layers_...``, ``significance_...`` and ``relations_...``;
    where queries have several right objects ``ceiling_...``, where paraphrases were asked ``wordings_...``; for the
    testbed's models also ``exposure_...`` and ``knowledge_...``. An ablation's MODEL is MODEL_PROJECTION; it has no
    part in the claim checks, and ``ablations_MODEL_DATASET`` compares it with LRP2. Tables and figures of finished
    analyses (`lrp2-bench analyze`) follow. ``groups`` are Table 1's, by name; ``models`` restricts the report to
    these. ``tracker`` gets the report once it is written. ``stats`` says what facts are clustered by, and what is no
    effect.

    ``inputs`` are searched for run folders at any depth; files go to ``output``, by default ``report`` in the first
    input. Unfinished runs are named in the index, in the tables' notes and on the console. Where a model and dataset
    were searched in several experiments, their rows stand in the same tables under their names, and each has its
    figures; so do runs of one experiment whose configurations differ. Nothing is written unless all tables can be made.
    Raises BenchError where there is nothing to report on and for a metric that hits do not suffice for,
    UnknownNameError for an input, ``select_by`` or model that does not exist.
    """
    require_counted(select_by)
    stats = stats or StatsSettings()
    require_kind(stats.cluster)
    require_margin(stats.equivalence_margin)
    remarks = Remarks(console)
    contents = contents_of(inputs, select_by, models, groups, console, stats, remarks)
    folder = output if output is not None else inputs[0] / "report"
    remove_former(folder)
    written = write_tables(contents.tables, folder)
    _print(contents, console)
    figures = _write_figures(contents, folder / FIGURES, select_by, console, remarks)
    data = write_results(results_frame(contents.assessed, groups), folder) if contents.assessed else []
    page = []
    if contents.assessed:
        beside = contents.beside([path.relative_to(folder) for path in (*written, *figures, *data)])
        path, unread = write_page(contents.assessed, contents.unfinished, folder, Choices(select_by, groups), beside)
        remarks.tell("Not on the page", unread)
        console.print(Text(f"Page: {path}"), soft_wrap=True)
        page = [path]
    incomplete = incomplete_runs(contents.unfinished, contents.assessed)
    if incomplete:
        console.print(Text(f"Incomplete ({len(incomplete)}):", style="yellow"))
        for line in incomplete:
            console.print(Text(f"  {line}"), soft_wrap=True)
    index = folder / INDEX
    missing = [*incomplete, *remarks.lines, *unmeasured(contents.leaderboard)]
    write_text(index, index_markdown(_overview(contents, figures, data, bool(page), missing)))
    said = list(headlines(contents.assessed))
    for line in said:
        console.print(Text(line), soft_wrap=True)
    console.print(Text(f"Report in {folder}"), soft_wrap=True)
    if tracker is not None:
        files = [path.relative_to(folder) for path in (index, *page, *data, *written, *figures)]
        analyzed = [one.experiment for one in contents.analyses]
        tracker.log_report(report_record(folder, files, contents.runs, select_by, incomplete, analyzed, said))
    return Report(folder, tuple(incomplete))


def _overview(
    contents: Contents, figures: Sequence[Path], data: Sequence[Path], has_page: bool, missing: Sequence[str]
) -> Overview:
    return Overview(
        contents.leaderboard,
        contents.verdict,
        contents.conducted,
        [table for table in contents.tables if table.rows],
        figures,
        [(path.name, "a row for each run and strength, with everything that is measured of it") for path in data],
        missing,
        has_page,
    )


def _print(contents: Contents, console: Console) -> None:
    for table in (*contents.shown, contents.comparison, contents.verdict):
        if table is not None:
            console.print(to_terminal(table, console.width))
    leading = heads(contents.leaderboard)
    board = leaderboard_table(leading) if len(leading) > 1 else None
    if board is not None:
        console.print(to_terminal(replace(board, notes=()), console.width))
    if contents.hidden:
        note = f"Not shown, but written: tables of each ablation ({', '.join(contents.ablated)})"
        console.print(Text(note), soft_wrap=True)


def _write_figures(contents: Contents, folder: Path, select_by: str, console: Console, remarks: Remarks) -> list[Path]:
    by_model = [found.runs for found in contents.assessed]
    figures, unread = write_figures(by_model, folder, select_by, contents.assessed, contents.compared)
    remarks.tell("Not in the alignment's figure", unread)
    figures += copy_figures(contents.analyses, folder)
    remarks.tell("Not in the report", contents.unread)
    count = sum(path.suffix == ".png" for path in figures)
    where = f"{count}, as PNG and PDF, in {folder}" if figures else "none, for no finished run has pairs"
    console.print(Text(f"Figures: {where}"), soft_wrap=True)
    return figures
