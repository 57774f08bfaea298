"""Layer pairs, filled templates and pools."""

from __future__ import annotations

import pytest

from lrp2_bench.core.types import LayerPair, all_pairs
from tests.support.probing import fact_of, relation_of


@pytest.mark.parametrize(("lirp", "lsrp"), [(0, 1), (2, 2), (3, 2), (-1, 4)])
def test_a_pair_that_cannot_be_is_refused_with_its_values(lirp: int, lsrp: int) -> None:
    with pytest.raises(ValueError, match=f"lirp={lirp}, lsrp={lsrp}"):
        LayerPair(lirp, lsrp)


@pytest.mark.parametrize(("blocks", "count"), [(1, 0), (2, 1), (12, 66), (24, 276)])
def test_a_model_has_as_many_pairs_as_the_paper_counts(blocks: int, count: int) -> None:
    pairs = all_pairs(blocks)
    assert len(pairs) == len(set(pairs)) == count
    assert all(1 <= pair.lirp < pair.lsrp <= blocks for pair in pairs)
    assert list(pairs) == sorted(pairs, key=lambda pair: (pair.lirp, pair.lsrp))


@pytest.mark.parametrize(
    ("template", "filled"),
    [
        ("The capital of [X] is [Y] .", "The capital of France is Paris ."),
        ("[Y] is the capital of [X] .", "Paris is the capital of France ."),
        ("[X][Y]", "FranceParis"),
    ],
)
def test_both_slots_are_filled_wherever_they_stand(template: str, filled: str) -> None:
    assert relation_of(template, []).fill(fact_of("France"), "Paris").text == filled


@pytest.mark.parametrize("template", ["[X] is [Y] .", "[Y] is [X] ."])
def test_labels_that_read_like_slots_stay_as_they_are(template: str) -> None:
    filled = relation_of(template, []).fill(fact_of("a [Y] b"), "c [X] d").text
    assert filled == ("a [Y] b is c [X] d ." if template.startswith("[X]") else "c [X] d is a [Y] b .")


def test_the_pool_holds_every_object_once_by_code_points() -> None:
    relation = relation_of("[X] [Y]", [("a", "zebra"), ("b", "Zebra"), ("c", "zebra"), ("d", "Ähre")], ["apfel"])
    assert relation.pool == ("Zebra", "apfel", "zebra", "Ähre")


def test_objects_that_share_a_label_are_one_candidate() -> None:
    relation = relation_of("[X] [Y]", [("a", "Georgia")])
    twins = type(relation)(relation.name, relation.template, relation.facts, {"Q230": "Georgia", "Q1428": "Georgia"})
    assert twins.pool == ("Georgia",)


def test_a_strength_of_the_way_back_that_is_the_same_is_none() -> None:
    assert LayerPair(1, 2).at(0.5, 0.5) == LayerPair(1, 2, 0.5) and LayerPair(1, 2).at() == LayerPair(1, 2)
    assert LayerPair(1, 2).at(0.5, 0.25).strength_back == 0.25
    with pytest.raises(ValueError, match=r"A pair of one strength, 0\.5"):
        LayerPair(1, 2, 0.5, 0.5)
