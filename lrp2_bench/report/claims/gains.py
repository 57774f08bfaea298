"""The paper's claims on what LRP2 adds: everywhere, in every group, in most languages, in one family of models more."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from lrp2_bench.report.claims.check import (
    ALPHA,
    CONTRADICTED,
    INCONCLUSIVE,
    SUPPORTED,
    Check,
    Outcome,
    by_all,
    by_sign,
    counted,
    gain_outcome,
    joined,
    points,
    points_of,
)
from lrp2_bench.report.claims.evidence import Evidence
from lrp2_bench.report.figures.change import saw_bloom_languages
from lrp2_bench.report.tables.group_means import TITLES
from lrp2_bench.stats.across_languages import difference_of_means, mean_over_languages
from lrp2_bench.stats.equivalence import tost
from lrp2_bench.stats.paired_tests import holm

_GROUPS = [group for group in TITLES if group != "all"]
_WHAT = {"accuracy": "LRP2 recalls more facts", "transferability": "LRP2 transfers more knowledge"}


def gain_checks(evidence: Evidence) -> Iterator[Check]:
    """Assessed by the held-out gain; facts and languages are both samples."""
    for metric in _WHAT:
        yield _rises(evidence, metric)
    yield _every_group(evidence)
    yield _most_languages(evidence)
    yield _other_families_gain_more(evidence)
    if saw_bloom_languages(evidence.found.model):
        yield _untrained(evidence)


def _rises(evidence: Evidence, metric: str) -> Check:
    gains, margin = evidence.held_out(metric), evidence.found.stats.equivalence_margin
    figure = mean_over_languages(gains)
    told = sum(not math.isnan(gain.value) for gain in gains)
    outcome, why = gain_outcome(figure, margin, tost(figure, told - 1, margin))
    bias = mean_over_languages(evidence.selection_bias(metric))
    papers = f"By the paper's protocol (in-sample) {points(figure.value + bias.value)}." if evidence.assessed else ""
    return Check(
        f"{metric}_rises",
        f"{_WHAT[metric]} (Tables 1, 3)",
        outcome,
        points(figure),
        _points(evidence.published_gain(metric)),
        joined([why, papers]),
        figure,
    )


def _every_group(evidence: Evidence) -> Check:
    metric = "transferability"
    figures = {TITLES[group]: mean_over_languages(evidence.held_out(metric, group)) for group in _GROUPS}
    outcome, why = by_all(figures)
    there = {name: figure for name, figure in figures.items() if figure.value == figure.value}
    least = min(there, key=lambda name: there[name].value, default="")
    published = [gain for group in _GROUPS if (gain := evidence.published_gain(metric, group)) is not None]
    return Check(
        "every_group_gains",
        "Every group gains transferability (Table 1)",
        outcome,
        f"least: {least} {points(there[least])}" if least else "",
        f"least: {_points(min(published))}" if published else "",
        why,
        there.get(least),
    )


def _most_languages(evidence: Evidence) -> Check:
    """By the languages whose own gains are beyond chance: signs of gains near 0 are a toss, and languages share their
    facts, so that neither a sign test nor a bootstrap of signs says how many gain."""
    metric = "transferability"
    told = [each.assessed for each in evidence.assessed.values() if each.assessed.held_out.told]
    if not told:
        return Check("most_languages_gain", _MOST, INCONCLUSIVE, why="No language has the data for this check.")
    gains = [each.measured[metric].held_out.value for each in told]
    p = holm([each.held_out.p[metric] for each in told])
    up, down = (sum(one < ALPHA and sign * gain > 0 for one, gain in zip(p, gains, strict=True)) for sign in (1, -1))
    outcome: Outcome = SUPPORTED if 2 * up > len(told) else CONTRADICTED if 2 * down > len(told) else INCONCLUSIVE
    return Check(
        "most_languages_gain",
        _MOST,
        outcome,
        f"{sum(gain > 0 for gain in gains)} of {counted(told)} held-out",
        why=f"Beyond chance above 0 in {up}, below in {down} (p Holm below {ALPHA:g}); most would be more than half.",
    )


_MOST = "Most languages gain transferability (Figures 4, 5)"


def _other_families_gain_more(evidence: Evidence) -> Check:
    metric, groups = "transferability", ("non_indo_european", "indo_european")
    figure = difference_of_means(*(evidence.held_out(metric, group) for group in groups))
    outcome, why = by_sign(figure)
    gains = [evidence.published_gain(metric, group) for group in groups]
    paper = gains[0] - gains[1] if gains[0] is not None and gains[1] is not None else None
    return Check(
        "non_indo_european_gains_more",
        "Non-Indo-European languages gain more (Table 1)",
        outcome,
        points(figure),
        _points(paper),
        why,
        figure,
    )


def _untrained(evidence: Evidence) -> Check:
    trained = evidence.groups.get("bloom_trained", ())
    gains = [
        each.assessed.measured["transferability"].gain
        for code, each in evidence.assessed.items()
        if code not in trained
    ]
    figure = mean_over_languages(gains)
    outcome, why = by_sign(figure)
    return Check(
        "untrained_languages_gain",
        "Languages it was not trained on gain too (Figure 5)",
        outcome,
        points_of(figure, counted(gains)),
        why=why,
        figure=figure,
    )


def causal_gains_more(models: Sequence[Evidence]) -> Check | None:
    """BLOOM against mBERT, or whichever causal and masked model of one dataset were searched in the same languages;
    None unless there is just one of each."""
    masked, causal = (
        [each for each in models if each.family == kind and each.assessed] for kind in ("masked", "causal")
    )
    if len(masked) != 1 or len(causal) != 1:
        return None
    metric = "transferability"
    both = [language for language in causal[0].assessed if language in masked[0].assessed]
    gains = [
        causal[0]
        .assessed[language]
        .assessed.measured[metric]
        .gain.less(masked[0].assessed[language].assessed.measured[metric].gain)
        for language in both
    ]
    figure = mean_over_languages(gains)
    outcome, why = by_sign(figure)
    published = [each.published_gain(metric) for each in (causal[0], masked[0])]
    paper = published[0] - published[1] if published[0] is not None and published[1] is not None else None
    return Check(
        "causal_gains_more",
        f"{causal[0].found.model} gains more than {masked[0].found.model} (Table 1, BLOOM and mBERT)",
        outcome,
        points_of(figure, counted(both)),
        _points(paper),
        why,
        figure,
    )


def _points(value: float | None) -> str:
    return "" if value is None else points(value)
