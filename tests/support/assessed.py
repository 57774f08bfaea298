"""Judged runs with numbers of one's choice, for what is said of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from lrp2_bench.core.types import Interval, LayerPair, all_pairs
from lrp2_bench.data import published
from lrp2_bench.data.language_table import groups_of, known_codes
from lrp2_bench.report.assessed_runs import AssessedRun, AssessedRuns
from lrp2_bench.report.claims.controls import Controls
from lrp2_bench.report.claims.evidence import Evidence
from lrp2_bench.report.figures.alignment import Aligned
from lrp2_bench.results.runs import Run
from lrp2_bench.results.tables import PairRow
from lrp2_bench.stats.across_languages import Estimate
from lrp2_bench.stats.assess import Assessed, Measured
from lrp2_bench.stats.clusters import clusters_of
from lrp2_bench.stats.confidence_set import Membership
from lrp2_bench.stats.held_out import HeldOut
from lrp2_bench.stats.max_t import LargestGain
from lrp2_bench.stats.paired_tests import McNemar
from lrp2_bench.stats.relations import RelationScore


def assessed_run(
    language: str,
    *,
    held_out: float = 0.5,
    selection_bias: float = 0.2,
    without: float = 30.0,
    best: tuple[int, int] = (1, 2),
    confidence_set: Sequence[tuple[int, int]] = (),
    by_distance: float = -1.0,
    relations: Sequence[RelationScore] = (),
    model: str = "mbert",
    dataset: str = "mlama",
    family: str = "masked",
    blocks: int = 12,
    p: float = 0.2,
) -> AssessedRun:
    """Both metrics alike, ``p`` that the held-out gain is 0; each pair's transferability changes by ``by_distance`` a
    layer between."""
    pairs = tuple(
        PairRow(pair.lirp, pair.lsrp, 20.0, 50.0 + by_distance * (pair.lsrp - pair.lirp), 100, 80)
        for pair in all_pairs(blocks)
    )
    run = Run(
        Path(language), model, dataset, language, "en", blocks, PairRow(None, None, without, without, 100, 80), pairs,
        (), {"model": {"name": model, "blocks": blocks, "family": family}},
    )  # fmt: skip
    change = held_out + selection_bias
    gain = Interval(held_out, held_out - 1, held_out + 1)
    measured = Measured(
        Interval(without, without - 1, without + 1),
        Interval(without + change, without, without + 2 * change),
        Interval(change, change - 1, change + 1),
        gain,
        Estimate(without),
        # Facts that hardly matter: languages decide.
        Estimate(held_out, held_out + 0.01 * np.random.default_rng(0).normal(size=200)),
        Estimate(change),
        1.0,
    )
    sets = tuple(sorted({LayerPair(*best), *(LayerPair(*pair) for pair in confidence_set)}))
    # One resample in twenty drops a pair, in each language another one.
    dropped = np.random.default_rng([ord(letter) for letter in language]).random((len(pairs), 200)) < 0.05
    memberships = {
        row.pair: Membership(row.pair in sets, bits, 200)
        for row, bits in zip(pairs, np.packbits(dropped, axis=1), strict=True)
        if row.pair
    }
    both = {"accuracy": measured, "transferability": measured}
    told = HeldOut(dict.fromkeys(both, gain), dict.fromkeys(both, p), dict.fromkeys(both, 0.01), 20, {1: 100.0})
    assessed = Assessed(
        100, 80, clusters_of([str(number) for number in range(100)], "subject"), LayerPair(*best), both,
        McNemar(5, 1, 0.2), LargestGain(1.0, np.zeros(200)), told, sets, len(pairs), tuple(relations), (2.0, 1.5),
        memberships,
    )  # fmt: skip
    return AssessedRun(run, assessed, 0.2, 0.2, 0.2, gain)


def evidence(
    *runs: AssessedRun, aligned: Sequence[Aligned] = (), controls: Mapping[str, Sequence[Evidence]] | None = None
) -> Evidence:
    found = AssessedRuns(
        tuple(each.run for each in runs),
        "transferability",
        {"transferability": {each.run.language: each for each in runs}},
    )
    draws = {kind: [draw.found for draw in found] for kind, found in (controls or {}).items()}
    return Evidence(found, aligned, groups_of(known_codes(), *published.IMPLIED_THRESHOLDS), Controls(draws))
