"""The study's numbers from its stored hits: gains with intervals that know subjects and languages.

A *contrast* is a number a fact (hit under a setting less hit at the baseline, or less the mean of random draws); its
mean over facts, in points, is what is estimated. Facts of one subject stand or fall together, in all languages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.gemma3_270m.choices import Given
from benchmarks.gemma3_270m.store import DATA, read_stored
from lrp2_bench.core.types import NOT_EVALUATED, Interval
from lrp2_bench.metrics.hits import transferability
from lrp2_bench.stats.across_languages import Estimate, mean_over_languages
from lrp2_bench.stats.clusters import RESAMPLES, SEED, clusters_of
from lrp2_bench.stats.equivalence import equivalent
from lrp2_bench.stats.max_t import LargestGain, multipliers, step_down
from lrp2_bench.stats.paired_intervals import clustered_error, student
from lrp2_bench.stats.weighted import Floats

#: Points; effects inside plus or minus this are none that matter.
MARGIN = 1.0


@dataclass(frozen=True)
class Sides:
    """One language's hits by (relation, uuid): under a setting, at the baseline, and English's at the baseline."""

    moved: pd.Series
    before: pd.Series
    pivot: pd.Series

    @property
    def unmoved(self) -> Sides:
        """The same without an intervention."""
        return Sides(self.before.loc[self.moved.index], self.before, self.pivot)

    def transferability(self) -> float:
        """Its change in points."""
        pivot = self.pivot.fillna(NOT_EVALUATED).to_numpy(np.int8)
        rows = np.stack([self.before.loc[self.moved.index].to_numpy(np.int8), self.moved.to_numpy(np.int8)])
        before, after = transferability(rows, pivot)
        return float(after - before)


@dataclass(frozen=True)
class Contrast:
    """``values`` ``[fact]``, each -1 to 1, and the ``subjects`` and ``relations`` ``[fact]`` of the facts; ``baseline``
    ``[fact]`` are hits without an intervention."""

    values: Floats
    baseline: Floats
    subjects: tuple[str, ...]
    relations: tuple[str, ...] = ()

    @property
    def mean(self) -> float:
        """In points."""
        return 100.0 * float(self.values.mean()) if len(self.values) else float("nan")

    def estimate(self) -> Estimate:
        """With resamples of subjects, by draws that all languages share."""
        clusters = clusters_of(self.subjects)
        weights = clusters.draws(RESAMPLES, SEED).astype(np.float64)[:, clusters.codes]
        total = np.maximum(weights.sum(axis=1), 1.0)
        return Estimate(self.mean, 100.0 * (weights @ self.values) / total, 100.0 / max(1, len(self.values)))

    def interval(self) -> Interval:
        """Of this language alone, at 95 %."""
        reach = student(len(set(self.subjects))) * self._error
        return Interval(self.mean, self.mean - reach, self.mean + reach)

    def largest(self) -> LargestGain:
        """For the test of several contrasts jointly."""
        clusters, share = clusters_of(self.subjects), 100.0 * (self.values - self.values.mean()) / len(self.values)
        by_chance = multipliers(clusters.draws(RESAMPLES, SEED)) @ clusters.sums(share[:, None])[:, 0]
        return LargestGain(self.mean / self._error, by_chance.astype(np.float64) / self._error)

    def where(self, keep: Sequence[bool]) -> Contrast:
        """Of some facts."""
        mask = np.asarray(keep, dtype=bool)
        subjects, relations = (
            tuple(name for name, kept in zip(names, mask, strict=True) if kept)
            for names in (self.subjects, self.relations or self.subjects)
        )
        return Contrast(self.values[mask], self.baseline[mask], subjects, relations)

    def by_relation(self) -> Contrast:
        """With relations as the clusters, were these and their templates a sample too."""
        return replace(self, subjects=self.relations)

    @property
    def _error(self) -> float:
        count = max(1, len(self.values))
        influence, known = (100.0 * (part - part.mean()) / count for part in (self.values, self.baseline))
        return clustered_error(influence, known, int((self.values != 0).sum()), clusters_of(self.subjects), count)[0]


def over_languages(contrasts: Mapping[str, Contrast]) -> Interval:
    """The mean over languages with 95 % bounds, languages and subjects both being samples."""
    return mean_over_languages([contrast.estimate() for contrast in contrasts.values()])


def apart(sides: Mapping[str, tuple[Contrast, Contrast]]) -> Interval:
    """The same for the mean of one part of a language's facts less that of another part."""
    return mean_over_languages([these.estimate().less(those.estimate()) for these, those in sides.values()])


def resampled_both(contrasts: Mapping[str, Contrast], level: float = 0.95) -> Interval:
    """The same mean with the interval that the design names: percentiles over resamples of subjects and of languages.
    It counts sampling noise twice (docs/statistics.md), and is given beside the other."""
    samples = np.stack([np.asarray(contrast.estimate().samples) for contrast in contrasts.values()])
    count, resamples = samples.shape
    often = np.random.default_rng(SEED).multinomial(count, [1 / count] * count, size=resamples)
    means = (often.T * samples).sum(axis=0) / count
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(np.mean([contrast.mean for contrast in contrasts.values()])), float(low), float(high))


def verdict(interval: Interval, languages: int) -> str:
    """What the design says that an interval of a mean over so many amounts to."""
    return _verdict(interval, equivalent(interval, languages - 1, MARGIN))


def verdict_resampled(contrasts: Mapping[str, Contrast]) -> str:
    """The same by the interval that the design names."""
    narrow = resampled_both(contrasts, 0.9)
    return _verdict(resampled_both(contrasts), narrow.low > -MARGIN and narrow.high < MARGIN)


def _verdict(interval: Interval, within: bool) -> str:
    if interval.low > 0:
        return "supported"
    if interval.high < 0:
        return "contradicted"
    return "no effect that matters" if within else "inconclusive"


def jointly(contrasts: Mapping[tuple[str, str], Contrast]) -> dict[tuple[str, str], tuple[float, float]]:
    """p-values, corrected over all of them (max-T, step-down): that a contrast is no gain (one-sided), and that it is
    nothing (two-sided), for which losses are as many more to correct for."""
    gains = [contrast.largest() for contrast in contrasts.values()]
    losses = [LargestGain(-gain.observed, -gain.by_chance) for gain in gains]
    either = step_down([*gains, *losses])
    two_sided = np.minimum(either[: len(gains)], either[len(gains) :])
    return dict(zip(contrasts, zip(step_down(gains), map(float, two_sided), strict=True), strict=True))


class Stored:
    """The hits in ``data``, as series by (relation, uuid)."""

    def __init__(self, data: Path = DATA) -> None:
        self._data = data
        facts = pd.read_parquet(data / "facts.parquet").astype({"language": str, "relation": str, "uuid": str})
        self._facts = facts.set_index(["language", "relation", "uuid"])

    def has(self, experiment: str) -> bool:
        return (self._data / "hits" / f"{experiment}.parquet").is_file()

    def facts(self, language: str, keys: pd.Index) -> pd.DataFrame:
        """``subject, in_subject, as_english`` of a language's facts, in the order of ``keys``."""
        return pd.DataFrame(self._facts.xs(language, level="language")).loc[keys]

    def sides(self, experiment: str, kind: str, settings: Mapping[str, Given] | None = None) -> dict[str, Sides]:
        """By language: the hits of an intervention's only setting, or of the one that ``settings`` names. ``kind`` is
        the start of its label. Raises ValueError where rows that say the same of a fact differ."""
        hits = read_stored(experiment, self._data).astype({"relation": str, "uuid": str, "language": str})
        names = hits["intervention"].astype(str)
        hits = hits[names.str.startswith(kind) | (names == "pivot")].assign(pivot=names == "pivot")
        found: dict[str, Sides] = {}
        for language, rows in hits.groupby("language"):
            asked = rows["lirp"].notna()
            if settings is not None:
                if not settings.get(str(language)):
                    continue
                lirp, lsrp, strength = settings[str(language)][:3]
                asked = (rows["lirp"] == lirp) & (rows["lsrp"] == lsrp) & (rows["strength"] == strength)
            parts = (~rows["pivot"] & asked, ~rows["pivot"] & rows["lirp"].isna(), rows["pivot"])
            moved, before, pivot = (_hits(rows[part], f"{experiment}, {language}") for part in parts)
            if len(moved):
                found[str(language)] = Sides(moved, before, pivot.reindex(moved.index))
        return found

    def gain(self, language: str, sides: Sides) -> Contrast:
        return self.contrast(language, sides.moved, sides.before, sides.before)

    def contrast(self, language: str, moved: pd.Series, other: pd.Series, before: pd.Series) -> Contrast:
        """``moved`` less ``other``. Raises ValueError where they have not the same facts, each once."""
        if not moved.index.is_unique or len(moved) != len(other) or set(moved.index) != set(other.index):
            raise ValueError(f"{language}: the two sides have not the same facts, each once")
        keys = moved.index
        subjects = tuple(map(str, self.facts(language, keys)["subject"]))
        ours, theirs = moved.to_numpy(float), other.loc[keys].to_numpy(float)
        relations = tuple(map(str, keys.get_level_values("relation")))
        return Contrast(ours - theirs, before.loc[keys].to_numpy(float), subjects, relations)

    def draws(self, experiment: str) -> dict[str, pd.Series]:
        """By language: of each fact the share of random draws that hit it."""
        hits = read_stored(f"{experiment}_draws", self._data).astype({"relation": str, "uuid": str, "language": str})
        shares = hits.groupby(["language", "relation", "uuid"])["hit"].mean()
        return {language: shares.xs(language, level="language") for language in hits["language"].unique()}


def _hits(rows: pd.DataFrame, where: str) -> pd.Series:
    """By (relation, uuid). English's hits come with every run, and an intervention that has one layer alone is stored
    at all pairs that are one to it: their hits are the same."""
    by_fact = rows.set_index(["relation", "uuid"])["hit"].astype(float).groupby(level=[0, 1])
    lowest = by_fact.min()
    if (lowest != by_fact.max()).any():
        raise ValueError(f"{where}: rows of one fact differ")
    return lowest
