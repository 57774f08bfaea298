"""Memory is bounded by a setting, and what does not fit is split, or named with the least that would do."""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.settings import GridSettings, ProbingSettings, SentenceScore
from lrp2_bench.core.types import Relation, all_pairs
from lrp2_bench.data.mlama import MLama
from lrp2_bench.grid import engine, limits
from lrp2_bench.grid.frontier import FrontierRunner
from lrp2_bench.grid.limits import Limits, free_bytes, limits_for, require_limits
from lrp2_bench.grid.plan import plan_grid
from lrp2_bench.models.layered import LayeredModel
from lrp2_bench.probing.probe import Shape, Workload
from tests.support.probing import AMPLE, hits_of, load, probe_of

GIB = 2**30


@pytest.fixture(params=["bert", "bloom"])
def model(request: pytest.FixtureRequest, model_folder: Callable[[str], Path]) -> LayeredModel:
    return load(model_folder(request.param))


@pytest.fixture
def relation(toy_mlama: Path) -> Relation:
    return MLama(toy_mlama, relations=["P17"]).facts("de", "en", DataWarnings()).relations[0]


def _shifts(model: LayeredModel) -> torch.Tensor:
    strength = 3 if model.family == "masked" else 20
    return strength * torch.randn(model.blocks + 1, model.hidden_size, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("memory_gb", [1e-5, 1e-3, 0.25, 3.0])
@pytest.mark.parametrize("settings", [1, 7])
def test_a_batch_in_all_settings_and_a_step_stay_within_the_memory_set(
    settings: int, memory_gb: float, model: LayeredModel
) -> None:
    plan = plan_grid(model.blocks, all_pairs(model.blocks)[: settings - 1])
    bounds = limits_for(model, plan, GridSettings(memory_gb=memory_gb))
    token = model.hidden_size * 4
    frontier = bounds.query_tokens * settings * 3 * token
    step = bounds.step_tokens * 10 * token
    assert frontier <= memory_gb * GIB / 2
    assert step <= memory_gb * GIB / 2 or bounds.step_tokens == 1
    assert (bounds.query_tokens + 1) * settings * 3 * token > memory_gb * GIB / 2, "and use what there is"


def test_more_memory_or_fewer_settings_hold_more(model: LayeredModel) -> None:
    whole, few = plan_grid(model.blocks, all_pairs(model.blocks)), plan_grid(model.blocks, ())
    small, large = (limits_for(model, whole, GridSettings(memory_gb=gigabytes)) for gigabytes in (0.5, 1.0))
    assert large.query_tokens == pytest.approx(2 * small.query_tokens, abs=1)
    assert limits_for(model, few, GridSettings(memory_gb=0.5)).query_tokens == pytest.approx(
        len(whole.settings) * small.query_tokens, abs=len(whole.settings)
    )


def test_by_default_a_quarter_of_what_is_free_and_no_more_than_helps(
    model: LayeredModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_grid(model.blocks, ())
    for free, taken in ((2 * GIB, 0.5), (400 * GIB, 1.0)):
        monkeypatch.setattr(limits, "free_bytes", lambda device, free=free: free)
        chosen = limits_for(model, plan, GridSettings())
        named = limits_for(model, plan, GridSettings(memory_gb=taken))
        assert replace(chosen, most_tokens=None) == replace(named, most_tokens=None)


def test_the_tokens_of_a_step_are_those_asked_for_where_they_fit(model: LayeredModel) -> None:
    plan = plan_grid(model.blocks, ())
    assert limits_for(model, plan, GridSettings(memory_gb=1.0)).step_tokens == 1024
    assert limits_for(model, plan, GridSettings(memory_gb=1.0, batch_tokens=99)).step_tokens == 99
    assert limits_for(model, plan, GridSettings(memory_gb=1e-4, batch_tokens=9999)).step_tokens < 9999


def test_free_memory_is_some_of_this_machines() -> None:
    assert 2**24 < free_bytes(torch.device("cpu")) < 2**50


def test_tokens_below_one_are_refused() -> None:
    with pytest.raises(BenchError, match="grid.batch_tokens=0: give a number of tokens from 1, or null"):
        require_limits(GridSettings(batch_tokens=0))


@pytest.mark.parametrize("memory_gb", [0.0, -1.0, math.nan, math.inf, 1e300])
def test_a_memory_that_is_none_is_refused(memory_gb: float, model: LayeredModel) -> None:
    with pytest.raises(BenchError, match=r"grid.memory_gb=.* Give a positive number of GiB, or null"):
        limits_for(model, plan_grid(model.blocks, ()), GridSettings(memory_gb=memory_gb))


@pytest.mark.parametrize("score", list(SentenceScore))
def test_the_states_alive_never_exceed_the_memory_set(
    score: SentenceScore, model: LayeredModel, relation: Relation, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, alive = plan_grid(model.blocks, all_pairs(model.blocks)), []
    run_block = FrontierRunner._run_block

    def watched(self: FrontierRunner, k: int, frontier: Any, *others: Any) -> None:
        alive.append(frontier.hidden.numel() * 4)
        run_block(self, k, frontier, *others)

    monkeypatch.setattr(FrontierRunner, "_run_block", watched)
    probe = probe_of(model, relation, None, ProbingSettings(sentence_score=score))
    longest = max(max(shape.lengths) for shape in probe.workload(1).certain + probe.workload(1).possible)
    token = 7 * 3 * model.hidden_size * 4
    hits = []
    for room in (longest, 2 * longest + 1, 10_000):
        alive.clear()
        memory_gb = 2 * (room + 0.5) * token / GIB
        bounds = limits_for(model, plan, GridSettings(memory_gb=memory_gb))
        assert bounds.query_tokens == room
        hits.append(hits_of(probe, len(relation.facts), plan, _shifts(model), bounds))
        assert max(alive) * 3 <= memory_gb * GIB / 2
    assert (hits[0] == hits[2]).all()
    assert (hits[1] == hits[2]).all()


def test_a_query_too_large_is_refused_with_the_least_memory_that_would_do(
    model: LayeredModel, relation: Relation
) -> None:
    plan, probe = plan_grid(model.blocks, all_pairs(model.blocks)), probe_of(model, relation)
    whole = hits_of(probe, len(relation.facts), plan, _shifts(model))

    def run(memory_gb: float) -> np.ndarray:
        bounds = limits_for(model, plan, GridSettings(memory_gb=memory_gb))
        return hits_of(probe, len(relation.facts), plan, _shifts(model), bounds)

    with pytest.raises(BenchError, match=r"A query of \d+ tokens in 7 configurations does not fit") as refused:
        run(1e-5)
    found = re.search(r"Set grid.memory_gb=(\S+) or more", str(refused.value))
    assert found
    assert (run(float(found[1])) == whole).all()
    with pytest.raises(BenchError, match="does not fit"):
        run(float(found[1]) * 0.97)


@contextmanager
def _memory_for(model: LayeredModel, monkeypatch: pytest.MonkeyPatch, fits: Callable[[torch.Tensor], bool]) -> Any:
    """The model's blocks run out of memory where ``fits`` says no; counts how often they did."""
    block, refused = model.block, []

    def limited(k: int, hidden: torch.Tensor, context: Any) -> torch.Tensor:
        if not fits(hidden):
            refused.append(tuple(hidden.shape))
            raise torch.OutOfMemoryError("out of memory, in play")
        return block(k, hidden, context)

    engine._say_once.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(model, "block", limited)
        yield refused


@pytest.mark.parametrize(
    "fits",
    [lambda hidden: len(hidden) <= 6, lambda hidden: len(hidden) <= 2, lambda hidden: len(hidden) <= 1],
    ids=["a few rows", "two rows", "one row"],
)
def test_where_memory_runs_out_batches_are_halved_with_the_same_hits_and_one_warning(
    fits: Callable[[torch.Tensor], bool],
    model: LayeredModel,
    relation: Relation,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    plan = plan_grid(model.blocks, all_pairs(model.blocks))
    whole, halved = probe_of(model, relation), probe_of(model, relation)
    expected = hits_of(whole, len(relation.facts), plan, _shifts(model))
    finished: list[int] = []
    with _memory_for(model, monkeypatch, fits) as refused, caplog.at_level(logging.WARNING):
        ours = engine.evaluate(halved, plan, _shifts(model), range(len(relation.facts)), AMPLE, finished.append)
    assert len(refused) > 1
    assert (ours == expected).all()
    assert halved.counts == whole.counts, "what was begun and given up is not counted"
    assert sum(finished) == len(relation.facts) * len(plan.settings)
    [warning] = [record for record in caplog.records if "out of memory" in record.message]
    assert "grid.memory_gb" in warning.message


def test_memory_that_holds_not_even_one_row_is_an_error(
    model: LayeredModel, relation: Relation, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_grid(model.blocks, all_pairs(model.blocks))
    with _memory_for(model, monkeypatch, lambda hidden: False), pytest.raises(torch.OutOfMemoryError):
        hits_of(probe_of(model, relation), len(relation.facts), plan, _shifts(model))


def test_limits_made_by_hand_refuse_nothing(model: LayeredModel, relation: Relation) -> None:
    probe = probe_of(model, relation)
    assert Limits(1, 1).require(probe.workload(1), 7) is None


def test_without_a_set_memory_a_long_query_runs_alone_instead_of_being_refused(
    model_folder: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load(model_folder("bloom"))
    plan = plan_grid(model.blocks, all_pairs(model.blocks))
    free = 4 * 10**6
    monkeypatch.setattr("lrp2_bench.grid.limits.free_bytes", lambda device: free)
    limits = limits_for(model, plan, GridSettings())
    long = Shape((limits.query_tokens + 1,), 1, 1, 1, 1, 1)
    limits.require(Workload([long], []), len(plan.settings))
    assert limits.most_tokens is not None and limits.most_tokens > 3 * limits.query_tokens
    too_long = replace(long, lengths=(limits.most_tokens + 1,))
    with pytest.raises(BenchError, match="Set grid.memory_gb="):
        limits.require(Workload([too_long], []), len(plan.settings))
