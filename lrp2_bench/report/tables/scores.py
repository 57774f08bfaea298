"""What `lrp2-bench score` found: metrics of scores, what was answered instead, and the most frequent wrong answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.types import Interval, Setting
from lrp2_bench.metrics.registry import METRICS, metric
from lrp2_bench.render.table import Cell, Column, Table
from lrp2_bench.report.assessed_runs import AssessedRuns
from lrp2_bench.results.layout import ANSWERS, SCORE_METRICS
from lrp2_bench.results.runs import Run
from lrp2_bench.results.score_tables import (
    KINDS,
    LANGUAGES,
    Answer,
    ScoreMetricRow,
    wrong_answers,
)
from lrp2_bench.stats.clusters import RESAMPLES, SEED

#: Wrong answers named of a relation.
_NAMED = 3

#: By the language's name.
Measured = Sequence[tuple[str, Sequence[ScoreMetricRow]]]
Given = Sequence[tuple[str, Sequence[Answer]]]


def scores_of(groups: Iterable[AssessedRuns]) -> tuple[list[tuple[str, Table]], list[str]]:
    """The tables of all groups with their labels; and why files cannot be read."""
    found: list[tuple[str, Table]] = []
    problems: list[str] = []
    for group in groups:
        tables, unread = score_tables(group.runs)
        found += [(group.label, table) for table in tables]
        problems += unread
    return found, problems


def score_tables(runs: Sequence[Run]) -> tuple[list[Table], list[str]]:
    """The three tables of one model and dataset, none where no run has scores; and why files cannot be read."""
    rows: list[tuple[str, Sequence[ScoreMetricRow]]] = []
    answers: list[tuple[str, Sequence[Answer]]] = []
    problems: list[str] = []
    for run in runs:
        try:
            if run.files.has(SCORE_METRICS):
                rows.append((run.language, run.files.score_metrics()))
            if run.files.has(ANSWERS):
                answers.append((run.language, run.files.answers()))
        except BenchError as error:
            problems.append(str(error))
    stem, what = f"{runs[0].model}_{runs[0].dataset}", f", {runs[0].model} on {runs[0].dataset}"
    found = [score_table(rows, f"scores_{stem}", what)] if rows else []
    if answers:
        found += [
            answer_table(answers, f"answers_{stem}", what), wrong_answers_table(answers, f"wrong_answers_{stem}", what),
        ]  # fmt: skip
    return found, problems


def score_table(measured: Measured, name: str, what: str) -> Table:
    """A row per language, pair and metric; of runs of baselines one with the baseline alone."""
    rows: list[tuple[Cell, ...]] = []
    for language, found in measured:
        before = {row.metric: row for row in found if row.setting is None}
        moved = [row for row in found if row.setting is not None]
        for row in moved or before.values():
            scale, label = _scale(row.metric), _label(row.metric)
            baseline = before[row.metric].value if row.metric in before else None
            cells: tuple[Cell, ...] = (language, row.setting, label, _times(baseline, scale))
            if row.setting is None:
                rows.append((*cells, None, None, row.facts))
                continue
            change = Interval(*(scale * value if value is not None else float("nan") for value in _bounds(row)))
            rows.append((*cells, _times(row.value, scale), change, row.facts))
    columns = (
        Column("language", "language", "text"), Column("pair", "pair", "pair"), Column("metric", "metric", "text"),
        Column("baseline", "baseline", "percent"), Column("value", "with the pair", "percent"),
        Column("change", "change", "change_interval"), Column("facts", "facts", "count", optional=True),
    )  # fmt: skip
    notes = (
        "Of the scores of all candidates (`lrp2-bench score`); formulas are in docs/metrics.md.",
        f"Intervals: 95 %, a paired bootstrap over countries or subjects ({RESAMPLES:,} resamples, seed {SEED}). The "
        "pair was chosen on the same facts, which they do not account for.",
    )
    return Table(name, f"Metrics of scores{what}", columns, tuple(rows), notes)


def answer_table(given: Given, name: str, what: str) -> Table:
    """A row per language and setting: what is ranked first, in percent of the facts."""
    rows: list[tuple[Cell, ...]] = []
    for language, answers in given:
        for setting, found in _by_setting(answers):
            kinds = Counter(one.kind for one in found)
            wrong = [one for one in found if one.kind is not None and one.kind != "right"]
            languages = Counter(one.language for one in wrong)
            rows.append(
                (
                    language, setting, len(found),
                    *(100 * kinds[kind] / len(found) for kind in KINDS),
                    *(100 * languages[each] / len(wrong) if wrong else None for each in LANGUAGES),
                )
            )  # fmt: skip
    columns = (
        Column("language", "language", "text"), Column("pair", "pair", "pair"), Column("facts", "facts", "count"),
        Column("right", "right", "percent"), Column("form", "right, other form", "percent"),
        Column("true", "also true", "percent"), Column("wrong", "wrong", "percent"),
        Column("own", "others: own language", "percent"), Column("both", "same in both", "percent"),
        Column("pivot", "pivot's", "percent"),
    )  # fmt: skip
    notes = (
        "Without a pair: the baseline. Other form: equal but for case, or an object that the pivot calls the same. "
        "Also true: another object that the data gives this subject.",
        "Of the answers that are not the right object, in percent: what only the language calls that object, what both "
        "languages call it (names, and labels left in the pivot's language), and what the pivot calls another object.",
    )
    return Table(name, f"What is answered{what}, in percent", columns, tuple(rows), notes)


def wrong_answers_table(given: Given, name: str, what: str) -> Table:
    """A row per language, relation and setting: the most frequent answers that are not the right object."""
    rows: list[tuple[Cell, ...]] = []
    for language, answers in given:
        for (relation, *_), setting, facts, counted in _frequent(answers):
            missed = sum(count for _, count in counted)
            named = "; ".join(f"{answer} ({count})" for (answer, _, _), count in counted[:_NAMED])
            rows.append((language, relation, setting, (missed, facts), named or None))
    columns = (
        Column("language", "language", "text"), Column("relation", "relation", "text"), Column("pair", "pair", "pair"),
        Column("missed", "not the right object", "share"), Column("answers", "answered instead", "prose"),
    )  # fmt: skip
    notes = (
        f"The {_NAMED} most frequent answers, with the facts that they are given for; wrong_answers.csv has more.",
    )
    return Table(name, f"Answered instead{what}", columns, tuple(rows), notes)


def _frequent(
    answers: Sequence[Answer],
) -> list[tuple[tuple[str, ...], Setting, int, list[tuple[tuple[str, str, str], int]]]]:
    settings = {one.layers: one.setting for one in answers}
    return [((key[0],), settings[key[1:]], facts, counted) for key, facts, counted in wrong_answers(answers)]


def _by_setting(answers: Sequence[Answer]) -> list[tuple[Setting, list[Answer]]]:
    found: dict[tuple[object, ...], list[Answer]] = {}
    for one in answers:
        found.setdefault(one.layers, []).append(one)
    return [(some[0].setting, some) for some in found.values()]


def _bounds(row: ScoreMetricRow) -> tuple[float | None, float | None, float | None]:
    return row.change, row.low, row.high


def _scale(name: str) -> float:
    """Shares of 1 are shown as all others, in percent."""
    return 100.0 if name in METRICS and metric(name).bounds == (0.0, 1.0) else 1.0


def _label(name: str) -> str:
    if name not in METRICS:  # of a package that is gone
        return name
    found = metric(name)
    unit = "x 100" if found.bounds == (0.0, 1.0) else found.unit
    return f"{found.label}, {unit}" if unit else found.label


def _times(value: float | None, scale: float) -> float | None:
    return None if value is None else value * scale
