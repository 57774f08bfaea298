"""The first lines that a report says: what holds on facts that did not choose, with its interval."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from lrp2_bench.core.settings import LRP2
from lrp2_bench.core.types import Interval
from lrp2_bench.metrics.better import if_less_is_better, sides
from lrp2_bench.render.text import one_line
from lrp2_bench.report.assessed_runs import AssessedRun, AssessedRuns
from lrp2_bench.report.method import method
from lrp2_bench.stats.across_languages import mean_over_languages
from lrp2_bench.stats.held_out import ENOUGH

ALPHA = 0.05


def headlines(groups: Sequence[AssessedRuns]) -> Iterator[str]:
    """A line for each model and dataset that has assessed languages."""
    for found in groups:
        if found.assessed:
            yield headline(found)


def headline(found: AssessedRuns) -> str:
    """``MODEL on DATASET: held-out gain of METRIC +0.1 [-0.2, 0.4] points ...``, the in-sample change second."""
    run = found.runs[0]
    moved = "" if run.projection == LRP2 else f", {method(run)}"
    subject = one_line(f"{run.model_name} on {found.dataset_label}{moved}")
    told = [each for each in found.assessed.values() if each.assessed.held_out.told]
    if not told:
        return (
            f"{subject}: inconclusive, too few facts for a held-out gain of {one_line(method(found.runs[0]))} (fewer "
            f"than {ENOUGH} clusters of facts)."
        )
    if len(told) == 1:
        return f"{subject}, {one_line(told[0].name)}: {_of_one(told[0], found.select_by)}."
    return f"{subject}: {_of_many(told, found)}."


def _of_one(each: AssessedRun, metric: str) -> str:
    measured = each.assessed.measured[metric]
    return (
        f"held-out gain of {metric}{if_less_is_better(metric)} {interval(measured.held_out)} points; in-sample, at "
        f"{each.assessed.best}, {interval(measured.change)}"
    )


def _of_many(told: Sequence[AssessedRun], found: AssessedRuns) -> str:
    metric = found.select_by
    gains = [each.assessed.measured[metric] for each in told]
    mean = mean_over_languages([gain.gain for gain in gains])
    changes = mean_over_languages([gain.rise for gain in gains])
    up, down = (
        sum(each.held_out_p < ALPHA and sign * gain.held_out.value > 0 for each, gain in zip(told, gains, strict=True))
        for sign in (found.sign, -found.sign)
    )
    better, worse = sides(metric)
    return (
        f"held-out gain of {metric}{if_less_is_better(metric)} {interval(mean)} points, mean of {len(told)} languages; "
        f"{better} 0 in {up}, {worse} in {down} (p Holm < {ALPHA:g}); in-sample {interval(changes)}, biased "
        f"{'upwards' if found.sign > 0 else 'downwards'} by the choice"
    )


def interval(found: Interval, decimals: int = 1) -> str:
    """``+1.1 [0.4, 1.8]``; of what has no bounds, the value and that it has none."""
    value, low, high = (round(one, decimals) + 0.0 for one in (found.value, found.low, found.high))  # no -0.0
    if math.isnan(low):
        return f"{value:+.{decimals}f} [no interval]"
    return f"{value:+.{decimals}f} [{low:.{decimals}f}, {high:.{decimals}f}]"
