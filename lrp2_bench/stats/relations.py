"""Transferability relation by relation, without and with LRP2 (the paper's Figures 6 and 7), and whether it differs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from lrp2_bench.core.types import NOT_EVALUATED, Hits
from lrp2_bench.metrics import hits as metrics
from lrp2_bench.stats.clusters import RESAMPLES, SEED, Clusters
from lrp2_bench.stats.paired_intervals import fact_influence
from lrp2_bench.stats.weighted import Floats


@dataclass(frozen=True)
class RelationScore:
    """Transferability of one relation in percent over the ``shared`` facts that the pivot has too, baseline and at the
    language's best pair. ``noise`` ``[resample]`` is the change's less the observed change, by draws of clusters that
    languages share."""

    relation: str
    shared: int
    without: float
    lrp2: float
    noise: npt.NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32), compare=False, repr=False)


def score_relations(
    before: Hits,
    after: Hits,
    pivot_hits: npt.NDArray[np.int8],
    relations: Sequence[str],
    clusters: Clusters,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> tuple[RelationScore, ...]:
    """The first four are ``[fact]``. Relations in the order of their first fact; none without a shared fact. Resamples
    are to first order (delta method)."""
    names = np.asarray(relations)
    shared = pivot_hits != NOT_EVALUATED
    rows = np.stack([before, after])
    scores, influence = [], []
    for relation in dict.fromkeys(names[shared].tolist()):
        of_it = shared & (names == relation)
        pivot = pivot_hits[of_it]
        without, lrp2 = metrics.transferability(rows[:, of_it], pivot)
        scores.append((relation, int(of_it.sum()), float(without), float(lrp2)))
        ours, theirs = (fact_influence(row[of_it], pivot, "transferability")[1] for row in rows)
        influence.append(np.bincount(clusters.codes[of_it], theirs - ours, minlength=clusters.count))
    if not scores:
        return ()
    draws = clusters.draws(resamples, seed).astype(np.float32) - 1
    noise = np.stack(influence).astype(np.float32) @ draws.T
    return tuple(RelationScore(*score, row) for score, row in zip(scores, noise, strict=True))


def p_of_equal_relations(languages: Sequence[Sequence[RelationScore]]) -> float:
    """p that all relations' changes, each a mean over the ``languages`` that have it, have one mean.

    Max-T: the largest studentised distance from the mean relation against the largest by resampling clusters of facts,
    which languages share. A fact that turns in one language turns in others, so that a permutation within languages
    (Cochran's Q) calls the luck of a few facts a relation: at 5 % it did so in 14 to 100 % of studies of relations that
    do not differ (docs/statistics.md). It is about these languages. 1 where nothing changes.
    """
    members: dict[str, list[RelationScore]] = {}
    for scores in languages:
        for score in scores:
            members.setdefault(score.relation, []).append(score)
    if len(members) < 2:
        return 1.0
    value: Floats = np.array([np.mean([one.lrp2 - one.without for one in found]) for found in members.values()])
    noise: Floats = np.stack([np.mean([one.noise for one in found], axis=0) for found in members.values()])
    # A relation in which hardly a fact turns cannot tell its own spread: half of it is that of all, by size.
    size = np.array([np.mean([one.shared for one in found]) for found in members.values()])
    own = (noise**2).mean(axis=1)
    error = np.sqrt((own + (own * size).mean() / size) / 2)
    if not error.any():
        return 1.0
    observed = np.abs((value - value.mean()) / error).max()
    by_chance = np.abs((noise - noise.mean(axis=0)) / error[:, None]).max(axis=0)
    return float((1 + (by_chance >= observed - 1e-9).sum()) / (1 + noise.shape[1]))
