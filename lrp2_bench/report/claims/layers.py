"""The paper's claims on layers: which pairs are best, how far apart, and whether moved states come nearer the
pivot's."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from lrp2_bench.core.types import Interval
from lrp2_bench.data import published
from lrp2_bench.report.assessed_runs import AssessedRuns
from lrp2_bench.report.claims.check import (
    ALPHA,
    CONTRADICTED,
    INCONCLUSIVE,
    SUPPORTED,
    Check,
    Outcome,
    by_sign,
    counted,
    joined,
    p_of,
    points,
)
from lrp2_bench.report.claims.controls import beyond
from lrp2_bench.report.claims.evidence import Evidence
from lrp2_bench.report.figures.alignment import Aligned, read_aligned
from lrp2_bench.report.tables.relations import RelationSummary, summarise_relations
from lrp2_bench.results.choice import value
from lrp2_bench.results.runs import Run
from lrp2_bench.stats.across_languages import mean_over_languages
from lrp2_bench.stats.confidence_set import by_layers, p_of_misses, p_of_names
from lrp2_bench.stats.relations import p_of_equal_relations


def layer_checks(evidence: Evidence) -> Iterator[Check]:
    """Assessed by the 95 % confidence sets of best pairs."""
    yield _pairs_differ(evidence)
    if evidence.beside and published.optimal_pairs(evidence.found.model, evidence.found.dataset):
        yield _published_pairs(evidence)
    yield _near(evidence)
    yield _distance(evidence)
    yield _alignment(evidence)
    yield _relations(evidence)


def _pairs_differ(evidence: Evidence) -> Check:
    """Against each pair in turn as the best one everywhere: they differ where none of them could be."""
    name, claim = "languages_differ", "Languages need different pairs (Tables 4, 5)"
    languages = len(evidence.assessed)
    assessed = counted(evidence.assessed)
    if not languages:
        return Check(name, claim, INCONCLUSIVE, why="No language has the data for this check.")
    members = [each.assessed.memberships for each in evidence.assessed.values()]
    tested = {
        pair: (p_of_misses(of[pair] for of in members), sum(of[pair].kept for of in members))
        for pair in sorted(set.intersection(*(set(of) for of in members)))
    }
    if not tested:
        return Check(name, claim, INCONCLUSIVE, why="No pair was evaluated in all languages.")
    pair = max(tested, key=lambda one: tested[one])
    p, within = tested[pair]
    distinct = len({each.assessed.best for each in evidence.assessed.values()})
    paper = set(published.optimal_pairs(evidence.found.model, evidence.found.dataset).values())
    return Check(
        name,
        claim,
        SUPPORTED if p < ALPHA else INCONCLUSIVE,
        f"{distinct} best pair{'' if distinct == 1 else 's'} in {assessed}",
        f"{len(paper)} in 52" if paper and evidence.beside else "",
        f"{pair} is in the 95 % confidence set of best pairs in {within} of {languages}, {p_of(p)}.",
    )


def _published_pairs(evidence: Evidence) -> Check:
    paper = published.optimal_pairs(evidence.found.model, evidence.found.dataset)
    found = {
        code: of
        for code, each in evidence.assessed.items()
        if code in paper and paper[code] in (of := by_layers(each.assessed.memberships))
    }
    within = sum(of[paper[code]].kept for code, of in found.items())
    outcome: Outcome = INCONCLUSIVE
    why = "No language has both."
    if found:
        pairs = sorted(set().union(*found.values()))
        kept = np.array([[pair in of and of[pair].kept for pair in pairs] for of in found.values()])
        missed = p_of_misses(of[paper[code]] for code, of in found.items())
        held = p_of_names(kept, np.array([pairs.index(paper[code]) for code in found]))
        outcome = CONTRADICTED if missed < ALPHA else SUPPORTED if held < ALPHA else INCONCLUSIVE
        size = 100 * float(np.median(kept.mean(axis=1)))
        why = (
            f"As many missing by chance: {p_of(missed)}; as many in the sets, were pairs named at random: {p_of(held)}."
        )
        why += f" The sets hold {size:.0f} % of all pairs (median)."
    return Check(
        "published_pairs_hold",
        "The published pairs are among the best (Tables 4, 5)",
        outcome,
        f"in the 95 % confidence set in {within} of {counted(found)}",
        why=why,
    )


def _near(evidence: Evidence) -> Check:
    """Against pairs drawn at random, which are a third of the blocks apart, and against controls' best pairs."""
    blocks = evidence.blocks
    chance = 100 * (blocks + 1) / 3 / blocks
    apart = _distances(evidence.found)
    mean = mean_over_languages(list(apart.values()))
    outcome, why = by_sign(Interval(mean.value - chance, mean.low - chance, mean.high - chance), -1, "chance")
    outcome, why = _held_against(evidence, outcome, why, apart, evidence.controls.numbers(_distances), -1)
    pairs = published.optimal_pairs(evidence.found.model, evidence.found.dataset) if evidence.beside else {}
    papers = [100 * (pair.lsrp - pair.lirp) / blocks for pair in pairs.values()]
    return Check(
        "layers_are_near",
        "LIRP and LSRP are near each other (Table 4)",
        outcome,
        _apart(mean, chance),
        f"{sum(papers) / len(papers):.0f} %" if papers else "",
        why,
        mean,
    )


def _distances(found: AssessedRuns) -> dict[str, float]:
    blocks = found.runs[0].blocks
    best = {code: each.assessed.best for code, each in found.assessed.items()}
    return {code: 100 * (pair.lsrp - pair.lirp) / blocks for code, pair in best.items()}


def _held_against(
    evidence: Evidence,
    outcome: Outcome,
    why: str,
    ours: Mapping[str, float],
    controls: Mapping[str, Sequence[Mapping[str, float]]],
    direction: int,
) -> tuple[Outcome, str]:
    """What supports a claim must be beyond controls too; whatever else decided stands."""
    if outcome != SUPPORTED:
        return outcome, why
    decided, beside = beyond(ours, controls, direction)
    return decided, joined([why, beside])


def _apart(mean: Interval, chance: float) -> str:
    if math.isnan(mean.value):
        return ""
    bounds = "" if math.isnan(mean.low) else f" [{mean.low:.0f}, {mean.high:.0f}]"
    return f"{mean.value:.0f} %{bounds} of blocks apart; chance {chance:.0f} %"


def _distance(evidence: Evidence) -> Check:
    ours = _correlations(evidence.found)
    figure = mean_over_languages(list(ours.values()))
    outcome, why = by_sign(figure)
    if outcome != INCONCLUSIVE:
        rises = figure.value > 0
        why = f"{'Rises' if rises else 'Falls'} with the distance."
        controls = evidence.controls.numbers(_correlations)
        outcome, why = _held_against(evidence, SUPPORTED, why, ours, controls, 1 if rises else -1)
    return Check(
        "distance_matters",
        "Layer distance matters (Figure 3)",
        outcome,
        "" if math.isnan(figure.value) else f"rank correlation {points(figure, 2)}",
        why=why,
        figure=figure,
    )


def _correlations(found: AssessedRuns) -> dict[str, float]:
    numbers = {code: _correlation(each.run) for code, each in found.assessed.items()}
    return {code: number for code, number in numbers.items() if not math.isnan(number)}


def _correlation(run: Run) -> float:
    """Spearman's, of a pair's distance and its transferability; NaN where either does not vary."""
    rows = [
        (row.pair.lsrp - row.pair.lirp, value(row, "transferability"))
        for row in run.pairs
        if row.pair is not None and not math.isnan(value(row, "transferability"))
    ]
    if len({row[0] for row in rows}) < 2 or len({row[1] for row in rows}) < 2:
        return math.nan
    from scipy.stats import spearmanr

    return float(spearmanr(*zip(*rows, strict=True)).statistic)


def _alignment(evidence: Evidence) -> Check:
    """Between LIRP and LSRP: after both, states are back in the language's space."""
    ours = _alignments(evidence.aligned)
    figure = mean_over_languages(list(ours.values()))
    outcome, why = by_sign(figure)
    if not ours:
        why = "No run has alignment.csv with a best pair."
    controls = evidence.controls.numbers(lambda draw: _alignments(read_aligned(draw.runs)[0]))
    outcome, why = _held_against(evidence, outcome, why, ours, controls, 1)
    return Check(
        "alignment_rises",
        "LRP2 brings parallel queries nearer (Figure 2a)",
        outcome,
        f"cosine {points(figure, 2)}" if ours else "",
        why=why,
        figure=figure,
    )


def _alignments(aligned: Sequence[Aligned]) -> dict[str, float]:
    """By language's name."""
    changes = {}
    for one in aligned:
        if len(one.projected) == 2:
            between = range(one.projected[0], one.projected[1])
            changes[one.name] = math.fsum(one.lrp2[at] - one.baseline[at] for at in between) / len(between)
    return changes


def _relations(evidence: Evidence) -> Check:
    """By the mean change of each relation over languages, which share its facts."""
    name, claim = "relations_differ", "Relations differ in transfer (Figures 6, 7)"
    found = summarise_relations(evidence.found)
    ours = f"{_apart_in(found)} (in-sample)" if found else ""
    if len(found) < 2 or not any(one.rises or one.falls for one in found):
        return Check(name, claim, INCONCLUSIVE, ours, why="There is nothing to compare.")
    p = p_of_equal_relations([each.assessed.relations for each in evidence.assessed.values()])
    outcome: Outcome = SUPPORTED if p < ALPHA else INCONCLUSIVE
    return Check(name, claim, outcome, ours, why=f"Relation farthest from the mean, by clusters of facts: {p_of(p)}.")


def _apart_in(found: Sequence[RelationSummary]) -> str:
    """In how many languages relations rise; where that is the same for all of them, by how much they change."""
    if found[0].share > found[-1].share:
        return f"rise in {found[-1].share:.0f} to {found[0].share:.0f} % of languages"
    changes = [one.lrp2 - one.without for one in found]
    return f"change by {points(min(changes))} to {points(max(changes))} points"
