"""All that a report says, made before any of it is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.text import Text

from lrp2_bench.analyses.exposure.tables import embedded_tables
from lrp2_bench.analyses.finished import StoredAnalysis, each_apart, find_analyses
from lrp2_bench.core.errors import BenchError, UnknownNameError
from lrp2_bench.core.progress import progress
from lrp2_bench.core.settings import LRP2, StatsSettings
from lrp2_bench.data.published import XFACTR
from lrp2_bench.render.table import Table
from lrp2_bench.render.text import require_apart
from lrp2_bench.report.agreement import label_runs
from lrp2_bench.report.assessed_runs import AssessedRuns, assess_runs
from lrp2_bench.report.chosen_metric import with_metric
from lrp2_bench.report.claims.controls import controls_of
from lrp2_bench.report.claims.evidence import Evidence
from lrp2_bench.report.claims.table import verdict_table
from lrp2_bench.report.figures.alignment import read_aligned
from lrp2_bench.report.method import of_method
from lrp2_bench.report.overview.comparison import ComparisonRow
from lrp2_bench.report.overview.comparison_table import comparison_table
from lrp2_bench.report.overview.conducted import conducted_table
from lrp2_bench.report.overview.leaderboard import LeaderboardRow, leaderboard
from lrp2_bench.report.overview.leaderboard_table import leaderboard_table
from lrp2_bench.report.page.overview_data import Beside
from lrp2_bench.report.tables.ablations import ablation_tables
from lrp2_bench.report.tables.answers import answers_table
from lrp2_bench.report.tables.by_experiment import by_experiment
from lrp2_bench.report.tables.damage import damage_tables
from lrp2_bench.report.tables.group_means import group_means_table
from lrp2_bench.report.tables.languages import languages_table
from lrp2_bench.report.tables.optimal_layers import optimal_layers_table
from lrp2_bench.report.tables.relations import relations_table
from lrp2_bench.report.tables.scores import scores_of
from lrp2_bench.report.tables.significance import significance_table
from lrp2_bench.report.tables.strengths import strength_tables
from lrp2_bench.report.tables.wordings import wordings_table
from lrp2_bench.results.forgetting import forgetting_notes
from lrp2_bench.results.runs import Run, Unfinished, belongs, find_runs, run_folders

_SHOWN = 5  # problems of one kind


class Remarks:
    """What a report could not read or had to tell apart: the first few of a kind are printed, all are kept."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self.lines: list[str] = []

    def tell(self, where: str, problems: Sequence[str]) -> None:
        """A line a problem: a hundred runs that lack the same file are one thing to know."""
        self.lines += [f"{where}: {problem}" for problem in problems]
        for problem in problems[:_SHOWN]:
            self._console.print(Text(f"{where}: {problem}", style="yellow"), soft_wrap=True)
        if len(problems) > _SHOWN:
            more = f"{where}: and {len(problems) - _SHOWN} more like these"
            self._console.print(Text(more, style="yellow"), soft_wrap=True)


@dataclass(frozen=True)
class Contents:
    """``leaderboard``, ``comparison`` (of ``comparisons``), ``verdict`` and ``conducted`` lead; ``shown`` tables go to
    the console and to files, ``hidden`` ones to files alone; ``compared`` are those that figures of ablations are drawn
    from; ``unread`` says which analyses could not be read."""

    runs: Sequence[Run]
    unfinished: Sequence[Unfinished]
    assessed: Sequence[AssessedRuns]
    analyses: Sequence[StoredAnalysis]
    unread: Sequence[str]
    leaderboard: Sequence[LeaderboardRow]
    verdict: Table | None
    conducted: Table
    comparison: Table | None
    comparisons: Sequence[ComparisonRow]
    compared: Sequence[Table]
    shown: Sequence[Table]
    hidden: Sequence[Table]

    @property
    def ablated(self) -> list[str]:
        return [found.model for found in self.assessed if found.projection != LRP2]

    @property
    def tables(self) -> list[Table]:
        """All of them, in the order in which a reader wants them."""
        board = leaderboard_table(self.leaderboard)
        lead = [board, self.comparison, self.verdict, self.conducted]
        return [*(table for table in lead if table is not None), *self.shown, *self.hidden]

    def beside(self, files: Sequence[Path]) -> Beside:
        """What the page shows of it; ``files`` are those written, from the page's folder."""
        analyses = [table for each in self.analyses for table in each.tables]
        others = [table for table in self.tables if table not in analyses and table.rows]
        return Beside(others, analyses, files, self.conducted, self.comparisons)


def contents_of(
    inputs: Sequence[Path],
    select_by: str,
    models: Sequence[str],
    groups: Mapping[str, Sequence[str]],
    console: Console,
    stats: StatsSettings,
    remarks: Remarks,
) -> Contents:
    """What is to be reported of the runs and analyses below ``inputs``. Raises BenchError where there is nothing,
    UnknownNameError for an input or model that does not exist."""
    analyses, unread = find_analyses(inputs)
    runs, unfinished = ([], []) if analyses and not run_folders(inputs) else _of_models(*find_runs(inputs), models)
    runs, uncounted = with_metric(runs, select_by)
    remarks.tell(f"Without {select_by}", uncounted)
    runs, apart = label_runs(runs)
    remarks.tell("Labelled apart", apart)
    assessed = _assessed(_groups(runs), select_by, console, stats)
    remarks.tell("Clusters", _unclustered(assessed))
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
    remarks.tell("Not in the tables of scores", problems)
    shown = [*own, *by_experiment(compared), *by_experiment(scored)]
    shown += [table for each in analyses for table in each.tables]
    figured = [replace(table, name=f"{table.name}_{label}") if label else table for label, table in compared]
    comparison, comparisons = comparison_table(assessed, stats.cluster)
    return Contents(
        runs, unfinished, assessed, analyses, unread, leaderboard(assessed), verdict,
        conducted_table([found.runs for found in assessed]), comparison, comparisons, figured, shown, hidden,
    )  # fmt: skip


def _of_models(
    runs: list[Run], unfinished: list[Unfinished], models: Sequence[str]
) -> tuple[list[Run], list[Unfinished]]:
    """Those of ``models`` alone, if any are named, with their ablations and other interventions: these are called
    MODEL_PROJECTION, and may be named by themselves. Raises where one has no run, or no finished one."""
    if not models:
        return runs, unfinished
    finished = {name for run in runs for name in (run.model, run.model_name)}
    known = finished | {each.model for each in unfinished}
    for model in models:
        if model not in known:
            raise UnknownNameError("model", model, known, "These have runs in the folders given.")
        if model not in finished:
            reasons = [f"  {each.folder}: {each.reason}" for each in unfinished if each.model == model]
            raise BenchError(f"Model '{model}' has no finished run to report on:\n" + "\n".join(reasons))
    chosen = [run for run in runs if run.model in models or run.model_name in models]
    names = {*models, *(run.model for run in chosen)}
    return chosen, [each for each in unfinished if each.model in names]


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
