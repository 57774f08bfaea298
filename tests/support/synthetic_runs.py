"""Run folders with synthetic hits of any size, whose best pairs are where they are put."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lrp2_bench.core.types import Fact, LayerPair, all_pairs
from lrp2_bench.metrics import hits as metrics
from lrp2_bench.results.hits import write_hits
from tests.support.drawing import add_alignment
from tests.support.run_folders import write_run


def write_synthetic_run(
    root: Path,
    language: str,
    *,
    model: str = "mbert",
    blocks: int = 12,
    family: str = "masked",
    dataset: str = "mlama",
    facts: int = 3_000,
    relations: Sequence[str] = ("P36", "P30", "P17", "P37", "P19"),
    gain: float = 0.15,
    shared: float = 0.9,
    seed: int = 0,
) -> Path:
    """``root/paper/MODEL/DATASET/LANGUAGE`` with hits: facts of normal difficulty, of which a language and a pair know
    those below their skill. Pairs near (a third, two thirds) of the blocks are better by up to ``gain`` standard
    deviations, those far from it worse; ``gain=0`` makes all pairs the baseline with noise."""
    rng = np.random.default_rng([seed, *map(ord, language + model)])
    shared_rng = np.random.default_rng(seed)
    pairs = all_pairs(blocks)
    difficulty = shared_rng.normal(size=facts)
    pivot = np.where(shared_rng.random(facts) < shared, difficulty + shared_rng.normal(size=facts) < 0.3, -1)
    pivot_hits = pivot.astype(np.int8)
    far = np.array([np.hypot(pair.lirp / blocks - 1 / 3, pair.lsrp / blocks - 2 / 3) for pair in pairs])
    skill = rng.normal(-0.7, 0.3) + np.concatenate([[0.0], gain - 3 * gain * far])
    of_fact = difficulty + 0.7 * rng.normal(size=facts)
    hits = np.empty((1 + len(pairs), facts), dtype=np.int8)
    for row, level in enumerate(skill):
        hits[row] = of_fact + 0.25 * rng.normal(size=facts) < level
    scores = list(zip(metrics.accuracy(hits), metrics.transferability(hits, pivot_hits), strict=True))
    by_pair = {(pair.lirp, pair.lsrp): score for pair, score in zip(pairs, scores[1:], strict=True)}
    best = max(by_pair, key=lambda pair: by_pair[pair][1])
    folder = write_run(
        root, language, scores[0], by_pair, model=model, dataset=dataset, blocks=blocks, facts=facts,
        shared=int((pivot_hits >= 0).sum()),
        manifest={
            "model": {"name": model, "blocks": blocks, "digest": "sha256:abc", "revision": "main", "family": family},
            "best": {"lirp": best[0], "lsrp": best[1]},
        },
    )  # fmt: skip
    keys = np.array([relations[number * len(relations) // facts] for number in range(facts)])
    settings: tuple[LayerPair | None, ...] = (None, *pairs)
    own, pivots = [], []
    for relation in relations:
        at = np.flatnonzero(keys == relation)
        both = at[pivot_hits[at] >= 0]
        own.append((relation, [_fact(relation, number) for number in at], settings, hits[:, at]))
        pivots.append((relation, [_fact(relation, number) for number in both], [None], pivot_hits[None, both]))
    write_hits(folder / "hits.parquet", own)
    write_hits(folder / "pivot_hits.parquet", pivots)
    curve = np.linspace(0.3, 0.6, blocks + 1)
    moved = curve + 0.1 * ((np.arange(blocks + 1) >= best[0]) & (np.arange(blocks + 1) < best[1]))
    add_alignment(folder, curve.tolist(), moved.tolist())
    return folder


def _fact(relation: str, number: int) -> Fact:
    return Fact(relation, number, f"fact {number}", "s", "Q1", "o", "Q2")
