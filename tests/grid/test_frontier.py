"""Any cells asked of the frontier are those of one hooked forward pass each, for no more than their share of work."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from lrp2_bench.core.types import LayerPair, all_pairs
from lrp2_bench.grid import schedule
from lrp2_bench.grid.cost import ModelShape, grid_cost
from lrp2_bench.grid.frontier import FrontierRunner
from lrp2_bench.grid.plan import GridPlan, plan_grid
from lrp2_bench.interventions.projection import shifts
from lrp2_bench.models.layered import LayeredModel
from lrp2_bench.probing.probe import Queries, Shape
from tests.support import naive
from tests.support.models import ARCHITECTURES
from tests.support.probing import load

SENTENCES = ["Die Hauptstadt von Frankreich ist Paris .", "Japan liegt in Asien .", "法国的首都是巴黎。", "Paris"]


def _queries(model: LayeredModel) -> Queries:
    tokens = model.batch([model.tokenizer(text)["input_ids"] for text in SENTENCES])
    return Queries(tokens, torch.tensor([[0, 2], [1, 1], [2, 0], [0, 0]]))


def _vectors(model: LayeredModel) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(7)
    language, pivot = torch.randn(2, model.blocks + 1, model.hidden_size, generator=generator)
    return language, pivot


def _run(
    model: LayeredModel, plan: GridPlan, wanted: Tensor, step_tokens: int = 2048
) -> tuple[dict[tuple[int, int], Tensor], FrontierRunner]:
    """(query, setting) -> final states at the query's positions, each once."""
    runner = FrontierRunner(model, plan, shifts(*_vectors(model)), step_tokens)
    with torch.inference_mode():
        final = runner(_queries(model), wanted)
    cells = list(zip(final.query.tolist(), final.setting.tolist(), strict=True))
    assert len(cells) == len(set(cells))
    return dict(zip(cells, final.hidden, strict=True)), runner


def _alone(model: LayeredModel, setting: LayerPair | None) -> Tensor:
    """The same of every query by Hugging Face's forward with hooks: ``[query, scored, hidden]``."""
    queries = _queries(model)
    with naive.moved(model.model, setting, *_vectors(model)):
        found = []
        for text, positions in zip(SENTENCES, queries.positions, strict=True):
            ids = model.tokenizer(text, return_tensors="pt")["input_ids"]
            found.append(naive.states(model.model, ids)[-1, 0, positions])
    return torch.stack(found)


def _masks(plan: GridPlan) -> dict[str, Tensor]:
    shape, generator = (len(SENTENCES), len(plan.settings)), torch.Generator().manual_seed(3)
    random = {f"random {share}": torch.rand(shape, generator=generator) < share for share in (0.1, 0.4, 0.8)}
    one_query = torch.zeros(shape, dtype=torch.bool)
    one_query[2] = True
    one_setting = torch.zeros(shape, dtype=torch.bool)
    one_setting[:, -1] = True
    diagonal = torch.eye(*shape, dtype=torch.bool)
    return {
        "all": torch.ones(shape, dtype=torch.bool),
        "one query": one_query,
        "one setting": one_setting,
        "each query another setting": diagonal,
        **random,
    }


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_any_cells_wanted_are_those_of_each_setting_by_itself(
    architecture: str, model_folder: Callable[[str], Path]
) -> None:
    model = load(model_folder(architecture))
    plan = plan_grid(model.blocks, all_pairs(model.blocks))
    alone = [_alone(model, setting) for setting in plan.settings]
    assert min((one - two).abs().max() for one in alone for two in alone if one is not two) > 1e-2
    for name, wanted in _masks(plan).items():
        cells, _ = _run(model, plan, wanted)
        assert set(cells) == {(q, s) for q, s in wanted.nonzero().tolist()}, name
        for (query, setting), hidden in cells.items():
            torch.testing.assert_close(hidden, alone[setting][query], atol=2e-4, rtol=1e-4, msg=f"{name} {setting}")


@pytest.mark.parametrize("architecture", ["bert", "bloom"])
@pytest.mark.parametrize("step_tokens", [1, 13, 40])
def test_states_do_not_depend_on_how_many_tokens_pass_a_block_at_once(
    step_tokens: int, architecture: str, model_folder: Callable[[str], Path]
) -> None:
    model = load(model_folder(architecture))
    plan = plan_grid(model.blocks, all_pairs(model.blocks))
    whole, one = _run(model, plan, _masks(plan)["all"])
    few, other = _run(model, plan, _masks(plan)["all"], step_tokens)
    assert replace(one.work, padding=0) == replace(other.work, padding=0)
    for cell, hidden in whole.items():
        torch.testing.assert_close(few[cell], hidden, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("architecture", ["bert", "bloom"])
@pytest.mark.parametrize("baseline", [True, False])
@pytest.mark.parametrize(
    "pairs",
    [
        (LayerPair(2, 3),),
        (LayerPair(1, 2),),
        (LayerPair(3, 4),),
        (LayerPair(1, 4), LayerPair(3, 4)),
        (LayerPair(2, 3), LayerPair(2, 4)),
        all_pairs(4),
    ],
)
def test_settings_cost_their_share_and_give_their_own_states(
    pairs: tuple[LayerPair, ...], baseline: bool, architecture: str, model_folder: Callable[[str], Path]
) -> None:
    model = load(model_folder(architecture))
    plan = plan_grid(model.blocks, pairs, baseline=baseline)
    wanted = torch.ones(len(SENTENCES), len(plan.settings), dtype=torch.bool)
    cells, runner = _run(model, plan, wanted)
    alone = [_alone(model, setting) for setting in plan.settings]
    for (query, setting), hidden in cells.items():
        torch.testing.assert_close(hidden, alone[setting][query], atol=2e-4, rtol=1e-4)
    lengths = tuple(_queries(model).tokens.keep.sum(dim=1).tolist())
    assert len(set(lengths)) > 2
    finals = len(lengths) * len(plan.settings)
    assert runner.work.finals == finals
    assert runner.work.rows == len(lengths) * plan.block_runs - finals
    assert runner.work.tokens * len(lengths) == runner.work.rows * sum(lengths)
    cost = grid_cost(ModelShape.plain(model.blocks, 32, 128, 100), plan, [Shape(lengths, 2, 0, 1, 0, 0)])
    assert (cost.rows, cost.tokens, cost.finals) == (runner.work.rows, runner.work.tokens, runner.work.finals)


@pytest.mark.parametrize(("step_tokens", "most"), [(1, 0.0), (512, 0.05), (2048, 0.05)])
def test_next_to_no_padding_passes_a_block(
    step_tokens: int, most: float, model_folder: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "_FEW", 0.0)
    model = load(model_folder("bert"))
    plan = plan_grid(model.blocks, all_pairs(model.blocks))
    work = _run(model, plan, _masks(plan)["all"], step_tokens)[1].work
    assert 0 <= work.padding <= most * (work.tokens + work.padding)


@pytest.mark.parametrize("pair", all_pairs(4), ids=str)
def test_one_pair_costs_one_pass(pair: LayerPair, model_folder: Callable[[str], Path]) -> None:
    model = load(model_folder("bert"))
    plan = plan_grid(model.blocks, all_pairs(model.blocks))
    wanted = torch.zeros(len(SENTENCES), len(plan.settings), dtype=torch.bool)
    wanted[1, plan.settings.index(pair)] = True
    _, runner = _run(model, plan, wanted)
    assert (runner.work.rows, runner.work.finals) == (model.blocks - 1, 1)


def test_cells_cost_what_a_plan_of_each_querys_own_settings_costs(model_folder: Callable[[str], Path]) -> None:
    model = load(model_folder("bert"))
    plan = plan_grid(model.blocks, all_pairs(model.blocks))
    whole = _run(model, plan, _masks(plan)["all"])[1].work
    for name, wanted in _masks(plan).items():
        work = _run(model, plan, wanted)[1].work
        rows = 0
        for query in wanted:
            chosen = [setting for setting, want in zip(plan.settings, query.tolist(), strict=True) if want]
            if chosen:
                pairs = [setting for setting in chosen if setting is not None]
                own = plan_grid(model.blocks, pairs, baseline=None in chosen)
                rows += own.block_runs - len(own.settings)
        assert (work.rows, work.finals) == (rows, int(wanted.sum())), name
        assert work.rows <= whole.rows


def test_the_callers_embeddings_and_shifts_are_left_as_they_are(model_folder: Callable[[str], Path]) -> None:
    model = load(model_folder("bert"))
    plan, moved = plan_grid(model.blocks, all_pairs(model.blocks)), shifts(*_vectors(model))
    before = moved.clone()
    runner = FrontierRunner(model, plan, moved, 2048)
    wanted = _masks(plan)["all"]
    with torch.inference_mode():
        first, second = runner(_queries(model), wanted), runner(_queries(model), wanted)
    assert torch.equal(moved, before)
    assert torch.equal(first.hidden, second.hidden)
