"""What the page shows, as one JSON value: a part per model and dataset, and the facts they share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from lrp2_bench.core.languages import ENGLISH, GROUPS
from lrp2_bench.data import published
from lrp2_bench.render.figures.scales import colour_scale
from lrp2_bench.report.assessed_runs import AssessedRuns
from lrp2_bench.report.method import few_strengths, method
from lrp2_bench.report.page.colours import diverging
from lrp2_bench.report.page.run_data import NAME, name_of, run_data
from lrp2_bench.report.page.shown_facts import FactTexts
from lrp2_bench.report.page.texts import plain
from lrp2_bench.results.choice import METRICS, value
from lrp2_bench.results.runs import Run, Unfinished, belongs

_REASON = 300  # characters
_RESOURCES = ("high", "medium", "low")


@dataclass(frozen=True)
class Choices:
    """What the user of a report chose: the metric that the page opens with, and the languages of each resource class
    (other groups do no harm)."""

    select_by: str = "transferability"
    groups: Mapping[str, Sequence[str]] = field(default_factory=lambda: GROUPS)

    def resource(self, language: str) -> str | None:
        """The language's class; None for the pivot and for unknown languages."""
        return next((each for each in _RESOURCES if language in self.groups.get(each, ())), None)


def page_data(
    groups: Sequence[AssessedRuns], unfinished: Sequence[Unfinished], choices: Choices
) -> tuple[dict[str, Any], list[str]]:
    """The page's content for ``groups``, the assessed runs of a model and dataset each; and what could not be read for
    it."""
    texts = FactTexts()
    problems: list[str] = []
    shown = [
        _group(each, unfinished, choices, texts, problems)
        for found in groups
        for each in _by_strength(found, choices.select_by)
    ]
    content = {
        "select_by": choices.select_by,
        "colours": {theme: diverging(theme) for theme in ("light", "dark")},
        "groups": shown,
        "facts": texts.entries,
    }
    return content, problems


def _by_strength(found: AssessedRuns, select_by: str) -> list[AssessedRuns]:
    """Where strengths were searched: each pair of layers at its best, and all at each of a few."""
    if not any(run.strengths for run in found.runs):
        return [found]

    def labelled(runs: Iterable[Run], what: str) -> AssessedRuns:
        return replace(found, runs=tuple(replace(run, label=f"{run.label} {what}".strip()) for run in runs))

    best = labelled((run.at_best_strengths(select_by) for run in found.runs), "best strengths")
    return [best, *(labelled((run.at(each) for run in found.runs), f"strength {each}")
                    for each in few_strengths(found.runs))]  # fmt: skip


def _group(
    assessed: AssessedRuns, unfinished: Sequence[Unfinished], choices: Choices, texts: FactTexts, problems: list[str]
) -> dict[str, Any]:
    runs = assessed.runs
    first = runs[0]
    paper = published.optimal_pairs(first.model, first.dataset) if first.pivot == ENGLISH else {}
    shown = []
    for run in runs:
        found, unread = run_data(run, paper.get(run.language), choices.resource(run.language), assessed, texts)
        shown.append(found)
        problems += unread
    return {
        "model": plain(first.model, NAME),
        "method": plain(method(first), NAME),
        "dataset": plain(first.dataset_label, NAME),
        "pivot": name_of(first.pivot),
        "limits": {metric: _limit(runs, metric) for metric in METRICS},
        "blocks": max([first.blocks, *(row.lsrp or 0 for run in runs for row in run.pairs)]),
        "runs": sorted(shown, key=lambda one: (str(one["name"]).casefold(), str(one["code"]))),
        "unfinished": [
            {"name": name_of(run.language), "reason": plain(run.reason, _REASON)}
            for run in unfinished
            if belongs(run, first)
        ],
    }


def _limit(runs: Sequence[Run], metric: str) -> float | None:
    """Where the colours of changes end, in points, as in the figures; None where there is no pair."""
    changes = [np.array([value(row, metric) - value(run.baseline, metric) for row in run.pairs]) for run in runs]
    return colour_scale(changes).limit if any(np.isfinite(each).any() for each in changes) else None
