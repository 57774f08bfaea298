"""All that the hits of one language say about its best pair: how large the change is, how sure, and how honest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lrp2_bench import metrics
from lrp2_bench.analysis.as_good import as_good_as_best
from lrp2_bench.analysis.bootstrap import RESAMPLES, SEED, resample_measures
from lrp2_bench.analysis.honest import SPLITS, Honest, honest_changes
from lrp2_bench.analysis.relations import RelationScore, score_relations
from lrp2_bench.analysis.significance import McNemar, mcnemar
from lrp2_bench.grid.stored import StoredHits
from lrp2_bench.types import Interval, LayerPair


@dataclass(frozen=True)
class Measured:
    """A metric in percent: ``without`` the modules and at the best pair (``lrp2``), its ``change`` in points with a
    paired 95 % interval (the paper's protocol: chosen and reported on the same facts), and the ``honest`` change."""

    without: Interval
    lrp2: Interval
    change: Interval
    honest: float

    @property
    def optimism(self) -> float:
        """What the paper's protocol says more than the honest one, in points."""
        return self.change.value - self.honest


@dataclass(frozen=True)
class Judged:
    """``measured`` has both metrics by name. ``test`` compares the best pair with the untouched model on the facts that
    chose it, ``honest`` on others. ``as_good`` are the ``pairs`` evaluated that cannot be told from the best by the
    metric that chose it, in (lirp, lsrp) order; the best is one of them. ``relations`` are split at the best pair.
    """

    facts: int
    shared: int
    best: LayerPair
    measured: Mapping[str, Measured]
    test: McNemar
    honest: Honest
    as_good: tuple[LayerPair, ...]
    pairs: int
    relations: tuple[RelationScore, ...]


def judge(
    hits: StoredHits,
    pivot_hits: npt.NDArray[np.int8],
    best: LayerPair,
    select_by: str,
    resamples: int = RESAMPLES,
    splits: int = SPLITS,
    seed: int = SEED,
) -> Judged:
    """``best`` is the pair that ``select_by`` chose among the fully evaluated ones; ``pivot_hits`` is ``[fact]`` over
    ``hits.facts``, -1 where the pivot lacks the fact. Raises ValueError where the baseline or ``best`` is not fully
    evaluated.
    """
    complete = metrics.fully_evaluated(hits.hits)
    rows = {setting: row for row, setting in enumerate(hits.settings) if complete[row]}
    if None not in rows or best not in rows:
        raise ValueError(f"The baseline or the pair {best} is not fully evaluated.")
    pairs = [setting for setting in rows if setting is not None]
    table = hits.hits[[rows[setting] for setting in (None, *pairs)]]
    row = 1 + pairs.index(best)
    resampled = dict(
        zip(
            ("accuracy", "transferability"),
            resample_measures(table, pivot_hits, hits.relations, resamples, seed),
            strict=True,
        )
    )
    honest = honest_changes(table, pivot_hits, hits.relations, select_by, splits, seed)
    kept = as_good_as_best(resampled[select_by].value[1:], resampled[select_by].samples[1:])
    return Judged(
        facts=len(hits.facts),
        shared=int((pivot_hits >= 0).sum()),
        best=best,
        measured={
            name: Measured(measure.interval(0), measure.interval(row), measure.change(row), getattr(honest, name))
            for name, measure in resampled.items()
        },
        test=mcnemar(table[0], table[row]),
        honest=honest,
        as_good=tuple(pair for pair, good in zip(pairs, kept, strict=True) if good),
        pairs=len(pairs),
        relations=score_relations(table[0], table[row], pivot_hits, hits.relations),
    )
