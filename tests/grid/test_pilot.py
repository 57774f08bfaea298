"""A pilot's seconds stand for those of the whole, whatever a batch costs by itself."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.types import all_pairs
from lrp2_bench.data.mlama import MLama
from lrp2_bench.grid import pilot
from lrp2_bench.grid.plan import GridPlan, plan_grid
from lrp2_bench.probing.probe import Probe
from tests.support.probing import AMPLE, load, probe_of, relation_of

PLAN = plan_grid(4, all_pairs(4))


@pytest.fixture
def probes(model_folder: Callable[[str], Path], toy_mlama: Path) -> list[Probe]:
    model = load(model_folder("bert"))
    return [probe_of(model, relation) for relation in MLama(toy_mlama).facts("de", "en", DataWarnings()).relations]


def _clock(
    monkeypatch: pytest.MonkeyPatch, seconds: Callable[[Probe, Sequence[int]], float]
) -> list[tuple[Probe, list[int]]]:
    """Runs are not run but take ``seconds``; what was asked for comes back."""
    asked: list[tuple[Probe, list[int]]] = []

    def fake(probe: Probe, plan: GridPlan, edit: object, limits: object, facts: Sequence[int]) -> float:
        asked.append((probe, list(facts)))
        return seconds(probe, facts)

    monkeypatch.setattr(pilot, "_time", fake)
    return asked


def _flops(probe: Probe, facts: Sequence[int] | None) -> float:
    return pilot._flops(probe, PLAN, AMPLE, facts)


@pytest.mark.parametrize("once", [0.0, 0.5], ids=["in proportion", "and half a second a run"])
def test_runs_that_cost_what_is_certain_and_something_once_are_told_exactly(
    once: float, probes: list[Probe], monkeypatch: pytest.MonkeyPatch
) -> None:
    _clock(monkeypatch, lambda probe, facts: once + _flops(probe, facts) / 1e6)
    estimate = pilot.estimate(probes, PLAN, torch.zeros(0), AMPLE, seed=0)
    whole = sum(once + _flops(probe, None) / 1e6 for probe in probes)
    assert estimate.seconds == pytest.approx(whole, rel=1e-6)
    assert estimate.error == pytest.approx(0.0, abs=1e-6)


def test_rows_of_the_head_are_scaled_as_seconds_are(probes: list[Probe], monkeypatch: pytest.MonkeyPatch) -> None:
    def ran(probe: Probe, facts: Sequence[int]) -> float:
        probe.counts.rough_log_partitions += round(_flops(probe, facts))
        probe.counts.exact_log_partitions += round(_flops(probe, facts))
        probe.counts.partial_log_partitions += 3 * round(_flops(probe, facts))
        return _flops(probe, facts) / 1e6

    _clock(monkeypatch, ran)
    estimate = pilot.estimate(probes, PLAN, torch.zeros(0), AMPLE, seed=0)
    whole = sum(_flops(probe, None) for probe in probes)
    assert estimate.rows == pytest.approx(2 * whole, rel=1e-6)
    assert estimate.partial_rows == pytest.approx(3 * whole, rel=1e-6)


def test_relations_are_drawn_by_what_they_cost(probes: list[Probe], monkeypatch: pytest.MonkeyPatch) -> None:
    """A relation three times as slow as the others counts by its share of the cost, on average over seeds."""
    slow = probes[0]
    _clock(monkeypatch, lambda probe, facts: _flops(probe, facts) / 1e6 * (3 if probe is slow else 1))
    whole = sum(_flops(probe, None) / 1e6 * (3 if probe is slow else 1) for probe in probes)
    told = [pilot.estimate(probes, PLAN, torch.zeros(0), AMPLE, seed) for seed in range(40)]
    assert sum(estimate.seconds for estimate in told) / len(told) == pytest.approx(whole, rel=0.1)
    assert max(estimate.error for estimate in told) > 0


def test_a_pilot_takes_its_share_of_the_seconds(probes: list[Probe], monkeypatch: pytest.MonkeyPatch) -> None:
    asked = _clock(monkeypatch, lambda probe, facts: _flops(probe, facts) / 1e3)
    estimate = pilot.estimate(probes, PLAN, torch.zeros(0), AMPLE, seed=0)
    whole = sum(_flops(probe, None) / 1e3 for probe in probes)
    assert whole > 100 * pilot._SECONDS, "or the whole would be short enough to run"
    assert sum(len(facts) for _, facts in asked) < 10
    assert estimate.seconds == pytest.approx(whole, rel=1e-6)


def test_nothing_to_run_takes_no_time(model_folder: Callable[[str], Path]) -> None:
    nothing = probe_of(load(model_folder("bert")), relation_of("[X] [Y]", []))
    assert pilot.estimate([nothing], PLAN, torch.zeros(0), AMPLE, seed=0) == pilot.Estimate(0.0, 0.0, 0, 0)


def test_facts_that_cannot_be_asked_cost_nothing(
    model_folder: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = [("[MASK]", "Paris"), ("Japan", "Berlin"), *[("[MASK]", "Berlin")] * 8]
    probe = probe_of(load(model_folder("bert")), relation_of("[X] [Y]", facts))
    _clock(monkeypatch, lambda probe, facts: _flops(probe, facts) / 1e6)
    for seed in range(5):
        estimate = pilot.estimate([probe], PLAN, torch.zeros(0), AMPLE, seed)
        assert estimate.seconds == pytest.approx(_flops(probe, None) / 1e6)


def test_a_plan_is_no_longer_where_other_programs_keep_the_processor(
    probes: list[Probe], monkeypatch: pytest.MonkeyPatch
) -> None:
    wall = itertools.count(0, 1000)
    monkeypatch.setattr(time, "perf_counter", lambda: float(next(wall)))
    monkeypatch.setattr(time, "monotonic", lambda: float(next(wall)))
    assert 0 < pilot.estimate(probes, PLAN, torch.zeros(5, 32), AMPLE, seed=0).seconds < 1000
