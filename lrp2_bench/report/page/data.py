"""What the page shows, as one JSON value: a part per model and dataset, and the facts they share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from lrp2_bench.core.languages import ENGLISH, GROUPS
from lrp2_bench.data import published
from lrp2_bench.data.language_table import resource_of
from lrp2_bench.data.relation_names import relation_name
from lrp2_bench.interventions.registry import without_strengths
from lrp2_bench.report.assessed_runs import AssessedRuns, at_strength
from lrp2_bench.report.method import few_strengths, method
from lrp2_bench.report.overview.leaderboard import strength_in
from lrp2_bench.report.page.colours import diverging
from lrp2_bench.report.page.overview_data import Beside, overview_data
from lrp2_bench.report.page.run_data import NAME, name_of, run_data
from lrp2_bench.report.page.shown_facts import FactTexts
from lrp2_bench.report.page.texts import plain
from lrp2_bench.report.run_strength import strength_of
from lrp2_bench.results.choice import measures
from lrp2_bench.results.runs import Unfinished, belongs
from lrp2_bench.stats.across_languages import mean_over_languages

_REASON = 300  # characters


@dataclass(frozen=True)
class Choices:
    """What the user of a report chose: the metric that the page opens with, and the languages of each resource class
    (other groups do no harm)."""

    select_by: str = "transferability"
    groups: Mapping[str, Sequence[str]] = field(default_factory=lambda: GROUPS)

    def resource(self, language: str) -> str | None:
        """The language's class; None for the pivot and for unknown languages."""
        return resource_of(language, self.groups)


def page_data(
    groups: Sequence[AssessedRuns], unfinished: Sequence[Unfinished], choices: Choices, beside: Beside | None = None
) -> tuple[dict[str, Any], list[str]]:
    """The page's content for ``groups``, the assessed runs of a model and dataset each, and what lies ``beside``
    the page; and what could not be read for it."""
    texts = FactTexts()
    problems: list[str] = []
    shown = [
        _group(each, strength, unfinished, choices, texts, problems)
        for found in groups
        for each, strength in _by_strength(found, groups, choices.select_by)
    ]
    asked = {relation for group in shown for run in group["runs"] for relation in run["relations"]}
    content = {
        "select_by": choices.select_by,
        "metrics": list(measures(choices.select_by))[::-1],
        "colours": {theme: diverging(theme) for theme in ("light", "dark")},
        "groups": shown,
        "facts": texts.entries,
        "relations": {relation: name for relation in sorted(asked) if (name := relation_name(relation))},
        **overview_data(groups, beside or Beside()),
    }
    return content, problems


def _by_strength(found: AssessedRuns, groups: Sequence[AssessedRuns], select_by: str) -> list[tuple[AssessedRuns, str]]:
    """With their strength, as the leaderboard calls it; where strengths were searched, each pair of layers at its best,
    and all at each of a few."""
    best = tuple(run.at_best_strengths(select_by) for run in found.runs)
    parts = [(at_strength(found, each), strength_in(each, found, groups)) for each in few_strengths(found.runs)]
    # The pivot and baselines have no pairs, and so no strength to name the others by.
    searched = next((run for run in found.runs if run.pairs), found.runs[0])
    return [(replace(found, runs=best), strength_of(searched)), *parts]


def _group(
    assessed: AssessedRuns,
    strength: str,
    unfinished: Sequence[Unfinished],
    choices: Choices,
    texts: FactTexts,
    problems: list[str],
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
        "model": plain(first.model_name, NAME),
        "intervention": plain(without_strengths(first.projection), NAME),
        "dataset": plain(first.dataset, NAME),
        "experiment": plain(first.label or first.experiment, NAME),
        "strength": plain(strength, NAME),
        "method": plain(method(first), NAME),
        "pivot": name_of(first.pivot),
        "held_out": {metric: _held_out(assessed, metric) for metric in assessed.by_metric},
        "blocks": max([first.blocks, *(row.lsrp or 0 for run in runs for row in run.pairs)]),
        "runs": sorted(shown, key=lambda one: (str(one["name"]).casefold(), str(one["code"]))),
        "unfinished": [
            {"name": name_of(run.language), "reason": plain(run.reason, _REASON)}
            for run in unfinished
            if belongs(run, first)
        ],
    }


def _held_out(assessed: AssessedRuns, metric: str) -> list[float | None]:
    """The mean held-out gain over languages, its bounds, and of how many."""
    runs = assessed.by_metric.get(metric, {}).values()
    gains = [each.assessed.measured[metric].gain for each in runs if each.assessed.held_out.told]
    mean = mean_over_languages(gains)
    numbers = (mean.value, mean.low, mean.high)
    return [*(None if number != number else round(number, 4) for number in numbers), len(gains)]
