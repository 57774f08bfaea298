"""Strengths multiply the two ways of an intervention, and what is none is refused."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.settings import ProjectionSettings, ProjectionTokens
from lrp2_bench.core.types import LayerPair
from lrp2_bench.interventions.base import Edit
from lrp2_bench.interventions.projection import ProjectionVectors
from lrp2_bench.interventions.registry import intervention, is_label, name_in
from lrp2_bench.interventions.tokens import OnTokens

NAN, INF = float("nan"), float("inf")


def _vectors() -> ProjectionVectors:
    generator = torch.Generator().manual_seed(1)
    return ProjectionVectors(torch.randn(4, 8, generator=generator), torch.randn(4, 8, generator=generator))


@pytest.mark.parametrize("on_some", [False, True])
def test_each_way_is_multiplied_by_its_own_strength(on_some: bool) -> None:
    vectors, hidden = _vectors(), torch.randn(3, 8)
    edit: Edit = OnTokens(vectors, lambda batch: batch.keep) if on_some else vectors
    half = edit.at_strength(0.5, 0.25)
    assert half.enter(2, hidden).equal(hidden + 0.5 * vectors.added[2])
    assert half.leave(3, hidden).equal(hidden - 0.25 * vectors.subtracted[3])
    assert edit.for_pair(LayerPair(1, 2, 0.5, 0.25)).leave(3, hidden).equal(half.leave(3, hidden))
    assert edit.for_pair(LayerPair(1, 2, 0.5)).leave(3, hidden).equal(hidden - 0.5 * vectors.subtracted[3])
    for same in (edit.for_pair(LayerPair(1, 2)), edit.for_pair(None)):
        assert same is edit


class _Rigid(Edit):
    def enter(self, layer: int, hidden: torch.Tensor) -> torch.Tensor:
        return hidden + 1

    leave = enter


def test_an_edit_that_knows_no_strength_is_used_at_strength_one_alone() -> None:
    rigid = _Rigid()
    assert rigid.at_strength(1.0, 1.0) is rigid
    with pytest.raises(BenchError, match="_Rigid knows no strength but 1"):
        rigid.at_strength(0.5, 0.5)


@pytest.mark.parametrize(
    ("settings", "label"),
    [
        ({"strength": 0.5}, "lrp2_s0.5"),
        ({"strength": 0.5, "strength_back": 0.5}, "lrp2_s0.5"),
        ({"strength": 0.5, "strength_back": 0.25}, "lrp2_s0.5_b0.25"),
        ({"strength_back": 2}, "lrp2_b2"),
        ({"strength": 1e-5}, "lrp2_s0.00001"),
        ({"kind": "random", "seed": 3, "tokens": ProjectionTokens.text, "strength": 10}, "random_seed3_text_s10"),
        ({"kind": "lirp_only", "strength": 0.5}, "lirp_only_s0.5"),
        ({"kind": "subspace", "strength": 0.3, "strength_back": 0}, "subspace_s0.3_b0"),
    ],
)
def test_a_strength_of_its_own_is_in_the_label(settings: dict[str, Any], label: str) -> None:
    assert intervention(ProjectionSettings(**settings)).label == label
    assert is_label(label) and name_in(label) == settings.get("kind", "lrp2")


@pytest.mark.parametrize("text", ["lrp2_s", "lrp2_s.5", "lrp2_b0.5_s0.5", "lrp2_s-1", "lrp2_s1e5", "strong_s0.5"])
def test_what_only_looks_like_a_strength_is_an_experiments_name(text: str) -> None:
    assert not is_label(text)


@pytest.mark.parametrize("name", ["strength", "strength_back"])
@pytest.mark.parametrize(
    ("value", "why"),
    [
        (-0.5, "negative"),
        (NAN, "not a number"), (INF, "not a number"), (-INF, "not a number"), (True, "not a number"),
        ("0.5", "not a number"),
    ],
)  # fmt: skip
def test_what_is_no_strength_is_refused_with_what_is(name: str, value: Any, why: str) -> None:
    give = "above 0" if name == "strength" else r"from 0 \(no way back\) on"
    with pytest.raises(BenchError, match=rf"(?s)projection.{name}=.*{why}.*Give numbers {give}.*{name}=0.5"):
        intervention(ProjectionSettings(**{name: value}))


@pytest.mark.parametrize("value", [0, -0.0, 1e-9])
def test_none_on_the_way_back_is_a_strength_and_none_on_the_way_there_is_not(value: float) -> None:
    assert intervention(ProjectionSettings(strength_back=value)).strengths == (1.0, 0.0)
    with pytest.raises(BenchError, match="(?s)projection.strength=.*that is the baseline"):
        intervention(ProjectionSettings(strength=value))


@pytest.mark.parametrize("kind", ["lirp_only", "lsrp_only"])
def test_one_side_alone_has_no_strength_of_a_way_back(kind: str) -> None:
    with pytest.raises(BenchError, match="projection.strength_back=0.5 has no effect"):
        intervention(ProjectionSettings(kind, strength_back=0.5))
