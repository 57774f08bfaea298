"""Resampling by weights equals drawing facts one by one, and its intervals have the widths that theory gives."""

from __future__ import annotations

import math
import random

import numpy as np
import numpy.typing as npt
import pytest

from lrp2_bench.core.types import Hits
from lrp2_bench.metrics import hits as metrics
from lrp2_bench.stats import bootstrap
from lrp2_bench.stats.bootstrap import Resampled, resample_accuracy, resample_measures

RELATIONS = ("P36",) * 25 + ("P30",) * 9 + ("P17",) + ("P36",) * 12


def some_hits(settings: int = 6, facts: int = len(RELATIONS), seed: int = 0) -> tuple[Hits, npt.NDArray[np.int8]]:
    rng = np.random.default_rng(seed)
    hits = (rng.random((settings, facts)) < 0.4).astype(np.int8)
    return hits, rng.integers(-1, 2, facts).astype(np.int8)


def drawn(resamples: int, seed: int = 0) -> npt.NDArray[np.int64]:
    """``[resample, fact]``: how often the fact was drawn."""
    return np.concatenate([w for _, w in bootstrap.resample_weights(RELATIONS, resamples, seed)]).astype(np.int64)


def test_every_resample_is_the_measure_of_the_facts_drawn_with_their_repeats() -> None:
    hits, pivot = some_hits()
    accuracy, transferability = resample_measures(hits, pivot, RELATIONS, resamples=300, seed=3)
    for number, counts in enumerate(drawn(300, seed=3)):
        facts = np.repeat(np.arange(len(RELATIONS)), counts)
        assert accuracy.samples[:, number] == pytest.approx(metrics.accuracy(hits[:, facts]), abs=1e-9)
        expected = metrics.transferability(hits[:, facts], pivot[facts])
        assert transferability.samples[:, number] == pytest.approx(expected, abs=1e-9)
    assert accuracy.value == pytest.approx(metrics.accuracy(hits))
    assert transferability.value == pytest.approx(metrics.transferability(hits, pivot))


def test_a_plain_loop_with_its_own_draws_gives_the_same_intervals() -> None:
    hits, pivot = some_hits(settings=3)
    ours = resample_measures(hits, pivot, RELATIONS, resamples=20_000)
    rng = random.Random(1)
    members = [[at for at, name in enumerate(RELATIONS) if name == relation] for relation in sorted(set(RELATIONS))]
    samples: tuple[list[Hits], list[Hits]] = ([], [])
    for _ in range(4_000):
        facts = [rng.choice(group) for group in members for _ in group]
        samples[0].append(metrics.accuracy(hits[:, facts]))
        samples[1].append(metrics.transferability(hits[:, facts], pivot[facts]))
    for measure, looped in zip(ours, samples, strict=True):
        table = np.array(looped).T
        for bounds, plain in ((measure.intervals(), table), (measure.changes(), table - table[0])):
            assert bounds[:, 1] == pytest.approx(np.percentile(plain, 2.5, axis=1), abs=2.5)
            assert bounds[:, 2] == pytest.approx(np.percentile(plain, 97.5, axis=1), abs=2.5)
        assert measure.samples.std(axis=1) == pytest.approx(table.std(axis=1), rel=0.05)


def test_relations_keep_their_sizes_and_each_fact_is_drawn_once_on_average() -> None:
    counts = drawn(4_000)
    for relation in set(RELATIONS):
        of_it = np.array([name == relation for name in RELATIONS])
        assert (counts[:, of_it].sum(axis=1) == of_it.sum()).all()
        # Drawn n times with chance 1/n each: mean 1, variance 1 - 1/n.
        assert counts[:, of_it].mean(axis=0) == pytest.approx(1.0, abs=0.1)
        assert counts[:, of_it].var() == pytest.approx(1 - 1 / of_it.sum(), rel=0.03, abs=1e-12)


def test_how_many_resamples_are_held_at_a_time_does_not_change_what_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = drawn(300)
    monkeypatch.setattr(bootstrap, "_CHUNK", 7)
    assert (drawn(300) == whole).all()
    assert (drawn(100) == whole[:100]).all()


def test_the_seed_decides() -> None:
    hits, pivot = some_hits()
    first, again, other = (resample_measures(hits, pivot, RELATIONS, 50, seed)[1] for seed in (0, 0, 1))
    assert (first.samples == again.samples).all()
    assert (first.samples != other.samples).any()


def test_accuracy_alone_is_that_of_both_measures() -> None:
    hits, pivot = some_hits()
    alone = resample_accuracy(hits, RELATIONS, 200, seed=5)
    assert (alone.samples == resample_measures(hits, pivot, RELATIONS, 200, seed=5)[0].samples).all()


def test_the_interval_of_one_relation_is_that_of_the_binomial() -> None:
    facts, right = 200, 60
    hits = np.zeros((1, facts), dtype=np.int8)
    hits[0, :right] = 1
    interval = resample_accuracy(hits, ["P36"] * facts, resamples=40_000).interval(0)
    assert interval.value == 30
    assert interval.low == pytest.approx(100 * _binomial_quantile(0.025, facts, right / facts) / facts, abs=0.5)
    assert interval.high == pytest.approx(100 * _binomial_quantile(0.975, facts, right / facts) / facts, abs=0.5)


def test_the_spread_is_that_of_a_stratified_sample() -> None:
    """A relation known whole adds nothing: Var = sum of n p (1 - p) over relations, not over all facts at once."""
    hits = np.array([[1] * 100 + [0] * 50 + [1] * 50], dtype=np.int8)
    samples = resample_accuracy(hits, ["P30"] * 100 + ["P36"] * 100, resamples=20_000).samples
    assert samples.std() == pytest.approx(100 * math.sqrt(100 * 0.25) / 200, rel=0.03)
    assert samples.std() < 0.9 * 100 * math.sqrt(200 * 0.75 * 0.25) / 200


def test_changes_are_paired() -> None:
    """Ten of 200 facts gained: the change spreads as those ten do, however uncertain both accuracies are."""
    before = np.array([0, 1] * 100, dtype=np.int8)
    after = before.copy()
    after[:20:2] = 1
    accuracy = resample_accuracy(np.stack([before, before, after]), ["P36"] * 200, resamples=20_000)
    same, gained = accuracy.change(1), accuracy.change(2)
    assert (same.value, same.low, same.high) == (0, 0, 0)
    assert gained.value == 5
    assert gained.low == pytest.approx(100 * _binomial_quantile(0.025, 200, 0.05) / 200, abs=0.5)
    assert gained.high == pytest.approx(100 * _binomial_quantile(0.975, 200, 0.05) / 200, abs=0.5)
    assert accuracy.change(1, against=2).value == -5
    assert accuracy.interval(0).high - accuracy.interval(0).low > 2 * (gained.high - gained.low)


def test_one_row_is_the_row_of_all() -> None:
    hits, pivot = some_hits()
    for measure in resample_measures(hits, pivot, RELATIONS, 100):
        for row in range(len(hits)):
            one, change = measure.interval(row), measure.change(row, against=2)
            assert [one.value, one.low, one.high] == pytest.approx(measure.intervals()[row])
            assert [change.value, change.low, change.high] == pytest.approx(measure.changes(against=2)[row])
            assert one.low <= one.value <= one.high


def test_where_nobody_hits_anything_transferability_is_nought_in_every_resample() -> None:
    hits = np.zeros((2, 4), dtype=np.int8)
    for pivot in (np.zeros(4, dtype=np.int8), np.full(4, -1, dtype=np.int8)):
        _, transferability = resample_measures(hits, pivot, ["P36"] * 4, 20)
        assert (transferability.samples == 0).all() and (transferability.value == 0).all()


def test_over_no_facts_there_is_no_value() -> None:
    hits = np.zeros((2, 0), dtype=np.int8)
    measures = (resample_accuracy(hits, []), *resample_measures(hits, np.zeros(0, dtype=np.int8), []))
    for measure in measures:
        assert isinstance(measure, Resampled)
        interval = measure.change(1)
        assert all(math.isnan(number) for number in (interval.value, interval.low, interval.high))


def test_open_facts_and_unequal_lengths_are_refused() -> None:
    hits, pivot = some_hits()
    with pytest.raises(ValueError, match="46 facts, but relations name 47"):
        resample_accuracy(hits[:, 1:], RELATIONS)
    with pytest.raises(ValueError, match=r"shape \(46,\)"):
        resample_measures(hits, pivot[1:], RELATIONS)
    hits[3, 3] = -1
    with pytest.raises(ValueError, match="fully evaluated"):
        resample_accuracy(hits, RELATIONS)


def _binomial_quantile(share: float, n: int, p: float) -> int:
    """The least k with P(X <= k) >= share."""
    total = 0.0
    for k in range(n + 1):
        total += math.comb(n, k) * p**k * (1 - p) ** (n - k)
        if total >= share:
            return k
    return n
