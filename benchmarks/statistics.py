"""Simulations of the report's statistics: bias, coverage and level where the truth is known.

``python -m benchmarks.statistics [STUDIES] [docs/statistics.md]`` prints Markdown tables (200 studies a row by default,
some minutes); with a file it replaces what stands there between the two marks.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks import statistics_over_languages
from benchmarks.statistics_over_languages import share, table
from lrp2_bench.core.types import all_pairs
from lrp2_bench.results.stored_hits import StoredHits
from lrp2_bench.stats.across_languages import Estimate, mean_over_languages
from lrp2_bench.stats.assess import change_at
from lrp2_bench.stats.paired_intervals import paired_changes
from lrp2_bench.stats.paired_tests import mcnemar
from lrp2_bench.stats.resampled import Sampled
from tests.support.clustered import World, world

Floats = npt.NDArray[np.float64]
BEGIN, END = "<!-- simulations -->", "<!-- end of simulations -->"
_PAIRS = all_pairs(9)[:30]
_NOISE = (0.01, 0.01)
#: What pairs do, by name: shares of facts turned from miss to hit and back.
WORLDS = {
    "no pair does anything but noise": [_NOISE] * 30,
    "one pair gains 1 point": [*([_NOISE] * 29), (0.015, 0.005)],
    "all pairs lose 0.8 points": [(0.006, 0.014)] * 30,
}
#: Further ones, for the coverage at the pair that was chosen.
HARM = {
    "all pairs lose 1.6 points": [(0.002, 0.018)] * 30,
    "all pairs lose 0.45 points, turning few facts": [(0.0005, 0.005)] * 30,
    "half of the pairs turn 20 % of the facts, half 1.2 %; all lose": [(0.05, 0.15), (0.002, 0.01)] * 15,
}


def main(studies: int, path: Path | None) -> None:
    text = "\n\n".join(["\n".join(table) for table in tables(studies)])
    if path is None:
        print(text)
        return
    before, _, after = re.split(f"({BEGIN}.*{END})", path.read_text("utf-8"), flags=re.DOTALL)
    path.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", "utf-8")


def tables(studies: int) -> Iterator[list[str]]:
    yield list(table(("facts", "clusters", "facts that turn as one", "percentile bootstrap over facts", "the same by "
                       "clusters", "Agresti and Min, facts independent", "here"), _named_pair(studies)))  # fmt: skip
    yield list(table(("what is true", "facts that turn as one", "held-out: bias", "half splits: bias", "held-out: "
                       "coverage", "in-sample: bias", "in-sample: coverage, as if named", "with the choice",
                       "p < 0.05: max-T", "held-out above 0", "McNemar"), _chosen_pair(studies)))  # fmt: skip
    yield list(table(("what is true", *(f"{facts:,} facts, {together} as one" for facts, _, together in _SELECTED)),
                      _selected_pair(studies)))  # fmt: skip
    yield list(table(("true spread over languages", "Student, languages alone", "both resampled at once", "here"),
                      _languages(5 * studies)))  # fmt: skip
    yield from statistics_over_languages.tables(studies)


def _named_pair(studies: int) -> Iterator[tuple[str, ...]]:
    """Coverage of 95 % intervals at 0.4 and 0.1 % of facts turned."""
    for facts, clusters in ((240, 130), (1_800, 200), (14_800, 1_480)):
        for together in (1, 2, 4, 8):
            rng, inside = np.random.default_rng(together), []
            for study in range(max(20, studies // (8 if facts > 10_000 else 2))):
                made = world(rng, facts, clusters, together, [(0.004, 0.001)] * 10, alike=0.0, name=str(study))
                inside.append([_covers(bounds, made.truth[1:]) for bounds in _intervals(made)])
            yield f"{facts:,}", f"{clusters:,}", str(together), *(share(each) for each in np.mean(inside, axis=0))


def _intervals(made: World) -> Iterator[tuple[Floats, Floats]]:
    difference = (made.hits[1:].astype(int) - made.hits[0]).T
    facts = len(difference)
    rng = np.random.default_rng(0)
    drawn = np.stack([100 * difference[rng.integers(facts, size=facts)].mean(axis=0) for _ in range(200)])
    yield tuple(np.percentile(drawn, (2.5, 97.5), axis=0))
    draws = made.clusters.draws(200).astype(np.float32)
    drawn = 100 * (draws @ made.clusters.sums(difference)) / (draws @ made.clusters.sums(np.ones(facts)))[:, None]
    yield tuple(np.percentile(drawn, (2.5, 97.5), axis=0))
    gained, lost = (difference > 0).sum(axis=0), (difference < 0).sum(axis=0)
    middle = (gained - lost) / (facts + 2)
    error = np.sqrt((gained + lost + 1 - (gained - lost) ** 2 / (facts + 2)) / (facts + 2) ** 2)
    yield 100 * (middle - 1.96 * error), 100 * (middle + 1.96 * error)
    low, high = paired_changes(made.hits, made.pivot, made.clusters, "accuracy").bounds()
    yield low[1:], high[1:]


def _covers(bounds: tuple[Floats, Floats], truth: Floats) -> float:
    return float(((bounds[0] <= truth) & (truth <= bounds[1])).mean())


def _chosen_pair(studies: int) -> Iterator[tuple[str, ...]]:
    for name, rates in WORLDS.items():
        for together in (1, 4):
            rng = np.random.default_rng(together)
            rows = [_study(world(rng, 1_800, 200, together, rates, name=str(study))) for study in range(studies)]
            means = np.mean(rows, axis=0)
            bias, halves, covered, in_sample, named, chosen, *p = means.tolist()
            yield (
                name, str(together), _points(bias), _points(halves), share(covered), _points(in_sample), share(named),
                share(chosen), *(share(each) for each in p),
            )  # fmt: skip


def _study(made: World) -> list[float]:
    sampled = _sampled(made)
    found = sampled.held_out("accuracy")
    gain = found.gain["accuracy"]
    mine = sum(share / 100 * made.truth[row] for row, share in found.chosen.items())
    truth = made.truth[int(sampled.values["accuracy"].argmax())]  # of what all facts choose, which may be nothing
    best = 1 + int(sampled.values["accuracy"][1:].argmax())
    plain, chosen = sampled.changes["accuracy"].interval(best), change_at(sampled, best, "accuracy")
    return [
        gain.value - truth, _half_splits(made) - truth, gain.low <= mine <= gain.high,
        plain.value - made.truth[best], plain.low <= made.truth[best] <= plain.high,
        chosen.low <= made.truth[best] <= chosen.high,
        sampled.largest_gain("accuracy").p < 0.05, gain.low > 0, mcnemar(made.hits[0], made.hits[best]).p < 0.05,
    ]  # fmt: skip


#: Facts, clusters, and facts that turn as one.
_SELECTED = tuple(
    (facts, clusters, together) for facts, clusters in ((240, 130), (1_800, 200)) for together in (1, 4, 8)
)


def _selected_pair(studies: int) -> Iterator[tuple[str, ...]]:
    """Coverage of the in-sample interval at the best pair: as if it had been named, and with the choice."""
    for name, rates in (WORLDS | HARM).items():
        cells = []
        for facts, clusters, together in _SELECTED:
            rng, inside = np.random.default_rng(together), []
            for study in range(studies):
                made = world(rng, facts, clusters, together, rates, name=str(study))
                sampled, truth = _sampled(made), made.truth
                best = 1 + int(sampled.values["accuracy"][1:].argmax())
                both = sampled.changes["accuracy"].interval(best), change_at(sampled, best, "accuracy")
                inside.append([each.low <= truth[best] <= each.high for each in both])
            cells.append(" / ".join(share(each) for each in np.mean(inside, axis=0)))
        yield name, *cells


def _sampled(made: World) -> Sampled:
    facts = tuple(("P36", str(number)) for number in range(made.hits.shape[1]))
    return Sampled(StoredHits(facts, (None, *_PAIRS), made.hits), made.pivot, made.clusters, 200)


def _half_splits(made: World, splits: int = 20) -> float:
    """What reports gave before: a pair, never none, chosen on half of the facts and reported on the other half."""
    rng, gains = np.random.default_rng(0), []
    for _ in range(splits):
        first = rng.permutation(made.hits.shape[1]) % 2 == 0
        for choose in (first, ~first):
            row = 1 + int(made.hits[1:, choose].sum(axis=1).argmax())
            gains.append(100 * float((made.hits[row, ~choose].astype(int) - made.hits[0, ~choose]).mean()))
    return float(np.mean(gains))


def _languages(studies: int, languages: int = 12, clusters: int = 200) -> Iterator[tuple[str, ...]]:
    """Coverage of the mean over languages, which are noisy, by half through facts that they share."""
    for spread in (0.0, 0.3, 1.0):
        rng, inside = np.random.default_rng(0), []
        for _ in range(studies):
            effects = rng.normal(0, spread, languages)
            shared = rng.normal(0, np.sqrt(clusters / 2), clusters)
            own = rng.normal(0, np.sqrt(clusters / 2), (languages, clusters))
            facts = 0.3 * (shared + own) + effects[:, None]
            values = facts.mean(axis=1)
            weights = rng.poisson(1.0, (200, clusters))
            samples = (facts @ weights.T) / weights.sum(axis=1)
            drawn = rng.multinomial(languages, [1 / languages] * languages, size=200)
            both = np.percentile((drawn.T * samples).sum(axis=0) / languages, (2.5, 97.5))
            student, here = (
                mean_over_languages(values.tolist()),
                mean_over_languages(
                    [Estimate(value, row) for value, row in zip(values.tolist(), samples, strict=True)]
                ),
            )
            inside.append([student.low <= 0 <= student.high, both[0] <= 0 <= both[1], here.low <= 0 <= here.high])
        yield f"{spread:g} points", *(share(each) for each in np.mean(inside, axis=0))


def _points(value: float) -> str:
    return f"{value:+.2f}"


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200, Path(sys.argv[2]) if len(sys.argv) > 2 else None)
