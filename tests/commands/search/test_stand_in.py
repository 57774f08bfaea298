"""A plan times the intervention that is asked for, made without a corpus."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from lrp2_bench.commands.search.projection import choose_projection
from lrp2_bench.commands.search.stand_in import stand_in_edit
from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.settings import ProjectionSettings, ProjectionTokens, SearchCommand
from lrp2_bench.core.types import ParallelFacts
from lrp2_bench.data.mlama import MLama
from lrp2_bench.interventions.base import Edit
from lrp2_bench.interventions.registry import INTERVENTIONS
from lrp2_bench.models.layered import LayeredModel

LANGUAGES = ("de", "en", "fr", "zh")


@pytest.fixture
def facts(toy_mlama: Path) -> ParallelFacts:
    return MLama(toy_mlama).facts("de", "en", DataWarnings())


def _edit(model: LayeredModel, facts: ParallelFacts, settings: ProjectionSettings) -> Edit:
    command = SearchCommand(language="de", projection=settings)
    return stand_in_edit(choose_projection(command, lambda: LANGUAGES), command, model, facts)


@pytest.mark.parametrize("kind", INTERVENTIONS.names())
def test_every_intervention_is_made_and_moves_states(kind: str, bert: LayeredModel, facts: ParallelFacts) -> None:
    settings = ProjectionSettings(kind=kind, language="fr" if kind == "other_pivot" else None)
    edit = _edit(bert, facts, settings)
    states = torch.randn(3, 5, bert.hidden_size)
    found = [edit.enter(1, states), edit.leave(3, states), *([edit.between(2, states)] if edit.acts_between else [])]
    assert all(moved.isfinite().all() for moved in found)
    assert any((moved - states).abs().max() > 1e-4 for moved in found)


def test_settings_of_an_intervention_are_the_jobs_own(bert: LayeredModel, facts: ParallelFacts) -> None:
    states = torch.randn(3, 5, bert.hidden_size)
    once = _edit(bert, facts, ProjectionSettings()).enter(1, states) - states
    twice = _edit(bert, facts, ProjectionSettings(strength=2.0)).enter(1, states) - states
    torch.testing.assert_close(twice, 2 * once)
    assert (once != 0).all()
    batch = bert.batch([[1, 5, 6, 2]])
    last = _edit(bert, facts, ProjectionSettings(tokens=ProjectionTokens.last)).tokens(batch)
    assert last is not None and int(last.sum()) == 1
