"""What a search is asked to look at: pairs at strengths, given pairs, and ranges; what is none is refused by name."""

from __future__ import annotations

from typing import Any

import pytest

from lrp2_bench.commands.search.asked import Asked, what_is_asked
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.settings import ProjectionSettings, SearchCommand, SearchKind, SearchSettings
from lrp2_bench.core.types import LayerPair, all_pairs
from lrp2_bench.interventions.registry import intervention
from lrp2_bench.search.space import Ranges

NAN = float("nan")


def _asked(kind: str, projection: dict[str, Any] | None = None, **search: Any) -> Asked:
    settings = SearchCommand(
        search=SearchSettings(SearchKind(kind), **search), projection=ProjectionSettings(**(projection or {}))
    )
    return what_is_asked(settings, intervention(settings.projection))


def _pairs(asked: Asked, projection: str = "lrp2", blocks: int = 4) -> list[LayerPair]:
    return list(asked.pairs(intervention(ProjectionSettings(projection)), blocks))


def test_strengths_multiply_the_pairs_each_once_and_without_the_baselines() -> None:
    assert _pairs(_asked("grid")) == list(all_pairs(4))
    found = _pairs(_asked("racing", strengths=[1, 0.5, 0, 0.5, 0.1234567]))
    assert found == [pair.at(each) for pair in all_pairs(4) for each in (0.123457, 0.5, 1.0)]
    assert [pair.back for pair in _pairs(_asked("pairs", pairs=[[1, 2, 0.5, 0], [1, 2, 0.5, -0.0]]))] == [0.0]
    assert {pair.back for pair in _pairs(_asked("grid", strengths=[0.5], strengths_back=[0, 0.25]))} == {0.0, 0.25}
    assert _asked("tpe", strength_range=[0.1, 2], strength_back_range=[0, 1]).ranges is not None
    both = _pairs(_asked("grid", strengths=[0.5], strengths_back=[2, 0.5]))
    assert both == [pair.at(0.5, back) for pair in all_pairs(4) for back in (None, 2.0)]
    assert len(_pairs(_asked("grid", {"kind": "lirp_only"}, strengths=[0.5, 1]), "lirp_only")) == 6


def test_given_pairs_are_taken_as_they_are_each_once() -> None:
    assert _pairs(_asked("pairs", pairs=[[2, 3], [1, 3], [2, 3]])) == [LayerPair(1, 3), LayerPair(2, 3)]
    mixed = _pairs(_asked("pairs", pairs=[[1, 3], [1, 3, 0.5, 0.25], [1, 3, 0.5, 0.5], [1, 3, 1]]))
    assert mixed == [LayerPair(1, 3, 0.5, 0.25), LayerPair(1, 3, 0.5), LayerPair(1, 3, 1.0)]
    assert _pairs(_asked("pairs", {"kind": "lirp_only"}, pairs=[[1, 2, 0.5]]), "lirp_only") == [LayerPair(1, 4, 0.5)]
    assert _pairs(_asked("pairs", {"strength": 0.5}, pairs=[[1, 2]])) == [LayerPair(1, 2)]


def test_ranges_are_the_samplers() -> None:
    asked = _asked("tpe", strength_range=[0.1, 2], strength_back_range=[0.5, 1])
    assert asked.ranges == Ranges((0.1, 2.0), (0.5, 1.0)) and _pairs(asked) == list(all_pairs(4))
    assert _asked("tpe", strengths=[0.5, 1]).strengths == ((0.5, None), (1.0, None))


def test_beside_stored_strengths_those_without_are_of_strength_one() -> None:
    stored = {LayerPair(1, 2, 0.5)}
    for asked in (_asked("grid"), _asked("baseline"), _asked("pairs", pairs=[[1, 2]])):
        beside = asked.beside(stored)
        assert all(pair.strength == 1.0 for pair in _pairs(beside))
        assert set(beside.everything([], stored, 3)) == {None, *stored, *(pair.at(1.0) for pair in all_pairs(3))}
        assert asked.beside(()) is asked


@pytest.mark.parametrize(
    ("kind", "search", "said"),
    [
        ("pairs", {}, r"needs search.pairs, a list of \[LIRP,LSRP\]"),
        ("pairs", {"pairs": []}, "search=baseline"),
        ("pairs", {"pairs": "14/16"}, "not '14/16'"),
        ("pairs", {"pairs": [14, 16]}, "search.pairs: 14 is no pair"),
        ("pairs", {"pairs": [[1, 2], ["1", 2]]}, r"\['1', 2\] has a layer that is not a whole number"),
        ("pairs", {"pairs": [[1.5, 2]]}, r"\[1.5, 2\] has a layer"),
        ("pairs", {"pairs": [[True, 2]]}, r"\[True, 2\] has a layer"),
        ("pairs", {"pairs": [[2, 2]]}, r"\[2, 2\] is no pair of layers"),
        ("pairs", {"pairs": [[0, 2]]}, r"\[0, 2\] is no pair of layers"),
        ("pairs", {"pairs": [[1]]}, r"\[1\] has 1 numbers"),
        ("pairs", {"pairs": [[1, 2, 3, 4, 5]]}, "has 5 numbers"),
        ("pairs", {"pairs": [[1, 2, 0.5, -1]]}, r"\[1, 2, 0.5, -1\] has a strength that is none: .*negative"),
        ("grid", {"strengths": [0.5], "strengths_back": [-1]}, "search.strengths_back=-1 is negative"),
        ("grid", {"strengths": [1], "strengths_back": []}, r"search.strengths_back=\[\] has no strength"),
        ("pairs", {"pairs": [[1, 2, 0]]}, r"\[1, 2, 0\] has a strength that is none: .*baseline"),
        ("pairs", {"pairs": [[1, 2, 0.5, NAN]]}, "not a number"),
        ("pairs", {"pairs": [[1, 2, None]]}, "not a number"),
        ("pairs", {"pairs": [[1, 2]], "strengths": [0.5]}, "search.strengths has no effect on search=pairs"),
        ("grid", {"pairs": [[1, 2]]}, "search.pairs has no effect on search=grid.\nIt is for search=pairs"),
        ("grid", {"strengths": []}, r"search.strengths=\[\] has no strength"),
        ("grid", {"strengths": [0]}, r"search.strengths=\[0\] has no strength"),
        ("grid", {"strengths": [0.5, -1]}, r"search.strengths=-1 is negative.*\n.*search.strengths=\[0.5,1.0\]"),
        ("grid", {"strengths": [NAN]}, "search.strengths=nan is not a number"),
        ("grid", {"strengths_back": [0.5]}, "needs search.strengths"),
        ("grid", {"strength_range": [0.1, 2]}, "strength_range has no effect on search=grid.\nIt is for search=tpe"),
        ("tpe", {"strength_range": [0.1]}, "is no range"),
        ("tpe", {"strength_range": [2, 0.1]}, "least not below its most"),
        ("tpe", {"strength_range": [0, 2]}, "baseline"),
        ("tpe", {"strength_range": [0.1, 2], "strengths": [1]}, "contradict"),
        ("tpe", {"strength_back_range": [0.1, 2]}, "needs search.strength_range"),
    ],
)
def test_what_cannot_be_searched_is_refused_with_what_can(kind: str, search: dict[str, Any], said: str) -> None:
    with pytest.raises(BenchError, match=f"(?s){said}"):
        _asked(kind, **search)


@pytest.mark.parametrize(
    ("projection", "search", "said"),
    [
        ({"strength": 0.5}, {"strengths": [0.5, 1]}, "projection.strength=0.5 is the strength of a whole run"),
        ({"strength_back": 0.0}, {"strengths": [1]}, "projection.strength_back=0 is the strength of a whole run"),
        ({"kind": "lirp_only"}, {"strengths": [1], "strengths_back": [1]}, "has one side"),
    ],
)
def test_strengths_that_a_run_and_its_search_both_set_are_refused(
    projection: dict[str, Any], search: dict[str, Any], said: str
) -> None:
    with pytest.raises(BenchError, match=said):
        _asked("grid", projection, **search)


def test_a_given_pair_beyond_the_model_is_refused_by_name() -> None:
    with pytest.raises(BenchError, match=r"search.pairs: \[3, 5, 0.5\] is out of range: the model has 4 blocks"):
        _pairs(_asked("pairs", pairs=[[1, 2], [3, 5, 0.5]]))
