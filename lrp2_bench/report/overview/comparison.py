"""Two experiments, models, interventions or strengths against each other, language by language and over all.

Runs that differ in one of these dimensions and in nothing else are set against each other on the facts that both asked.
What decides is the difference of held-out gains: both gains are resampled by the same draws of clusters of facts, so
what the runs share cancels.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Literal

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.settings import LRP2
from lrp2_bench.core.types import Interval, LayerPair
from lrp2_bench.data.language_table import language_name
from lrp2_bench.report.assessed_runs import AssessedRuns, at_strength
from lrp2_bench.report.method import few_strengths
from lrp2_bench.report.overview.leaderboard import names_of, strength_in
from lrp2_bench.report.run_evidence import Evidence
from lrp2_bench.report.run_strength import SEARCHED
from lrp2_bench.results.runs import Run
from lrp2_bench.stats.across_languages import Estimate, mean_over_languages
from lrp2_bench.stats.assess import Assessed
from lrp2_bench.stats.compare import Compared, Levels, compare_levels, levels_of
from lrp2_bench.stats.equivalence import tost
from lrp2_bench.stats.paired_intervals import student
from lrp2_bench.stats.paired_tests import holm, p_of_interval

Dimension = Literal["experiment", "model", "intervention", "strength"]
DIMENSIONS: tuple[Dimension, ...] = ("experiment", "model", "intervention", "strength")
#: Up to so many, each is set against each; of more, each against the first.
_EACH = 4
ALPHA = 0.05


@dataclass(frozen=True)
class Side:
    """One of two runs: its names, and what its hits say of its best pair (None of a baseline); where its ``evidence``
    is at hand, its hits are not read again. ``part``: at one of the strengths that it searched."""

    run: Run
    names: Mapping[str, str]
    assessed: Assessed | None
    evidence: Evidence | None = None
    part: bool = False

    def but(self, dimension: str) -> tuple[str, ...]:
        """What another has to share with it to be set against it."""
        return (self.run.language, *(value for name, value in self.names.items() if name != dimension))


@dataclass(frozen=True)
class Differences:
    """By metric, in points, the second's less the first's with 95 % intervals: of their baselines, of their best pairs
    (chosen on these facts), and of their held-out gains; the last two are empty where a side has no pairs."""

    baseline: Mapping[str, Interval]
    at_best: Mapping[str, Interval]
    held_out: Mapping[str, Interval]


@dataclass(frozen=True)
class _Estimates:
    """The same of one language, each with its resamples by the draws that all languages share."""

    baseline: Mapping[str, Estimate]
    at_best: Mapping[str, Estimate]
    held_out: Mapping[str, Estimate]


@dataclass(frozen=True)
class ComparisonRow:
    """``second`` less ``first``, two values of ``dimension``; ``names`` has the others. ``language`` is '' in a mean of
    ``languages``. ``best`` are the two best pairs. ``p``: the held-out gains by ``metric`` are equal, Holm-corrected
    over the languages of a mean, and over all means and single languages. ``outcome`` is about the same: ``higher``,
    ``lower``, ``equivalent`` (within the margin, TOST, corrected likewise), ``inconclusive``, or '' where there is
    none."""

    dimension: Dimension
    first: str
    second: str
    names: Mapping[str, str]
    language: str
    name: str
    languages: int
    facts: int
    metric: str
    found: Differences
    best: tuple[LayerPair, LayerPair] | None
    freedom: int  # degrees, of the held-out differences' intervals
    p: float = math.nan
    outcome: str = ""


def comparison(groups: Sequence[AssessedRuns], cluster: str = "auto") -> tuple[list[ComparisonRow], list[str]]:
    """A block for each two values that can be compared: the mean over languages first, then languages by the difference
    of held-out gains; and what cannot be compared, and why."""
    sides = [side for found in groups for side in _sides(found, groups)]
    if not groups:
        return [], []
    metric, margin = groups[0].select_by, groups[0].stats.equivalence_margin
    blocks: dict[tuple[str, ...], list[tuple[ComparisonRow, _Estimates]]] = {}
    problems: list[str] = []
    for language in sorted({side.run.language for side in sides}):
        read: dict[tuple[str, str], Levels | BenchError] = {}
        for dimension, first, second in _pairs([side for side in sides if side.run.language == language]):
            try:
                found = compare_levels(_levels(first, metric, read), _levels(second, metric, read), cluster)
            except BenchError as error:
                problems.append(f"{language}, {first.names[dimension]} and {second.names[dimension]}: {error}")
                continue
            row, estimates = _row(dimension, first, second, found, metric)
            key = (dimension, row.first, row.second, *row.names.values())
            blocks.setdefault(key, []).append((row, estimates))
    order: dict[str, int] = {name: place for place, name in enumerate(DIMENSIONS)}
    ordered = [blocks[key] for key in sorted(blocks, key=lambda key: (order[key[0]], *key[1:]))]
    heads = _decided([_head(found, metric) for found in ordered], margin)
    rows: list[ComparisonRow] = []
    for head, found_ in zip(heads, ordered, strict=True):
        rows.append(head)
        if not head.language:
            languages = _decided([row for row, _ in found_], margin)
            rows += sorted(languages, key=lambda row: _rank(row, metric))
    return rows, problems


def _sides(found: AssessedRuns, groups: Sequence[AssessedRuns]) -> Iterator[Side]:
    """One for each run, and for each of a few strengths of it."""
    for run in found.runs:
        yield _side(run, found, names_of(run))
    for strength in few_strengths(found.runs):
        part, called = at_strength(found, strength), {"strength": strength_in(strength, found, groups)}
        for run in part.runs:
            yield replace(_side(run, part, names_of(run) | called), part=True)


def _side(run: Run, found: AssessedRuns, names: Mapping[str, str]) -> Side:
    each, evidence = found.assessed.get(run.language), found.evidence.get(run.language)
    known = evidence if isinstance(evidence, Evidence) else None
    return Side(run, names, each.assessed if each else None, known)


def _pairs(sides: Sequence[Side]) -> Iterator[tuple[Dimension, Side, Side]]:
    """Of one language."""
    for dimension in DIMENSIONS:
        alike: dict[tuple[str, ...], dict[str, Side]] = {}
        for side in sides:
            if _takes_part(side, dimension):
                alike.setdefault((*side.but(dimension), str(side.part)), {})[side.names[dimension]] = side
        for members in alike.values():
            values = sorted(members, key=lambda value: _order(value, dimension))
            pairs = combinations(values, 2) if len(values) <= _EACH else ((values[0], other) for other in values[1:])
            for first, second in pairs:
                yield dimension, members[first], members[second]


def _takes_part(side: Side, dimension: Dimension) -> bool:
    """A strength of several that were searched is set against the others alone, and what was searched against none of
    its own parts. Baselines have neither intervention nor strength."""
    if dimension == "strength":
        return side.names["strength"] != SEARCHED and bool(side.run.pairs)
    return not side.part and (dimension != "intervention" or bool(side.run.pairs))


def _order(value: str, dimension: Dimension) -> tuple[object, ...]:
    """LRP2 before others, strengths by size."""
    if dimension == "strength":
        return tuple(float(part) for part in value.removesuffix(f" of {SEARCHED}").split("/"))
    return value != LRP2, value


def _levels(side: Side, metric: str, read: dict[tuple[str, str], Levels | BenchError]) -> Levels:
    """Read once for all comparisons of a language, unless its evidence has been."""
    key = str(side.run.folder), side.names["strength"]
    if key not in read:
        try:
            read[key] = (
                levels_of(side.run, metric) if side.evidence is None else _known(side.evidence, side.run, metric)
            )
        except BenchError as error:
            read[key] = error
    found = read[key]
    if isinstance(found, BenchError):
        raise found
    return found


def _known(evidence: Evidence, run: Run, metric: str) -> Levels:
    best = run.best(metric)
    return Levels(run, evidence.hits, best.pair if best else None, evidence.pivot)


def _row(
    dimension: Dimension, first: Side, second: Side, found: Compared, metric: str
) -> tuple[ComparisonRow, _Estimates]:
    gains = gain_differences(first, second)
    differences = Differences(
        {name: one.difference for name, one in found.baseline.items()},
        {name: one.difference for name, one in found.at_best.items()},
        {name: interval for name, (interval, _) in gains.items()},
    )
    row = ComparisonRow(
        dimension, first.names[dimension], second.names[dimension],
        {name: value for name, value in first.names.items() if name != dimension}, first.run.language,
        language_name(first.run.language), 1, found.facts, metric, differences, found.best,
        _clusters(first, second) - 1,
    )  # fmt: skip
    return row, _Estimates(
        {name: one.estimate for name, one in found.baseline.items()},
        {name: one.estimate for name, one in found.at_best.items()},
        {name: estimate for name, (_, estimate) in gains.items()},
    )


def gain_differences(first: Side, second: Side) -> dict[str, tuple[Interval, Estimate]]:
    """By metric, the second's held-out gain less the first's, with its resamples; none where one has too few facts."""
    ours, theirs = first.assessed, second.assessed
    if ours is None or theirs is None or not (ours.held_out.told and theirs.held_out.told):
        return {}
    found = {}
    for metric in ours.measured:
        estimate = theirs.measured[metric].gain.less(ours.measured[metric].gain)
        # One fact at least: that no resample tells two runs apart is no certainty.
        error = max(ours.measured[metric].unit, theirs.measured[metric].unit)
        if estimate.samples is not None:
            error = max(error, float(estimate.samples.std()))
        reach = student(_clusters(first, second)) * error
        found[metric] = Interval(estimate.value, estimate.value - reach, estimate.value + reach), estimate
    return found


def _clusters(first: Side, second: Side) -> int:
    """Of the side that has fewer; 0 where one has no pairs."""
    counts = [side.assessed.clusters.count if side.assessed else 0 for side in (first, second)]
    return min(counts)


def _head(found: Sequence[tuple[ComparisonRow, _Estimates]], metric: str) -> ComparisonRow:
    """The mean over languages, or the only one."""
    rows, estimates = [row for row, _ in found], [each for _, each in found]
    if len(rows) == 1:
        return rows[0]
    means = Differences(
        _means([each.baseline for each in estimates]),
        _means([each.at_best for each in estimates]),
        _means([each.held_out for each in estimates]),
    )
    told = sum(metric in each.held_out for each in estimates)
    return replace(
        rows[0], language="", name=f"mean of {len(rows)} languages", languages=len(rows), found=means, best=None,
        facts=sum(row.facts for row in rows), freedom=told - 1,
    )  # fmt: skip


def _means(of_languages: Sequence[Mapping[str, Estimate]]) -> dict[str, Interval]:
    """By metric, over the languages that have it."""
    names = dict.fromkeys(name for each in of_languages for name in each)
    return {name: mean_over_languages([each[name] for each in of_languages if name in each]) for name in names}


def _rank(row: ComparisonRow, metric: str) -> tuple[bool, float, str]:
    gain = row.found.held_out.get(metric)
    return gain is None, 0.0 if gain is None else -gain.value, row.name


def _decided(rows: Sequence[ComparisonRow], margin: float) -> list[ComparisonRow]:
    """One family of tests: of two equal sides one may appear to be better in 1 of 20 families, not in 1 of 20 rows."""
    found = [row.found.held_out.get(row.metric) for row in rows]
    tested = [
        (one or Interval(math.nan, math.nan, math.nan), row.freedom) for one, row in zip(found, rows, strict=True)
    ]
    unequal = holm([p_of_interval(one, freedom) for one, freedom in tested])
    equal = holm([tost(one, freedom, margin) for one, freedom in tested])
    return [
        replace(row, p=p, outcome=_outcome(one, p, none))
        for row, one, p, none in zip(rows, found, unequal, equal, strict=True)
    ]


def _outcome(difference: Interval | None, unequal: float, equal: float) -> str:
    if difference is None:
        return ""
    if unequal < ALPHA:
        return "higher" if difference.value > 0 else "lower"
    return "equivalent" if equal < ALPHA else "inconclusive"
