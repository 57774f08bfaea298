"""The paper's claims on the baseline: what it knows by resource class and by family of languages."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from lrp2_bench.report.claims.check import Check, by_all, by_sign, points
from lrp2_bench.report.claims.evidence import Evidence
from lrp2_bench.report.tables.group_means import TITLES
from lrp2_bench.stats.across_languages import difference_of_means, mean_over_languages

_CLASSES = ("high", "medium", "low")


def level_checks(evidence: Evidence) -> Iterator[Check]:
    """Differences between groups of languages, of the baseline."""
    for metric in ("accuracy", "transferability"):
        yield _resource_order(evidence, metric)
    for metric in ("accuracy", "transferability"):
        yield _family(evidence, metric)


def _resource_order(evidence: Evidence, metric: str) -> Check:
    values = {name: evidence.baseline(metric, name) for name in _CLASSES}
    steps = {
        f"{more} minus {less}": difference_of_means(values[more], values[less]) for more, less in pairwise(_CLASSES)
    }
    outcome, why = by_all(steps)
    means = [mean_over_languages(values[name]).value for name in _CLASSES]
    published = [cell.without for name in _CLASSES if (cell := evidence.published_mean(metric, name)) is not None]
    return Check(
        f"resource_order_{metric}",
        f"Baseline {metric} falls with resource (Table 1)",
        outcome,
        _levels(means),
        _levels(published) if published else "",
        why,
        min(steps.values(), key=lambda step: step.value),
    )


def _levels(values: list[float] | list[float | None]) -> str:
    return " / ".join("–" if value is None or value != value else f"{value:.1f}" for value in values)


def _family(evidence: Evidence, metric: str) -> Check:
    groups = ("indo_european", "non_indo_european")
    figure = difference_of_means(*(evidence.baseline(metric, group) for group in groups))
    outcome, why = by_sign(figure)
    cells = [evidence.published_mean(metric, group) for group in groups]
    values = [cell.without for cell in cells if cell is not None and cell.without is not None]
    return Check(
        f"family_gap_{metric}",
        f"{TITLES['indo_european']} is ahead in baseline {metric} (Table 1)",
        outcome,
        points(figure),
        points(values[0] - values[1]) if len(values) == 2 else "",
        why,
        figure,
    )
