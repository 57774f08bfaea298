"""The page's first view: the answer, the leaderboard, and the report's files that lie beside the page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Any

from lrp2_bench.core.types import Interval
from lrp2_bench.metrics.registry import metric as named
from lrp2_bench.render.table import Table
from lrp2_bench.render.text import file_stem
from lrp2_bench.report.assessed_runs import AssessedRuns
from lrp2_bench.report.overview.answer import LISTED, answers, rest, strength_words
from lrp2_bench.report.overview.comparison import ComparisonRow
from lrp2_bench.report.overview.leaderboard import LeaderboardRow, leaderboard
from lrp2_bench.report.page.shown_tables import table_data
from lrp2_bench.report.page.texts import plain
from lrp2_bench.report.run_strength import SEARCHED
from lrp2_bench.results.choice import METRICS

_TEXT = 240  # characters

#: What tables' names begin with, and the section they stand in; others are results.
_SECTIONS = {
    "verdict": "Claim checks",
    "leaderboard": "Results",
    "ablations": "Interventions compared",
    "comparison": "Interventions compared",
    "scores": "What is answered",
    "answers": "What is answered",
    "wrong_answers": "What is answered",
}


@dataclass(frozen=True)
class Beside:
    """What the report holds beside its page: ``tables``, those of ``analyses``, and ``files``, as paths from the page's
    folder. ``about`` says what was run, ``comparisons`` are rows of two searches each."""

    tables: Sequence[Table] = ()
    analyses: Sequence[Table] = ()
    files: Sequence[PurePath] = ()
    about: Table | None = None
    comparisons: Sequence[ComparisonRow] = ()


def overview_data(groups: Sequence[AssessedRuns], beside: Beside) -> dict[str, Any]:
    """The parts of the page's content that are about all runs together."""
    sections = [(_section(table), table) for table in beside.tables] + [("Analyses", each) for each in beside.analyses]
    by_stem: dict[str, list[str]] = {}
    for path in beside.files:
        by_stem.setdefault(path.stem, []).append(path.as_posix())
    order = ("Claim checks", "Interventions compared", "What is answered", "Analyses")
    sections.sort(key=lambda one: order.index(one[0]) if one[0] in order else len(order))
    metrics = groups[0].by_metric if groups else METRICS
    boards = {metric: leaderboard([replace(found, select_by=metric) for found in groups]) for metric in metrics}
    return {
        "leaderboard": {metric: [_row(row) for row in rows] for metric, rows in boards.items()},
        "signs": {metric: int(named(metric).sign) for metric in (*METRICS, *metrics)},
        "answers": {metric: _answers(rows) for metric, rows in boards.items()},
        "searched": {"value": SEARCHED, "words": strength_words(SEARCHED).removeprefix("strength ")},
        "comparisons": [_comparison(row) for row in beside.comparisons if row.language],
        "about": table_data(beside.about) if beside.about else None,
        "tables": [
            {"section": section, **table_data(table), "files": _tabular(by_stem.get(file_stem(table.name), ()))}
            for section, table in sections
        ],
        "figures": [
            {"name": plain(stem, _TEXT), "files": drawn}
            for stem, found in sorted(by_stem.items())
            if (drawn := [path for path in found if path.endswith((".png", ".svg", ".pdf"))])
        ],
        "results": [path.as_posix() for path in beside.files if path.stem == "results"],
    }


def _tabular(paths: Sequence[str]) -> list[str]:
    return [path for path in paths if path.endswith((".csv", ".md", ".tex"))]


def _section(table: Table) -> str:
    named = [start for start in _SECTIONS if table.name == start or table.name.startswith(f"{start}_")]
    return _SECTIONS[max(named, key=len)] if named else "Results"


def _row(row: LeaderboardRow) -> dict[str, Any]:
    other = next(name for name in METRICS if name != row.metric)
    return {
        **{
            name: plain(str(getattr(row, name)), 60)
            for name in ("model", "intervention", "dataset", "experiment", "strength", "language", "name")
        },
        "languages": row.languages,
        "facts": row.facts,
        "gain": _numbers(row.gain),
        "other": _numbers(row.held_out[other]),
        "baseline": _numbers(row.baseline[row.metric])[0],
        "in_sample": _numbers(row.in_sample[row.metric]),
        "best": None if row.best is None else str(row.best),
        "p": None if math.isnan(row.p) else float(f"{row.p:.4g}"),
        "outcome": row.outcome,
        "why": plain(row.why, _TEXT),
        "remark": plain(row.remark, _TEXT),
    }


def _answers(rows: Sequence[LeaderboardRow]) -> dict[str, Any]:
    found = answers(rows)
    listed = [
        {
            **{name: plain(str(getattr(each, name)), _TEXT) for name in ("subject", "outcome", "why", "remark")},
            "said": each.said.replace(" -", " \N{MINUS SIGN}"),
        }
        for each in found[:LISTED]
    ]
    return {"listed": listed, "rest": rest(found)}


def _comparison(row: ComparisonRow) -> dict[str, Any]:
    sides = ({**row.names, row.dimension: value} for value in (row.first, row.second))
    first, second = ({name: plain(value, 60) for name, value in side.items()} for side in sides)
    found = {"held_out": row.found.held_out, "at_best": row.found.at_best, "baseline": row.found.baseline}
    return {
        "first": first,
        "second": second,
        "language": plain(row.language, 60),
        "facts": row.facts,
        **{part: {name: _numbers(one) for name, one in by_metric.items()} for part, by_metric in found.items()},
    }


def _numbers(found: Interval) -> list[float | None]:
    return [None if math.isnan(one) else round(one, 4) + 0.0 for one in (found.value, found.low, found.high)]
