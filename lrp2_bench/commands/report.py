"""``lrp2-bench report``: the paper's tables and figures from the finished runs below some folders."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.text import Text

from lrp2_bench.analyses.exposure.tables import embedded_tables
from lrp2_bench.analyses.finished import StoredAnalysis, copy_figures, each_apart, find_analyses
from lrp2_bench.commands.tracked import report_record
from lrp2_bench.core.errors import BenchError, UnknownNameError
from lrp2_bench.core.languages import GROUPS
from lrp2_bench.core.progress import progress
from lrp2_bench.core.settings import LRP2, StatsSettings
from lrp2_bench.data.published import XFACTR
from lrp2_bench.render.table import Table
from lrp2_bench.render.terminal import to_terminal
from lrp2_bench.render.text import require_apart
from lrp2_bench.render.write import write_table
from lrp2_bench.report.agreement import label_runs
from lrp2_bench.report.assessed_runs import AssessedRuns, assess_runs
from lrp2_bench.report.claims.controls import controls_of
from lrp2_bench.report.claims.evidence import Evidence
from lrp2_bench.report.claims.table import verdict_table
from lrp2_bench.report.completeness import incomplete_runs
from lrp2_bench.report.figures.alignment import read_aligned
from lrp2_bench.report.figures.draw import write_figures
from lrp2_bench.report.headlines import headlines
from lrp2_bench.report.method import of_method
from lrp2_bench.report.page.build import write_page
from lrp2_bench.report.page.data import Choices
from lrp2_bench.report.page.overview_data import Beside
from lrp2_bench.report.tables.ablations import ablation_tables
from lrp2_bench.report.tables.answers import answers_table
from lrp2_bench.report.tables.by_experiment import by_experiment
from lrp2_bench.report.tables.damage import damage_tables
from lrp2_bench.report.tables.experiments import compare_tables
from lrp2_bench.report.tables.group_means import group_means_table
from lrp2_bench.report.tables.languages import languages_table
from lrp2_bench.report.tables.optimal_layers import optimal_layers_table
from lrp2_bench.report.tables.relations import relations_table
from lrp2_bench.report.tables.scores import scores_of
from lrp2_bench.report.tables.significance import significance_table
from lrp2_bench.report.tables.strengths import strength_tables
from lrp2_bench.report.tables.wordings import wordings_table
from lrp2_bench.results.choice import METRICS
from lrp2_bench.results.forgetting import forgetting_notes
from lrp2_bench.results.runs import Run, Unfinished, belongs, find_runs, run_folders
from lrp2_bench.stats.equivalence import require_margin
from lrp2_bench.stats.fact_clusters import require_kind
from lrp2_bench.tracking.base import Tracker

_SHOWN = 5  # problems of one kind


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
    """Write every table as .md, .csv and .tex, and print it; figures go to ``figures`` beside them, as .png and .pdf.

    For every MODEL and DATASET: ``table1_...`` (``table3_...`` for X-FACTR), ``optimal_layers_...``,
    ``significance_...`` and ``relations_...``; where queries have several right objects ``answers_...``, where
    paraphrases were asked ``wordings_...``; for the testbed's models also ``exposure_...`` and ``knowledge_...``;
    one ``verdict`` for all, and all of it on one page, ``page.html``. An ablation's MODEL is MODEL_PROJECTION; it has
    no part in the claim checks, and ``ablations_MODEL_DATASET`` compares it with LRP2. Tables and figures of finished
    analyses (`lrp2-bench analyze`) follow. ``groups`` are Table 1's, by name; ``models`` restricts the report to
    these. ``tracker`` gets the report once it is written. ``stats`` says what facts are clustered by, and what is no
    effect.

    ``inputs`` are searched for run folders at any depth; files go to ``output``, by default ``report`` in the first
    input. Unfinished runs are named in the tables' notes and on the console. Where a model and dataset were searched in
    several experiments, their rows stand in the same tables under their names, each has its figures, and
    ``compare_MODEL_DATASET`` sets them against each other; so do runs of one experiment whose configurations differ.
    Nothing is written unless all tables can be made. Raises BenchError where there is nothing to report on,
    UnknownNameError for an input, ``select_by`` or model that does not exist.
    """
    if select_by not in METRICS:
        raise UnknownNameError("metric in select_by:", select_by, METRICS, "A report is about the paper's two metrics.")
    stats = stats or StatsSettings()
    require_kind(stats.cluster)
    require_margin(stats.equivalence_margin)
    contents = _contents(inputs, select_by, models, groups, console, stats)
    folder = output if output is not None else inputs[0] / "report"
    written = _write_tables(contents, folder, console)
    written += _write_figures(contents, folder / "figures", select_by, console)
    if contents.assessed:
        beside = contents.beside([path.relative_to(folder) for path in written])
        page, unread = write_page(contents.assessed, contents.unfinished, folder, Choices(select_by, groups), beside)
        _tell("Not on the page", unread, console)
        console.print(Text(f"Page: {page}"), soft_wrap=True)
        written.append(page)
    incomplete = incomplete_runs(contents.unfinished, contents.assessed)
    if incomplete:
        console.print(Text(f"Incomplete ({len(incomplete)}):", style="yellow"))
        for line in incomplete:
            console.print(Text(f"  {line}"), soft_wrap=True)
    said = list(headlines(contents.assessed))
    for line in said:
        console.print(Text(line), soft_wrap=True)
    console.print(Text(f"Report in {folder}"), soft_wrap=True)
    if tracker is not None:
        files, analyzed = [path.relative_to(folder) for path in written], [one.experiment for one in contents.analyses]
        tracker.log_report(report_record(folder, files, contents.runs, select_by, incomplete, analyzed, said))
    return Report(folder, tuple(incomplete))


@dataclass(frozen=True)
class _Contents:
    """``shown`` tables go to the console and to files, ``hidden`` ones to files alone; ``unread`` are analyses."""

    runs: Sequence[Run]
    unfinished: Sequence[Unfinished]
    assessed: Sequence[AssessedRuns]
    analyses: Sequence[StoredAnalysis]
    unread: Sequence[str]
    compared: Sequence[Table]
    shown: Sequence[Table]
    hidden: Sequence[Table]

    def beside(self, files: Sequence[Path]) -> Beside:
        """What the page shows of it; ``files`` are those written."""
        analyses = [table for each in self.analyses for table in each.tables]
        others = [table for table in self.shown if table not in analyses]
        return Beside([*others, *self.hidden], analyses, files)

    @property
    def ablated(self) -> list[str]:
        return [found.model for found in self.assessed if found.projection != LRP2]


def _contents(
    inputs: Sequence[Path],
    select_by: str,
    models: Sequence[str],
    groups: Mapping[str, Sequence[str]],
    console: Console,
    stats: StatsSettings,
) -> _Contents:
    """All that is reported, made before any of it is written."""
    analyses, unread = find_analyses(inputs)
    runs, unfinished = ([], []) if analyses and not run_folders(inputs) else _of_models(*find_runs(inputs), models)
    runs, remarks = label_runs(runs)
    _tell("Labelled apart", remarks, console)
    assessed = _assessed(_groups(runs), select_by, console, stats)
    _tell("Clusters", _unclustered(assessed), console)
    # An ablation's own tables are for who asks: what it is there for, the comparison, is shown.
    whole, ablated = (
        [found for found in assessed if (found.projection == LRP2) == is_lrp2] for is_lrp2 in (True, False)
    )
    own, hidden = (
        by_experiment([(found.label, table) for found in part for table in _tables(found, runs, unfinished, groups)])
        for part in (whole, ablated)
    )
    compared = [
        (label, table)
        for label in sorted({run.label for run in runs})
        for table in ablation_tables([run for run in runs if run.label == label], select_by, assessed, stats.cluster)
    ]
    analyses = each_apart([each for each in analyses if not models or each.model in models])
    verdict = verdict_table(
        [Evidence(found, read_aligned(found.runs)[0], groups, controls_of(found, assessed)) for found in whole],
        analyses,
    )
    scored, problems = scores_of(whole)
    _tell("Not in the tables of scores", problems, console)
    shown = [*own, *by_experiment(compared), *compare_tables(runs, select_by, stats.cluster), *by_experiment(scored)]
    shown += [verdict] if verdict else []
    shown += [table for each in analyses for table in each.tables]
    figured = [replace(table, name=f"{table.name}_{label}") if label else table for label, table in compared]
    return _Contents(runs, unfinished, assessed, analyses, unread, figured, shown, hidden)


def _write_tables(contents: _Contents, folder: Path, console: Console) -> list[Path]:
    written = [path for table in (*contents.shown, *contents.hidden) for path in write_table(table, folder)]
    for table in contents.shown:
        console.print(to_terminal(table, console.width))
    if contents.hidden:
        note = f"Not shown, but written: tables of each ablation ({', '.join(contents.ablated)})"
        console.print(Text(note), soft_wrap=True)
    return written


def _write_figures(contents: _Contents, folder: Path, select_by: str, console: Console) -> list[Path]:
    by_model = [found.runs for found in contents.assessed]
    figures, unread = write_figures(by_model, folder, select_by, contents.assessed, contents.compared)
    _tell("Not in the alignment's figure", unread, console)
    figures += copy_figures(contents.analyses, folder)
    _tell("Not in the report", contents.unread, console)
    count = sum(path.suffix == ".png" for path in figures)
    where = f"{count}, as PNG and PDF, in {folder}" if figures else "none, for no finished run has pairs"
    console.print(Text(f"Figures: {where}"), soft_wrap=True)
    return figures


def _tell(where: str, problems: Sequence[str], console: Console) -> None:
    """A line a problem, the first few: a hundred runs that lack the same file are one thing to know."""
    for problem in problems[:_SHOWN]:
        console.print(Text(f"{where}: {problem}", style="yellow"), soft_wrap=True)
    if len(problems) > _SHOWN:
        console.print(Text(f"{where}: and {len(problems) - _SHOWN} more like these", style="yellow"), soft_wrap=True)


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


def _groups(runs: Sequence[Run]) -> list[list[Run]]:
    """Those of one model, dataset and experiment, where experiments are labelled apart."""
    groups: dict[tuple[str, str, str], list[Run]] = {}
    for run in runs:
        groups.setdefault((run.model, run.dataset, run.label), []).append(run)
    require_apart(dict.fromkeys((model, dataset) for model, dataset, _ in groups))
    for (model, dataset, _), members in sorted(groups.items()):
        _require_one_projection(model, dataset, members)
    return [sorted(members, key=lambda run: run.language) for _, members in sorted(groups.items())]


def _require_one_projection(model: str, dataset: str, runs: Sequence[Run]) -> None:
    """Raises :class:`BenchError` where an ablation's MODEL_PROJECTION is the name of another model."""
    by_projection = {run.projection: run for run in runs}
    if len(by_projection) > 1:
        listed = "\n".join(f"  {name}: {run.folder}" for name, run in sorted(by_projection.items()))
        raise BenchError(
            f"Runs of several projections have tables of one name, {model} on {dataset}:\n{listed}\n"
            "Report on each folder by itself, or search the model again under another model.name."
        )


def _assessed(
    by_model: Sequence[Sequence[Run]], select_by: str, console: Console, stats: StatsSettings
) -> list[AssessedRuns]:
    total = sum(bool(run.pairs) for runs in by_model for run in runs)
    with nullcontext(lambda: None) if console.quiet else progress("assessing", total, "languages") as advance:
        return [assess_runs(runs, select_by, advance, stats) for runs in by_model]


def _unclustered(assessed: Sequence[AssessedRuns]) -> list[str]:
    """Why facts are taken as independent where nobody asked for that, each reason once."""
    found = [each for group in assessed for each in group.assessed.values() if each.assessed.clusters.warning]
    return list(dict.fromkeys(each.assessed.clusters.warning for each in found))


def _tables(
    found: AssessedRuns,
    everything: Sequence[Run],
    unfinished: Sequence[Unfinished],
    groups: Mapping[str, Sequence[str]],
) -> Iterator[Table]:
    runs, select_by = found.runs, found.select_by
    notes = tuple(
        f"{run.language} is not finished: {run.reason}{'' if run.reason.endswith(('.', '?', '!')) else '.'}"
        for run in unfinished
        if belongs(run, runs[0])
    )
    means = (
        languages_table(runs, select_by)
        if found.dataset == XFACTR
        else group_means_table(runs, select_by, groups, found)
    )
    best = [(run.language, run.baseline, row) for run in runs if (row := run.best(select_by)) is not None]
    forgetting = tuple(forgetting_notes(best))
    tables = [
        replace(table, notes=table.notes + forgetting) for table in (means, optimal_layers_table(runs, select_by))
    ]
    if found.assessed:
        tables += [significance_table(found), relations_table(found)]
    tables += damage_tables(runs, select_by)
    tables += strength_tables(runs, select_by)
    further = answers_table(runs, select_by), wordings_table(runs, select_by)
    tables += [
        *(table for table in further if table is not None),
        *embedded_tables(runs, everything, select_by, groups),
    ]
    for table in tables:
        yield of_method(replace(table, notes=table.notes + notes), runs[0])
