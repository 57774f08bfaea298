"""The interval of a held-out gain: cautious where there is none, above zero where there is a large one."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lrp2_bench.core.types import Hits
from lrp2_bench.stats.bootstrap import resample_measures
from lrp2_bench.stats.held_out import Halves, split_halves
from lrp2_bench.stats.held_out_interval import ENOUGH, held_out_intervals


def _drawn(seed: int, facts: int, gain: float, pairs: int = 12) -> tuple[Hits, Hits, list[str]]:
    """Half the facts are hit; pair 1 hits ``gain`` more of the others, the rest flip a tenth at random."""
    rng = np.random.default_rng(seed)
    baseline = rng.random(facts) < 0.5
    rows = [baseline, *(baseline ^ (rng.random(facts) < 0.1) for _ in range(pairs))]
    rows[1] = baseline | (rng.random(facts) < gain)
    pivot = np.where(rng.random(facts) < 0.9, rng.random(facts) < 0.6, -1).astype(np.int8)
    return np.array(rows, dtype=np.int8), pivot, [f"P{number % 4}" for number in range(facts)]


def test_a_large_gain_lies_in_an_interval_above_zero_and_chance_does_not() -> None:
    for metric in ("accuracy", "transferability"):
        hits, pivot, relations = _drawn(0, 400, 0.4)
        low, high = held_out_intervals(hits, pivot, relations, metric, resamples=200)[metric]
        assert 0 < low < getattr(Halves(hits, pivot, relations).held_out(metric), metric) < high


def test_pairs_that_are_all_chance_seem_to_gain_in_few_of_many_studies() -> None:
    wrong = 0
    for seed in range(40):
        hits, pivot, relations = _drawn(seed, 120, 0.0)
        hits[1] = hits[0] ^ (np.random.default_rng(1000 + seed).random(120) < 0.1)
        low, _ = held_out_intervals(hits, pivot, relations, "accuracy", splits=5, resamples=100)["accuracy"]
        wrong += low > 0
    assert wrong <= 2


def test_it_is_the_median_of_each_halfs_own_bootstrap() -> None:
    """Against the naive form: each half drawn by itself, within ten percent of its width."""
    hits, pivot, relations = _drawn(3, 300, 0.3)
    first = split_halves(relations, 6)
    halves = np.concatenate([first, ~first])
    bounds = []
    for half, other in zip(halves, np.roll(halves, 6, axis=0), strict=True):
        names = [name for name, chosen in zip(relations, half, strict=True) if chosen]
        row = 1 + int(resample_measures(hits[:, half], pivot[half], names, 2)[0].value[1:].argmax())
        names = [name for name, chosen in zip(relations, other, strict=True) if chosen]
        drawn = resample_measures(hits[[0, row]][:, other], pivot[other], names, 1000)[0].samples
        bounds.append(np.percentile(drawn[1] - drawn[0], (1.25, 98.75)))
    low, high = held_out_intervals(hits, pivot, relations, "accuracy", splits=6)["accuracy"]
    assert (low, high) == pytest.approx(np.median(bounds, axis=0), abs=0.1 * (high - low))


def test_too_few_facts_and_no_pair_give_no_interval() -> None:
    few, many = _drawn(0, ENOUGH - 1, 0.4), _drawn(0, ENOUGH, 0.4)
    for hits, pivot, relations in (few, (many[0][:1], *many[1:])):
        found = held_out_intervals(hits, pivot, relations, "accuracy")
        assert all(math.isnan(bound) for bounds in found.values() for bound in bounds)
    assert not math.isnan(held_out_intervals(*many, "accuracy")["accuracy"][0])
