"""Hits at every strength are those of one hooked forward pass each, from shared trunks and branches."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.types import LayerPair, all_pairs
from lrp2_bench.data.mlama import MLama
from lrp2_bench.grid.cost import ModelShape, grid_cost
from lrp2_bench.grid.frontier import FrontierRunner
from lrp2_bench.grid.plan import GridPlan, plan_grid
from lrp2_bench.grid.schedule import Numbers, Scheduler
from lrp2_bench.interventions.base import Edit
from lrp2_bench.interventions.projection import shifts
from lrp2_bench.models.layered import LayeredModel
from lrp2_bench.probing.pools import pool_of
from lrp2_bench.probing.probe import Queries, Shape
from tests.support import naive
from tests.support.families import FAMILIES, build_family, load_generic
from tests.support.probing import hits_of, load, probe_of
from tests.support.properties import steady
from tests.support.vectors import random_vectors

#: Strengths there and back, each the same both ways where there is one; 0 is no way back.
STRENGTHS = ((1.0, None), (0.5, 0.0), (0.5, None), (0.5, 2.0))


def _settings(blocks: int) -> list[LayerPair]:
    return [pair.at(*strengths) for pair in all_pairs(blocks) for strengths in STRENGTHS]


@pytest.mark.parametrize("architecture", ["bert", "bloom", "llama"])
def test_hits_of_every_strength_are_those_of_one_hooked_pass_each(
    architecture: str, model_folder: Callable[[str], Path], toy_mlama: Path, tmp_path: Path
) -> None:
    model = (
        load_generic(build_family(tmp_path, architecture)) if architecture in FAMILIES
        else load(model_folder(architecture))
    )  # fmt: skip
    [relation] = MLama(toy_mlama, relations=["P36"]).facts("de", "en", DataWarnings()).relations
    language, pivot = random_vectors(model, 1), random_vectors(model, 2)
    plan, pool = plan_grid(model.blocks, _settings(model.blocks)), pool_of(relation, None, 0)
    ours = hits_of(probe_of(model, relation), len(relation.facts), plan, shifts(language, pivot))
    candidates = [list(pool.labels)] * len(relation.facts)
    theirs = naive.evaluate(model.model, model.tokenizer, relation, candidates, plan.settings, language, pivot)
    differing = ours != theirs.hits
    assert not (differing & ~theirs.too_close_to_call()).any()
    by_strength = ours[1:].reshape(-1, len(STRENGTHS), ours.shape[1])
    assert (by_strength != by_strength[:, :1]).any(), "no strength changes any hit, so this would prove nothing"
    plain = hits_of(probe_of(model, relation), len(relation.facts), plan_grid(model.blocks, all_pairs(model.blocks)),
                    shifts(language, pivot))  # fmt: skip
    at_one = [row for row, pair in enumerate(plan.settings) if pair is None or pair.strength == 1.0]
    assert (plain == ours[at_one]).all()


class _UsesBack(Edit):
    """As ReCoVeR, whose move on the way in depends on both strengths."""

    acts_between = before_leaving_uses_back = True

    def __init__(self, shift: Tensor, strength: float = 1.0, back: float = 1.0) -> None:
        self._shift, self._strength, self._back = shift, strength, back

    def enter(self, layer: int, hidden: Tensor) -> Tensor:
        return hidden + self._strength * self._shift[layer] - self._back * self._shift[layer - 1]

    between = enter

    def leave(self, layer: int, hidden: Tensor) -> Tensor:
        return hidden * self._back

    def at_strength(self, strength: float, back: float) -> Edit:
        return _UsesBack(self._shift, strength, back)


class _Between(_UsesBack):
    """Between the layers the way there alone counts."""

    before_leaving_uses_back = False

    def enter(self, layer: int, hidden: Tensor) -> Tensor:
        return hidden + self._strength * self._shift[layer]

    between = enter

    def at_strength(self, strength: float, back: float) -> Edit:
        return _Between(self._shift, strength, back)


@pytest.mark.parametrize("kind", [_UsesBack, _Between])
def test_an_edit_that_looks_at_the_way_back_early_gives_the_states_of_one_pass_each(
    kind: type[_UsesBack], model_folder: Callable[[str], Path]
) -> None:
    model = load(model_folder("bert"))
    edit = kind(random_vectors(model, 5, 1.0))
    plan = plan_grid(model.blocks, _settings(model.blocks), uses_back=edit.before_leaving_uses_back)
    tokens, last = model.batch([[5, 6, 7, 8], [9, 8, 7]]), torch.tensor([[3], [2]])
    runner = FrontierRunner(model, plan, edit, 64)
    with torch.inference_mode():
        final = runner(Queries(tokens, last), torch.ones(2, len(plan.settings), dtype=torch.bool))
        for hidden, query, setting in zip(final.hidden, final.query.tolist(), final.setting.tolist(), strict=True):
            want = _one_pass(model, edit, plan.settings[setting], tokens.ids)[query, int(last[query])]
            torch.testing.assert_close(hidden.flatten(), want, atol=1e-4, rtol=1e-4)
    assert runner.work.rows + runner.work.finals == 2 * plan.block_runs
    assert runner.work.finals == 2 * plan.final_runs


def _one_pass(model: LayeredModel, edit: Edit, pair: LayerPair | None, ids: Tensor) -> Tensor:
    tokens = model.batch([[each for each in row if each or not place] for place, row in enumerate(ids.tolist())])
    context, hidden, edit = model.context(tokens), model.embed(tokens), edit.for_pair(pair)
    for k in range(1, model.blocks + 1):
        hidden = model.block(k, hidden, context)
        if pair is not None and pair.lirp <= k <= pair.lsrp:
            act = edit.enter if k == pair.lirp else edit.leave if k == pair.lsrp else edit.between
            hidden = act(k, hidden)
    return hidden


@steady
@given(
    seed=st.integers(0, 999), blocks=st.integers(2, 5), share=st.sampled_from([0.1, 0.5, 1.0]), uses_back=st.booleans()
)
def test_every_wanted_cell_ends_once_moved_at_its_own_strengths(
    seed: int, blocks: int, share: float, uses_back: bool
) -> None:
    random = np.random.default_rng(seed)
    some = [pair for pair in _settings(blocks) if random.random() < 0.6]
    plan = plan_grid(blocks, some, uses_back=uses_back)
    wanted = random.random((4, len(plan.settings))) < share
    lengths: Numbers = random.integers(1, 9, size=4)
    scheduler = Scheduler(plan.settings, blocks, uses_back=uses_back)
    drawn = scheduler(wanted, lengths, 64, torch.device("cpu"))
    passed: list[list[object]] = [[number, None, None] for number in drawn.at(drawn.passages[0].query).tolist()]
    runs = 0
    for k, passage in enumerate(drawn.passages, start=1):
        assert [row[0] for row in passed] == drawn.at(passage.query).tolist()
        runs += len(passed)
        if passage.source is not None:
            passed = [list(passed[row]) for row in drawn.at(passage.source).tolist()]
        for side, moves in ((1, passage.enters), (2, passage.leaves)):
            for number, rows in moves:
                for row in drawn.at(rows).tolist():
                    assert passed[row][side] is None
                    passed[row][side] = (k, scheduler.strengths[number])
    cells = list(zip(drawn.at(drawn.query).tolist(), drawn.at(drawn.setting).tolist(), strict=True))
    assert sorted(cells) == [tuple(cell) for cell in np.argwhere(wanted).tolist()]
    for (_, entered, left), (_, setting) in zip(passed, cells, strict=True):
        pair = plan.settings[setting]
        if pair is None:
            assert entered is left is None
            continue
        assert left == (pair.lsrp, (pair.strength, pair.back))
        assert isinstance(entered, tuple) and entered[0] == pair.lirp and entered[1][0] == pair.strength
        assert not uses_back or entered[1][1] == pair.back
    if share == 1.0:
        assert runs == 4 * plan.block_runs


def _cost(plan: GridPlan) -> tuple[int, int]:
    shape = Shape(lengths=(5,), scored=1, candidate_tokens=3, log_partitions=0, sentences=1,
                  sentence_tokens=5)  # fmt: skip
    found = grid_cost(ModelShape.plain(12, 8, 16, 30), plan, [shape])
    return found.rows, found.finals


def test_the_trunk_is_counted_once_and_a_branch_for_each_strength() -> None:
    alone, whole = plan_grid(12, all_pairs(12)), plan_grid(12, [p.at(s) for p in all_pairs(12) for s in (0.5, 1.0)])
    assert whole.block_runs - 12 == 2 * (alone.block_runs - 12)
    backs = [pair.at(0.5, back) for pair in all_pairs(12) for back in (0.25, 0.5)]
    shared, apart = plan_grid(12, backs), plan_grid(12, backs, uses_back=True)
    assert shared.block_runs == alone.block_runs + (alone.block_runs - 12 - 66), "exits alone are run twice"
    assert apart.block_runs == whole.block_runs
    assert (alone.final_runs, whole.final_runs, shared.final_runs, apart.final_runs) == (67, 133, 1 + 2 * 55 + 11, 133)
    assert sum(_cost(shared)) == shared.block_runs
