"""What every registered intervention keeps; a new one is tested here as soon as it is registered."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest
import torch

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.settings import ProjectionSettings
from lrp2_bench.core.types import all_pairs
from lrp2_bench.interventions.base import Edit, Intervention
from lrp2_bench.interventions.registry import INTERVENTIONS, intervention, is_label, name_in
from tests.support.interventions import OTHER, edit_of, settings_of

LAYERS, HIDDEN = 5, 12
BLOCKS = LAYERS - 1

pytestmark = pytest.mark.parametrize("name", INTERVENTIONS.names())


def _vectors(name: str) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return {side: torch.randn(LAYERS, HIDDEN, generator=generator) for side in ("language", "pivot", "other")}


def _edit(name: str, seed: int = 0) -> Edit:
    return edit_of(name, **_vectors(name), seed=seed)


def test_it_says_what_it_is(name: str) -> None:
    kind = INTERVENTIONS.get(name)
    assert issubclass(kind, Intervention) and kind.name == name and name.isidentifier()
    assert kind.how.format(other="xx") and kind.uses <= {each.name for each in fields(ProjectionSettings)}


def test_its_label_is_a_folder_that_leads_back_to_it(name: str) -> None:
    label = intervention(settings_of(name)).label
    assert name_in(label) == name and "/" not in label
    assert is_label(label) == (name != "lrp2")


def test_its_settings_and_third_language_tell_its_identity(name: str) -> None:
    made = intervention(settings_of(name))
    made.require("de", "en")
    other = made.other("de", "en", lambda: ("de", "en", OTHER))
    assert made.identity(other).startswith(name)
    if other is not None:
        assert other in made.identity(other) and other not in ("de", "en")
    if "seed" in made.uses and other is None:
        assert made.identity(None) != intervention(settings_of(name, seed=1)).identity(None)


@pytest.mark.parametrize("other", [{"rank": 3}, {"dimensions": 0.1}, {"keep_norm": True}])
def test_settings_of_others_that_it_does_not_read_are_refused(name: str, other: dict[str, Any]) -> None:
    made, ((setting, _),) = intervention(settings_of(name, **other)), other.items()
    if setting in made.uses:
        made.require("de", "en")
    else:
        with pytest.raises(BenchError, match=f"projection.{setting}=.* has no effect on projection={name}"):
            made.require("de", "en")


def test_pairs_that_change_states_alike_share_a_representative_of_the_model(name: str) -> None:
    kind = INTERVENTIONS.get(name)
    for blocks in (2, BLOCKS):
        for pair in all_pairs(blocks):
            stands = kind.representative(pair, blocks)
            assert stands in all_pairs(blocks) and kind.representative(stands, blocks) == stands
        assert list(kind.distinct_pairs(blocks)) == sorted({kind.representative(p, blocks) for p in all_pairs(blocks)})


def test_a_pair_and_its_representative_give_the_same_states(name: str) -> None:
    kind, edit = INTERVENTIONS.get(name), _edit(name)
    start = torch.randn(3, HIDDEN, generator=torch.Generator().manual_seed(2))
    for pair in all_pairs(BLOCKS):
        ends = []
        for one in (pair, kind.representative(pair, BLOCKS)):
            hidden = start
            for layer in range(one.lirp, one.lsrp + 1):
                act = edit.enter if layer == one.lirp else edit.leave if layer == one.lsrp else edit.between
                hidden = act(layer, hidden)
            ends.append(hidden)
        torch.testing.assert_close(*ends)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_it_keeps_shapes_and_types_and_what_it_is_given(name: str, dtype: torch.dtype) -> None:
    edit = _edit(name)
    for shape in ((HIDDEN,), (2, HIDDEN), (2, 3, HIDDEN)):
        hidden = torch.randn(shape).to(dtype)
        before = hidden.clone()
        for act in (edit.enter, edit.between, edit.leave):
            for layer in range(1, LAYERS):
                after = act(layer, hidden)
                assert after.shape == hidden.shape and after.dtype == dtype
        assert hidden.equal(before), "states are shared with other pairs"


def test_it_acts_on_each_token_alone_and_the_same_way_each_time(name: str) -> None:
    hidden = torch.randn(2, 3, HIDDEN, generator=torch.Generator().manual_seed(3))
    edit, again = _edit(name), _edit(name)
    for method in ("enter", "between", "leave"):
        whole = getattr(edit, method)(2, hidden)
        torch.testing.assert_close(getattr(again, method)(2, hidden), whole)
        torch.testing.assert_close(getattr(edit, method)(2, hidden[1, 2]), whole[1, 2])


def test_it_changes_something_and_says_whether_between_the_layers(name: str) -> None:
    edit, hidden = _edit(name), torch.randn(4, HIDDEN)
    changed = [not act(2, hidden).equal(hidden) for act in (edit.enter, edit.leave)]
    assert any(changed) or edit.acts_between
    assert edit.acts_between or edit.between(2, hidden).equal(hidden)


def test_strength_one_is_the_intervention_itself_and_others_are_of_both_ways(name: str) -> None:
    edit, hidden = _edit(name), torch.randn(4, HIDDEN)
    for act in ("enter", "between", "leave"):
        whole, same = getattr(edit, act)(2, hidden), getattr(edit.at_strength(1.0, 1.0), act)(2, hidden)
        assert same.equal(whole)
        if edit.before_leaving_uses_back or act == "leave":
            continue
        one, other = (getattr(edit.at_strength(0.5, back), act)(2, hidden) for back in (0.5, 0.25))
        assert one.equal(other), "pairs that differ in the way back alone share the run up to it"
