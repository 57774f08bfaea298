"""Simulations of what is said over languages, which share their facts: levels of the claims' tests, power of max-T, and
coverage of differences between two experiments.

``python -m benchmarks.statistics`` prints these tables too; ``python -m benchmarks.statistics_over_languages STUDIES``
them alone.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

import numpy as np
from scipy.stats import binomtest

from lrp2_bench.core.types import all_pairs
from lrp2_bench.results.stored_hits import StoredHits
from lrp2_bench.stats.across_languages import Estimate
from lrp2_bench.stats.clusters import clusters_of
from lrp2_bench.stats.confidence_set import Membership, confidence_set, memberships, p_of_misses
from lrp2_bench.stats.max_t import Chance, LargestGain, largest_gain, step_down
from lrp2_bench.stats.paired_intervals import change_influences, changes_of, student
from lrp2_bench.stats.relations import p_of_equal_relations, score_relations
from lrp2_bench.stats.resampled import Sampled
from lrp2_bench.stats.weighted import ClusterSums, Floats, as_weights
from tests.support.clustered import World, languages, world

Rows = Iterator[tuple[str, ...]]
LEVELS = (
    "languages", "share of a fact's luck that languages share", "missed best pairs: binomial", "here", "a real "
    "difference: binomial", "here", "relations: permuted within languages", "here",
)  # fmt: skip
POWER = ("facts", "gain", "alone", "of 12, step-down", "of 52, single-step", "of 52, step-down")
DIFFERENCES = ("first, second", "facts", "facts that turn as one", "coverage", "bias", "mean width", "excludes 0")
_RESAMPLES = 200
_PAIRS = all_pairs(9)[:30]


def levels(studies: int) -> Rows:
    """How often a test at 5 % says so where nothing is true (and, of missed best pairs, where the best one is another
    by four standard errors in a quarter of the languages)."""
    for count in (12, 52):
        for shared in (0.0, 0.5, 0.9):
            rng = np.random.default_rng(0)
            none = np.mean([_missed(rng, count, shared, pairs=2) for _ in range(studies)], axis=0)
            other = np.mean([_missed(rng, count, shared, 6, 4.0) for _ in range(studies // 4)], axis=0)
            relations = np.mean([_relations(rng, count, shared) for _ in range(studies // 4)], axis=0)
            yield str(count), f"{shared:g}", *(share(each) for each in (*none, *other, *relations))


def _missed(rng: np.random.Generator, count: int, shared: float, pairs: int, apart: float = 0.0) -> tuple[bool, bool]:
    """Whether the first pair is said not to be the best everywhere, by the binomial test and here."""
    truth = np.zeros((count, pairs))
    truth[: count // 4, 1] = apart

    def errors(times: int) -> Floats:
        of_all = np.sqrt(shared) * rng.normal(size=(1, pairs, times))
        return np.asarray(of_all + np.sqrt(1 - shared) * rng.normal(size=(count, pairs, times)))

    values = truth + errors(1)[:, :, 0]
    drawn = values[:, :, None] + errors(_RESAMPLES)
    found: list[Membership] = [memberships(confidence_set(*each))[0] for each in zip(values, drawn, strict=True)]
    missed = sum(not one.kept for one in found)
    return bool(binomtest(missed, count, 0.05, alternative="greater").pvalue < 0.05), p_of_misses(found) < 0.05


def _relations(
    rng: np.random.Generator, count: int, shared: float, relations: int = 6, facts: int = 80
) -> tuple[bool, bool]:
    """Of relations that do not differ: 3 % of the facts turn each way."""
    names = [f"P{number}" for number in range(relations) for _ in range(facts)]
    countries = clusters_of([f"{number}" for _ in range(relations) for number in range(facts)])
    made = languages(rng, count, len(names), facts, [(0.03, 0.03)], shared)
    scores = [score_relations(each.hits[0], each.hits[1], each.pivot, names, countries, _RESAMPLES) for each in made]
    rises = np.array([[float(one.lrp2 > one.without) for one in found] for found in scores])
    return _permuted(rises, rng) < 0.05, p_of_equal_relations(scores) < 0.05


def _permuted(values: Floats, rng: np.random.Generator, times: int = 199) -> float:
    """What reports gave before: Cochran's Q by permutation of each language's relations."""
    drawn = np.stack([rng.permuted(values, axis=1).sum(axis=0) for _ in range(times)])
    return float((1 + (drawn.var(axis=1) >= values.sum(axis=0).var() - 1e-9).sum()) / (1 + times))


def power(studies: int) -> Rows:
    """Shares of languages in which a pair of 30 is found to be better than the baseline (p < 0.05); all others turn 1 %
    of the facts each way."""
    for facts in (100, 400, 1_500):
        for gain in (2, 4, 8):
            rng = np.random.default_rng(0)
            rates = [*([(0.01, 0.01)] * (len(_PAIRS) - 1)), (0.01 + gain / 100, 0.01)]
            found = []
            for study in range(studies):
                made = [_largest(each) for each in languages(rng, 52, facts, (2 * facts) // 3, rates, name=str(study))]
                alone, few, all_ = [one.p for one in made], step_down(made[:12]), step_down(made)
                highest = np.stack([one.by_chance for one in made]).max(axis=0)
                single = [(1 + (highest >= one.observed).sum()) / (1 + len(highest)) for one in made]
                found.append([np.mean(np.array(p) < 0.05) for p in (alone, few, single, all_)])
            yield f"{facts:,}", f"{gain} points", *(share(each) for each in np.mean(found, axis=0))


def _largest(made: World) -> LargestGain:
    sums = ClusterSums(made.hits, made.pivot, made.clusters)
    draws = made.clusters.draws(_RESAMPLES)
    samples = sums(as_weights(draws)).measure("accuracy").T
    changes = changes_of(sums, made.hits, made.pivot, "accuracy")
    chance = Chance.of(draws, made.clusters.sums((made.hits != made.hits[0]).T))
    return largest_gain(changes, samples, change_influences(sums, "accuracy"), chance)


def differences(studies: int, pairs: int = 15) -> Rows:
    """Coverage of the difference of two experiments' held-out gains on the same facts, 15 pairs each."""
    noise, good, bad = (0.01, 0.01), (0.02, 0.005), (0.006, 0.014)
    worlds = {
        "noise, noise": [noise] * 2 * pairs,
        "noise, one pair gains 1.5 points": [*([noise] * (2 * pairs - 1)), good],
        "noise, all lose 0.8 points": [*([noise] * pairs), *([bad] * pairs)],
    }
    for name, rates in worlds.items():
        for facts, clusters in ((240, 130), (1_800, 200)):
            for together in (1, 4):
                rng, found = np.random.default_rng(together), []
                for study in range(studies):
                    made = world(rng, facts, clusters, together, rates, name=f"{name} {study}")
                    first, second = (_gain(made, range(1 + of, 1 + of + pairs)) for of in (0, pairs))
                    estimate, truth = second[0].less(first[0]), second[1] - first[1]
                    assert estimate.samples is not None
                    reach = student(clusters) * max(100 / facts, float(estimate.samples.std()))
                    error = estimate.value - truth
                    found.append([abs(error) <= reach, error, 2 * reach, abs(estimate.value) > reach])
                covered, bias, width, told = np.mean(found, axis=0).tolist()
                yield name, f"{facts:,}", str(together), share(covered), f"{bias:+.2f}", f"{width:.1f}", share(told)


def _gain(made: World, rows: Sequence[int]) -> tuple[Estimate, float]:
    """Of the pairs in ``rows``; and the true gain of what the folds chose."""
    facts = tuple(("P36", str(number)) for number in range(made.hits.shape[1]))
    stored = StoredHits(facts, (None, *_PAIRS[: len(rows)]), made.hits[[0, *rows]])
    held_out = Sampled(stored, made.pivot, made.clusters, _RESAMPLES).held_out("accuracy")
    truth = made.truth[[0, *rows]]
    chosen = sum(part / 100 * float(truth[row]) for row, part in held_out.chosen.items())
    return Estimate(held_out.gain["accuracy"].value, held_out.samples["accuracy"]), chosen


def table(head: Sequence[str], rows: Rows) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def share(value: float) -> str:
    return f"{100 * value:.1f} %"


def tables(studies: int) -> Iterator[list[str]]:
    yield list(table(LEVELS, levels(studies)))
    yield list(table(DIFFERENCES, differences(studies)))
    yield list(table(POWER, power(max(4, studies // 25))))


if __name__ == "__main__":
    for found in tables(int(sys.argv[1]) if len(sys.argv) > 1 else 200):
        print("\n".join(found), end="\n\n", flush=True)
