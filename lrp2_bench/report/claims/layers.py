"""The paper's claims on layers: which pairs are best, how far apart, and whether moved states come nearer the
pivot's."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator

import numpy as np
from scipy.stats import chi2_contingency, spearmanr

from lrp2_bench.core.types import Interval
from lrp2_bench.data import published
from lrp2_bench.report.claims.check import (
    ALPHA,
    CONTRADICTED,
    INCONCLUSIVE,
    SUPPORTED,
    Check,
    Outcome,
    by_sign,
    counted,
    more_misses_than_chance,
    p_of,
    points,
)
from lrp2_bench.report.claims.evidence import Evidence
from lrp2_bench.report.tables.relations import summarise_relations
from lrp2_bench.results.choice import value
from lrp2_bench.results.runs import Run
from lrp2_bench.stats.across_languages import mean_over_languages

#: Sets that hold more of all pairs than this do not show where the best one is.
_VAGUE = 0.5


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
    name, claim = "languages_differ", "Languages need different pairs (Tables 4, 5)"
    languages = len(evidence.assessed)
    assessed = counted(evidence.assessed)
    if not languages:
        return Check(name, claim, INCONCLUSIVE, why="No language has the data for this check.")
    shared = Counter(pair for each in evidence.assessed.values() for pair in each.assessed.confidence_set)
    pair, within = min(shared.items(), key=lambda found: (-found[1], found[0]))
    distinct = len({each.assessed.best for each in evidence.assessed.values()})
    paper = set(published.optimal_pairs(evidence.found.model, evidence.found.dataset).values())
    differ = more_misses_than_chance(languages - within, languages)
    return Check(
        name,
        claim,
        SUPPORTED if differ else INCONCLUSIVE,
        f"{distinct} best pair{'' if distinct == 1 else 's'} in {assessed}",
        f"{len(paper)} in 52" if paper and evidence.beside else "",
        f"{pair} is in the 95 % confidence set of best pairs in {within} of {languages}"
        + ("." if differ else ": may be noise."),
    )


def _published_pairs(evidence: Evidence) -> Check:
    paper = published.optimal_pairs(evidence.found.model, evidence.found.dataset)
    found = [(paper[code], each) for code, each in evidence.assessed.items() if code in paper]
    within = sum(pair in each.assessed.confidence_set for pair, each in found)
    size = (
        float(np.median([len(each.assessed.confidence_set) / each.assessed.pairs for _, each in found]))
        if found
        else math.nan
    )
    outcome: Outcome
    if not found or size > _VAGUE:
        outcome, why = (
            INCONCLUSIVE,
            f"The sets hold {100 * size:.0f} % of all pairs." if found else "No language has both.",
        )
    elif more_misses_than_chance(len(found) - within, len(found)):
        outcome, why = CONTRADICTED, "More are missing than the sets' 5 %."
    else:
        outcome, why = SUPPORTED, ""
    return Check(
        "published_pairs_hold",
        "The published pairs are the best (Tables 4, 5)",
        outcome,
        f"in the 95 % confidence set in {within} of {counted(found)}",
        why=why,
    )


def _near(evidence: Evidence) -> Check:
    """Against pairs drawn at random, which are a third of the blocks apart."""
    blocks = evidence.blocks
    chance = 100 * (blocks + 1) / 3 / blocks
    apart = [100 * (each.assessed.best.lsrp - each.assessed.best.lirp) / blocks for each in evidence.assessed.values()]
    mean = mean_over_languages(apart)
    outcome, why = by_sign(Interval(mean.value - chance, mean.low - chance, mean.high - chance), -1, "chance")
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


def _apart(mean: Interval, chance: float) -> str:
    if math.isnan(mean.value):
        return ""
    bounds = "" if math.isnan(mean.low) else f" [{mean.low:.0f}, {mean.high:.0f}]"
    return f"{mean.value:.0f} %{bounds} of blocks apart; chance {chance:.0f} %"


def _distance(evidence: Evidence) -> Check:
    runs = [each.run for each in evidence.assessed.values()]
    figure = mean_over_languages([100 * _correlation(run) for run in runs])
    outcome, why = by_sign(figure)
    if outcome != INCONCLUSIVE:
        way = "Rises" if figure.value > 0 else "Falls"
        outcome, why = SUPPORTED, f"{way} with the distance."
    return Check(
        "distance_matters",
        "Layer distance matters (Figure 3)",
        outcome,
        "" if math.isnan(figure.value) else f"rank correlation {points(figure)} %",
        why=why,
        figure=figure,
    )


def _correlation(run: Run) -> float:
    """Spearman's, of a pair's distance and its transferability; NaN where either does not vary."""
    rows = [
        (row.pair.lsrp - row.pair.lirp, value(row, "transferability"))
        for row in run.pairs
        if row.pair is not None and not math.isnan(value(row, "transferability"))
    ]
    if len({row[0] for row in rows}) < 2 or len({row[1] for row in rows}) < 2:
        return math.nan
    return float(spearmanr(*zip(*rows, strict=True)).statistic)


def _alignment(evidence: Evidence) -> Check:
    """Between LIRP and LSRP: after both, states are back in the language's space."""
    changes = []
    for one in evidence.aligned:
        if len(one.projected) == 2:
            between = range(one.projected[0], one.projected[1])
            changes.append(100 * math.fsum(one.lrp2[at] - one.baseline[at] for at in between) / len(between))
    figure = mean_over_languages(changes)
    outcome, why = by_sign(figure)
    if not changes:
        why = "No run has alignment.csv with a best pair."
    return Check(
        "alignment_rises",
        "LRP2 brings parallel queries nearer (Figure 2a)",
        outcome,
        f"cosine {points(figure)} hundredths" if changes else "",
        why=why,
        figure=figure,
    )


def _relations(evidence: Evidence) -> Check:
    name, claim = "relations_differ", "Relations differ in transfer (Figures 6, 7)"
    found = summarise_relations(evidence.found)
    counts = np.array([[one.rises, one.languages - one.rises] for one in found])
    ours = f"rise in {found[-1].share:.0f} to {found[0].share:.0f} % of languages" if found else ""
    if len(found) < 2 or not counts.sum(axis=0).all():
        return Check(name, claim, INCONCLUSIVE, ours, why="There is nothing to compare.")
    tested = chi2_contingency(counts)
    if tested.expected_freq.min() < 1:
        return Check(name, claim, INCONCLUSIVE, ours, why="Too few languages for a test.")
    p = float(tested.pvalue)
    return Check(name, claim, SUPPORTED if p < ALPHA else INCONCLUSIVE, ours, why=f"Chi-squared test: {p_of(p)}.")
