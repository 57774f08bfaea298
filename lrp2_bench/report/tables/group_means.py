"""Table 1: accuracy and transferability averaged over groups of languages, without and with LRP2."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lrp2_bench.core.languages import ENGLISH, GROUPS
from lrp2_bench.core.types import Interval
from lrp2_bench.data import published
from lrp2_bench.data.language_table import language_name
from lrp2_bench.render.table import Cell, Column, Table
from lrp2_bench.report.assessed_runs import AssessedRuns
from lrp2_bench.report.languages_at_hand import groups_at_hand
from lrp2_bench.report.method import method
from lrp2_bench.results.choice import METRICS, value
from lrp2_bench.results.runs import Run
from lrp2_bench.stats.across_languages import mean_over_languages
from lrp2_bench.stats.held_out import ENOUGH

#: Table 1's groups by name, as they are written.
TITLES = {
    "indo_european": "Indo-European",
    "non_indo_european": "non-Indo-European",
    "high": "high resource",
    "medium": "medium resource",
    "low": "low resource",
    "all": "all languages",
}
_FAMILIES, _RESOURCES = ("indo_european", "non_indo_european"), ("high", "medium", "low")
WITH_METHOD = (
    "With {method}: each language's best pair by {select_by}, in-sample (chosen and reported on the same facts), as in "
    "the paper."
)
_PIVOT = "english"  # the published table's name for its column


@dataclass(frozen=True)
class Mean:
    """A group's means in percent over the ``used`` of its ``size`` languages that have both values; NaN over none."""

    without: float
    lrp2: float
    used: int
    size: int


def group_means_table(
    runs: Sequence[Run],
    select_by: str,
    groups: Mapping[str, Sequence[str]] = GROUPS,
    assessed: AssessedRuns | None = None,
) -> Table:
    """Table 1 for the runs of one model and dataset, the paper's values beside ours where it has any.

    "With LRP2" takes each language's best pair by ``select_by``, chosen and reported on the same facts, as the paper
    does. ``groups`` are cut to the dataset's languages, and ``all`` takes in every one of them. Languages without a
    finished grid are left out of both means, counted and named in the notes.
    """
    model, dataset, pivot = runs[0].model, runs[0].dataset, runs[0].pivot
    beside = pivot == ENGLISH and published.has_tables(model, dataset)
    groups = groups_at_hand(groups, runs)
    rows: list[tuple[Cell, ...]] = []
    fewer: list[str] = []
    for metric in METRICS:
        means = {_PIVOT: _pivot_mean(runs, metric)}
        means |= {group: _mean(runs, metric, select_by, groups[group]) for group in TITLES}
        for group, mean in means.items():
            title = TITLES.get(group) or _pivot_title(pivot)
            paper = published.group_mean(model, dataset, metric, group) if beside else None
            held_out, told = _held_out(assessed, metric, groups.get(group, ()))
            cells = cells_beside(mean.without, mean.lrp2, paper, beside)
            rows.append((metric, title, (mean.used, mean.size), held_out, *cells, told or None))
            fewer += [f"{title} {told} of {mean.used}"] if 0 < told < mean.used else []
    return Table(
        name=f"table1_{model}_{dataset}",
        title=f"Means over languages, {model} on {dataset}, in percent (the paper's Table 1)",
        columns=(
            Column("metric", "metric", "text"),
            Column("group", "group", "text"),
            Column("languages", "used", "share"),
            Column("held_out", "held-out gain", "change_interval"),
            *columns_beside(method(runs[0]), beside),
            Column("held_out_languages", "held-out gain, languages", "count", in_csv_only=True),
        ),
        rows=tuple(rows),
        notes=tuple(_notes(runs, select_by, groups, beside, list(dict.fromkeys(fewer)))),
    )


def _held_out(assessed: AssessedRuns | None, metric: str, languages: Sequence[str]) -> tuple[Interval | None, int]:
    """The mean over the languages of a group that have one, and how many these are; None where none has one."""
    found = assessed.assessed if assessed else {}
    gains = [each.assessed.measured[metric].gain for code, each in found.items() if code in languages]
    told = [gain for gain in gains if not math.isnan(gain.value)]
    return (mean_over_languages(told) if told else None), len(told)


def _pivot_title(pivot: str) -> str:
    return f"{language_name(pivot)} (pivot)"


def columns_beside(method: str, beside: bool) -> tuple[Column, ...]:
    """Without and with ``method`` and the gain; ``beside``: each with the paper's value and ours less that."""
    without, lrp2 = Column("without", "baseline", "percent"), Column("lrp2", f"with {method}", "percent")
    gain = Column("gain", "in-sample gain", "change")
    if not beside:
        return without, lrp2, gain
    return (
        without,
        Column("without_paper", "baseline, paper", "percent"),
        Column("without_difference", "diff.", "change"),
        lrp2,
        Column("lrp2_paper", f"with {method}, paper", "percent"),
        Column("lrp2_difference", "diff.", "change"),
        gain,
        Column("gain_paper", "gain, paper", "change"),
        Column("gain_difference", "diff.", "change", optional=True),
    )


def cells_beside(without: float, lrp2: float, paper: published.PublishedMean | None, beside: bool) -> tuple[Cell, ...]:
    """The cells of :func:`columns_beside`, in percent; NaN where we have no value."""
    gain = lrp2 - without
    if not beside:
        return without, lrp2, gain
    papers = (paper.without, paper.lrp2) if paper else (None, None)
    papers_gain = _difference(papers[1], papers[0])
    return (
        without, papers[0], _difference(without, papers[0]),
        lrp2, papers[1], _difference(lrp2, papers[1]),
        gain, papers_gain, _difference(gain, papers_gain),
    )  # fmt: skip


def _difference(ours: float | None, paper: float | None) -> float | None:
    return None if ours is None or paper is None else ours - paper


def _mean(runs: Sequence[Run], metric: str, select_by: str, languages: Sequence[str]) -> Mean:
    used = []
    for run in runs:
        best = run.best(select_by)
        if run.language in languages and best is not None:
            scores = value(run.baseline, metric), value(best, metric)
            if not any(math.isnan(score) for score in scores):
                used.append(scores)
    without = math.fsum(scores[0] for scores in used) / len(used) if used else math.nan
    lrp2 = math.fsum(scores[1] for scores in used) / len(used) if used else math.nan
    return Mean(without, lrp2, len(used), len(languages))


def _pivot_mean(runs: Sequence[Run], metric: str) -> Mean:
    """The pivot's own row: LRP2 leaves it as it is, and its transfer to itself is no result."""
    pivot = next((run for run in runs if run.is_pivot), None)
    if pivot is None:
        return Mean(math.nan, math.nan, 0, 1)
    score = pivot.baseline.accuracy if metric == "accuracy" else math.nan
    return Mean(score, score, 1, 1)


def _notes(
    runs: Sequence[Run], select_by: str, groups: Mapping[str, Sequence[str]], beside: bool, fewer: Sequence[str]
) -> list[str]:
    """``fewer``: the groups whose held-out gain is over fewer languages than their other means, and over how many."""
    notes = [
        WITH_METHOD.format(method=method(runs[0]), select_by=select_by),
        "Used: languages with searched pairs, of those in the group; the baseline's mean, that with "
        f"{method(runs[0])} and the in-sample gain are over these.",
        "Held-out gain: each fact at the intervention that other facts choose, no intervention among the choices; 95 % "
        "over clusters of facts and over languages, none for fewer than three languages. What holds for facts that had "
        "no part in the choice is this, not the gain.",
    ]
    if fewer:
        notes.append(
            f"The held-out gain is over the languages with {ENOUGH} clusters of facts or more alone, which are not all "
            f"that are used: {', '.join(fewer)}."
        )
    done = {run.language for run in runs if run.best(select_by) is not None}
    missing = [language for language in groups["all"] if language not in done]
    if missing:
        notes.append(f"Missing ({len(missing)} of {len(groups['all'])} languages): {', '.join(missing)}.")
        if beside:
            notes.append("The paper's means are over all languages of a group, so partial rows differ for that alone.")
    partial = sorted(f"{run.language} ({run.evaluated} of {run.grid})" for run in runs if 0 < run.evaluated < run.grid)
    if partial:
        notes.append(f"Best of the pairs evaluated so far: {', '.join(partial)}.")
    only_baseline = sorted(run.language for run in runs if not run.is_pivot and not run.pairs)
    if only_baseline:
        notes.append(f"Only the baseline was run, so counted as missing: {', '.join(only_baseline)}.")
    in_no_mean = sorted(run.language for run in runs if run.language not in groups["all"] and not run.is_pivot)
    if in_no_mean:
        notes.append(f"In no group, so in no mean: {', '.join(in_no_mean)}.")
    known = [{code for part in parts for code in groups.get(part, ())} for parts in (_FAMILIES, _RESOURCES)]
    half_known = sorted({run.language for run in runs} & set(groups["all"]) - (known[0] & known[1]))
    if half_known:
        notes.append(
            f"Of unknown family or size, so among all languages but not in every group: {', '.join(half_known)}. "
            "Give them in languages.path=FILE.csv with the columns code,name,family,articles."
        )
    if not any(run.is_pivot for run in runs):
        own = f"language={runs[0].pivot}{'' if runs[0].pivot == ENGLISH else f' pivot={runs[0].pivot}'} search=baseline"
        notes.append(f"The pivot's row is empty; the same `lrp2-bench search` with {own} fills it.")
    sizes = {group: len(groups[group]) for group in published.IMPLIED_CLASS_SIZES}
    if beside and sizes != published.IMPLIED_CLASS_SIZES:
        high, medium = published.IMPLIED_THRESHOLDS
        notes.append(
            "The paper does not publish its resource classes; its means fit only classes of "
            f"{_sizes(published.IMPLIED_CLASS_SIZES)} languages, ours have {_sizes(sizes)}, so these rows compare "
            f"unlike groups; high_from={high} medium_from={medium} gives classes of the paper's sizes."
        )
    return notes


def _sizes(sizes: Mapping[str, int]) -> str:
    return ", ".join(f"{size} ({name})" for name, size in sizes.items())
